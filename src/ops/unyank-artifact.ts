/** Takes a yank back: ranges find the version again. */
import type { Artifact } from '#core/artifact.ts';
import { artifactRecords } from '#metadata/metadata.ts';
import { changeArtifact, type ReasonedChangeInput } from './change-artifact.ts';
import { assertPublished } from './check-published.ts';
import { checkReason } from './check-reason.ts';
import type { OpContext } from './context.ts';

export type UnyankArtifactInput = ReasonedChangeInput;

/** @throws AppError ARTIFACT_NOT_FOUND, FORBIDDEN, TYPE_UNLOADED, REVISION_CONFLICT, STATE_CONFLICT for a draft */
export async function unyankArtifact(context: OpContext, input: UnyankArtifactInput): Promise<Artifact> {
  const change = { kind: 'artifact.unyanked', action: 'artifact:yank', detail: checkReason(input.reason) } as const;
  return changeArtifact(context, input, change, async (tx, locked) => {
    assertPublished(locked.state, 'yanked');
    return locked.yanked ? artifactRecords.unyankArtifact(tx, locked.id) : undefined;
  });
}
