/** Reactivates an artifact: its bytes are handed out again, and ranges find it. Who and why stands in the audit trail. */
import type { Artifact } from '#core/artifact.ts';
import { assertTransition } from '#core/lifecycle.ts';
import { artifactRecords } from '#metadata/metadata.ts';
import { changeArtifact } from './change-artifact.ts';
import { checkReason } from './check-reason.ts';
import type { OpContext } from './context.ts';
import { loadArtifact, loadedType } from './load-artifact.ts';

export interface ReactivateArtifactInput {
  readonly id: string;
  readonly expectedRevision?: number | undefined;
  readonly reason?: string | null | undefined;
}

/** @throws AppError ARTIFACT_NOT_FOUND, FORBIDDEN, TYPE_UNLOADED, REVISION_CONFLICT, STATE_CONFLICT, INPUT_INVALID */
export async function reactivateArtifact(context: OpContext, input: ReactivateArtifactInput): Promise<Artifact> {
  const artifact = await loadArtifact(context, input.id, 'artifact:reactivate');
  loadedType(context, artifact);
  const { id } = artifact;
  const { expectedRevision } = input;
  const detail = checkReason(input.reason);
  const change = { id, expectedRevision, kind: 'artifact.reactivated', action: 'artifact:reactivate', detail } as const;
  return changeArtifact(context, change, async (tx, locked) => {
    const state = assertTransition(locked.state, 'reactivate');
    if (state === locked.state) return undefined;
    return artifactRecords.setArtifactState(tx, id, state, null);
  });
}
