/** Reactivates an artifact: its bytes are handed out again, and ranges find it. Who and why stands in the audit trail. */
import type { Artifact } from '#core/artifact.ts';
import { assertTransition } from '#core/lifecycle.ts';
import { artifactRecords } from '#metadata/metadata.ts';
import { changeArtifact, type ReasonedChangeInput } from './change-artifact.ts';
import { checkReason } from './check-reason.ts';
import type { OpContext } from './context.ts';

export type ReactivateArtifactInput = ReasonedChangeInput;

/** @throws AppError ARTIFACT_NOT_FOUND, FORBIDDEN, TYPE_UNLOADED, REVISION_CONFLICT, STATE_CONFLICT, INPUT_INVALID */
export async function reactivateArtifact(context: OpContext, input: ReactivateArtifactInput): Promise<Artifact> {
  const change = { kind: 'artifact.reactivated', action: 'artifact:reactivate', detail: checkReason(input.reason) } as const;
  return changeArtifact(context, input, change, async (tx, locked) => {
    const state = assertTransition(locked.state, 'reactivate');
    if (state === locked.state) return undefined;
    return artifactRecords.setArtifactState(tx, locked.id, state, null);
  });
}
