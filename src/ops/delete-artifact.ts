/**
 * Deletes an artifact: its references to bytes go, a tombstone with family, version and digest stays. With a delay it is
 * withdrawn first, and can be restored until a purge does the rest.
 */
import { AppError } from '#base/app-error.ts';
import { failpoint } from '#base/failpoint.ts';
import type { Artifact } from '#core/artifact.ts';
import { assertTransition } from '#core/lifecycle.ts';
import type { Sql } from '#metadata/database.ts';
import { artifactRecords, dependencyRecords } from '#metadata/metadata.ts';
import { changeArtifact, type LockedArtifact, type ReasonedChangeInput } from './change-artifact.ts';
import { checkReason } from './check-reason.ts';
import type { OpContext } from './context.ts';

export type DeleteArtifactInput = ReasonedChangeInput;

/** Most dependents that the refusal names. */
const namedMax = 20;

/**
 * Answers the artifact as it was last, in state `deleted`; or, where deletes are delayed, `pending_delete` with `expiresAt`. A
 * draft goes at once. Dependents in other projects never stand in the way.
 * @throws AppError ARTIFACT_NOT_FOUND, FORBIDDEN, TYPE_UNLOADED, REVISION_CONFLICT, ARTIFACT_DELETED, ARTIFACT_PROTECTED,
 *   ARTIFACT_REQUIRED naming dependents of the same project
 */
export async function deleteArtifact(context: OpContext, input: DeleteArtifactInput): Promise<Artifact> {
  const change = { kind: kindOf, action: 'artifact:delete', detail: checkReason(input.reason) } as const;
  const delayMs = context.settings.storage.deleteDelayMs;
  const gone = await changeArtifact(context, input, change, async (tx, locked) => {
    const isDelayed = delayMs > 0 && locked.state !== 'draft';
    assertTransition(locked.state, isDelayed ? 'delay' : 'delete');
    if (locked.protected) throw new AppError('ARTIFACT_PROTECTED');
    await assertNotRequired(tx, locked);
    await failpoint('delete:before');
    if (isDelayed) return artifactRecords.delayDelete(tx, locked.id, delayMs);
    const deleted = await artifactRecords.deleteArtifact(tx, locked.id);
    await failpoint('delete:rows');
    return deleted;
  });
  await failpoint('delete:done');
  return gone;
}

function kindOf({ state }: Artifact): string {
  return state === 'pending_delete' ? 'artifact.delete.delayed' : 'artifact.deleted';
}

/** A publish that pins this artifact holds its row until it commits, so this look misses none. */
async function assertNotRequired(tx: Sql, { id, project }: LockedArtifact): Promise<void> {
  const dependents = await dependencyRecords.listActiveDependents(tx, id, project, namedMax);
  if (dependents.length === 0) return;
  // Of the artifact's own project, so whoever may delete it may see them.
  const named = dependents.map((dependent) => ({ ...dependent }));
  throw new AppError('ARTIFACT_REQUIRED', undefined, { details: { dependents: named } });
}
