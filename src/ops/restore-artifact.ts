/** Takes a delayed delete back: the artifact is what it was before, under its version and with its bytes. */
import { failpoint } from '#base/failpoint.ts';
import type { Artifact } from '#core/artifact.ts';
import { assertTransition } from '#core/lifecycle.ts';
import { artifactRecords } from '#metadata/metadata.ts';
import { changeArtifact, type ReasonedChangeInput } from './change-artifact.ts';
import { checkReason } from './check-reason.ts';
import type { OpContext } from './context.ts';

export type RestoreArtifactInput = ReasonedChangeInput;

/**
 * Possible until a purge has begun, also a little after the delay. What it depends on may have been deleted meanwhile; its
 * closure says so.
 * @throws AppError ARTIFACT_NOT_FOUND when it is gone for good, FORBIDDEN, TYPE_UNLOADED, REVISION_CONFLICT, STATE_CONFLICT,
 *   INPUT_INVALID
 */
export async function restoreArtifact(context: OpContext, input: RestoreArtifactInput): Promise<Artifact> {
  const change = { kind: 'artifact.restored', action: 'artifact:restore', detail: checkReason(input.reason) } as const;
  const restored = await changeArtifact(context, input, change, async (tx, locked) => {
    const state = assertTransition(locked.state, 'restore', locked.stateBeforeDelete ?? undefined);
    await failpoint('restore:before');
    return artifactRecords.restoreArtifact(tx, locked.id, state);
  });
  await failpoint('restore:done');
  return restored;
}
