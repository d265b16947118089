/** One artifact by id. */
import type { Artifact } from '#core/artifact.ts';
import type { OpContext } from './context.ts';
import { loadArtifact } from './load-artifact.ts';

/** @throws AppError ARTIFACT_NOT_FOUND */
export function getArtifact(context: OpContext, { id }: { readonly id: string }): Promise<Artifact> {
  return loadArtifact(context, id, 'artifact:read');
}
