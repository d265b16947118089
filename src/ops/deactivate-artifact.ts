/** Deactivates an artifact: its metadata stay readable, its bytes are refused to all but administrators. */
import type { Artifact } from '#core/artifact.ts';
import { assertTransition } from '#core/lifecycle.ts';
import { artifactRecords } from '#metadata/metadata.ts';
import { changeArtifact, type ReasonedChangeInput } from './change-artifact.ts';
import { checkReason, checkText } from './check-reason.ts';
import type { OpContext } from './context.ts';

export type DeactivateArtifactInput = ReasonedChangeInput;

/** @throws AppError ARTIFACT_NOT_FOUND, FORBIDDEN, TYPE_UNLOADED, REVISION_CONFLICT, STATE_CONFLICT, INPUT_INVALID */
export async function deactivateArtifact(context: OpContext, input: DeactivateArtifactInput): Promise<Artifact> {
  const change = { kind: 'artifact.deactivated', action: 'artifact:deactivate', detail: checkReason(input.reason) } as const;
  return changeArtifact(context, input, change, async (tx, locked) => {
    const state = assertTransition(locked.state, 'deactivate');
    if (state === locked.state) return undefined;
    return artifactRecords.setArtifactState(tx, locked.id, state, checkText(input.reason, '/reason'));
  });
}
