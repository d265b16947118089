/** Deactivates an artifact: its metadata stay readable, its bytes are refused to all but administrators. */
import type { Artifact } from '#core/artifact.ts';
import { assertTransition } from '#core/lifecycle.ts';
import { artifactRecords } from '#metadata/metadata.ts';
import { changeArtifact } from './change-artifact.ts';
import { checkReason, checkText } from './check-reason.ts';
import type { OpContext } from './context.ts';
import { loadArtifact, loadedType } from './load-artifact.ts';

export interface DeactivateArtifactInput {
  readonly id: string;
  readonly expectedRevision?: number | undefined;
  readonly reason?: string | null | undefined;
}

/** @throws AppError ARTIFACT_NOT_FOUND, FORBIDDEN, TYPE_UNLOADED, REVISION_CONFLICT, STATE_CONFLICT, INPUT_INVALID */
export async function deactivateArtifact(context: OpContext, input: DeactivateArtifactInput): Promise<Artifact> {
  const artifact = await loadArtifact(context, input.id, 'artifact:deactivate');
  loadedType(context, artifact);
  const { id } = artifact;
  const { expectedRevision } = input;
  const detail = checkReason(input.reason);
  const change = { id, expectedRevision, kind: 'artifact.deactivated', action: 'artifact:deactivate', detail } as const;
  return changeArtifact(context, change, async (tx, locked) => {
    const state = assertTransition(locked.state, 'deactivate');
    if (state === locked.state) return undefined;
    return artifactRecords.setArtifactState(tx, id, state, checkText(input.reason, '/reason'));
  });
}
