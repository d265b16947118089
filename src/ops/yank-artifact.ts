/** Yanks a version: ranges no longer find it; by id, digest, pin or exact version it stays within reach. */
import type { Artifact } from '#core/artifact.ts';
import { artifactRecords } from '#metadata/metadata.ts';
import { changeArtifact } from './change-artifact.ts';
import { assertPublished } from './check-published.ts';
import { checkReason, checkText } from './check-reason.ts';
import type { OpContext } from './context.ts';
import { loadArtifact, loadedType } from './load-artifact.ts';

export interface YankArtifactInput {
  readonly id: string;
  readonly expectedRevision?: number | undefined;
  readonly reason?: string | null | undefined;
}

/** @throws AppError ARTIFACT_NOT_FOUND, FORBIDDEN, TYPE_UNLOADED, REVISION_CONFLICT, STATE_CONFLICT for a draft */
export async function yankArtifact(context: OpContext, input: YankArtifactInput): Promise<Artifact> {
  const artifact = await loadArtifact(context, input.id, 'artifact:yank');
  loadedType(context, artifact);
  const { id } = artifact;
  const { expectedRevision } = input;
  const detail = checkReason(input.reason);
  const change = { id, expectedRevision, kind: 'artifact.yanked', action: 'artifact:yank', detail } as const;
  return changeArtifact(context, change, async (tx, locked) => {
    assertPublished(locked.state, 'yanked');
    if (locked.yanked) return undefined;
    return artifactRecords.yankArtifact(tx, id, checkText(input.reason, '/reason'), context.caller.id);
  });
}
