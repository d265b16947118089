/** Takes a yank back: ranges find the version again. */
import type { Artifact } from '#core/artifact.ts';
import { artifactRecords } from '#metadata/metadata.ts';
import { changeArtifact } from './change-artifact.ts';
import { assertPublished } from './check-published.ts';
import { checkReason } from './check-reason.ts';
import type { OpContext } from './context.ts';
import { loadArtifact, loadedType } from './load-artifact.ts';

export interface UnyankArtifactInput {
  readonly id: string;
  readonly expectedRevision?: number | undefined;
  readonly reason?: string | null | undefined;
}

/** @throws AppError ARTIFACT_NOT_FOUND, FORBIDDEN, TYPE_UNLOADED, REVISION_CONFLICT, STATE_CONFLICT for a draft */
export async function unyankArtifact(context: OpContext, input: UnyankArtifactInput): Promise<Artifact> {
  const artifact = await loadArtifact(context, input.id, 'artifact:yank');
  loadedType(context, artifact);
  const { id } = artifact;
  const { expectedRevision } = input;
  const detail = checkReason(input.reason);
  const change = { id, expectedRevision, kind: 'artifact.unyanked', action: 'artifact:yank', detail } as const;
  return changeArtifact(context, change, async (tx, locked) => {
    assertPublished(locked.state, 'yanked');
    return locked.yanked ? artifactRecords.unyankArtifact(tx, id) : undefined;
  });
}
