/** Deletes an artifact: its references to bytes go, a tombstone with family, version and digest stays. */
import { AppError } from '#base/app-error.ts';
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
 * Answers the artifact as it was last, in state `deleted`. Dependents in other projects never stand in the way.
 * @throws AppError ARTIFACT_NOT_FOUND, FORBIDDEN, TYPE_UNLOADED, REVISION_CONFLICT, STATE_CONFLICT, ARTIFACT_PROTECTED,
 *   ARTIFACT_REQUIRED naming dependents of the same project
 */
export async function deleteArtifact(context: OpContext, input: DeleteArtifactInput): Promise<Artifact> {
  const change = { kind: 'artifact.deleted', action: 'artifact:delete', detail: checkReason(input.reason) } as const;
  return changeArtifact(context, input, change, async (tx, locked) => {
    assertTransition(locked.state, 'delete');
    if (locked.protected) throw new AppError('ARTIFACT_PROTECTED');
    await assertNotRequired(tx, locked);
    return artifactRecords.deleteArtifact(tx, locked.id);
  });
}

/** A publish that pins this artifact holds its row until it commits, so this look misses none. */
async function assertNotRequired(tx: Sql, { id, project }: LockedArtifact): Promise<void> {
  const dependents = await dependencyRecords.listActiveDependents(tx, id, project, namedMax);
  if (dependents.length === 0) return;
  // Of the artifact's own project, so whoever may delete it may see them.
  const named = dependents.map((dependent) => ({ ...dependent }));
  throw new AppError('ARTIFACT_REQUIRED', undefined, { details: { dependents: named } });
}
