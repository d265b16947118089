/** The frame of a change to one artifact: lock, check the revision, change, record; and doing it again when it was overtaken. */
import { AppError } from '#base/app-error.ts';
import type { JsonObject } from '#base/json.ts';
import type { Artifact } from '#core/artifact.ts';
import type { Sql } from '#metadata/database.ts';
import { artifactRecords } from '#metadata/metadata.ts';
import type { Action } from '#policy/policy.ts';
import type { OpContext } from './context.ts';
import { keepImageText } from './image-texts.ts';
import { artifactNotFound, assertRevision, findArtifact, loadArtifact, loadedType } from './load-artifact.ts';
import { recordArtifactChange } from './record-change.ts';

export type LockedArtifact = artifactRecords.LockedArtifact;

export interface ChangeInput {
  readonly id: string;
  /** Only of this type: others are not found. */
  readonly type?: string | undefined;
  readonly expectedRevision?: number | undefined;
}

/** A change that may say why it was made. */
export interface ReasonedChangeInput extends ChangeInput {
  readonly reason?: string | null | undefined;
}

export interface ArtifactChange {
  /** What happened; told from the artifact after the change where it depends on it. */
  readonly kind: string | ((changed: Artifact) => string);
  readonly action: Action;
  readonly detail?: JsonObject;
}

/**
 * Runs `apply` under the lock of an artifact that the caller may change, and records what it did. `apply` answers undefined
 * where nothing is to change: saying the same thing twice is no new revision and no event.
 * @throws AppError ARTIFACT_NOT_FOUND, FORBIDDEN, TYPE_UNLOADED, REVISION_CONFLICT
 */
export async function changeArtifact(
  context: OpContext,
  { id: given, type, expectedRevision }: ChangeInput,
  change: ArtifactChange,
  apply: (tx: Sql, locked: LockedArtifact) => Promise<Artifact | undefined>,
): Promise<Artifact> {
  const artifact = await loadArtifact(context, given, change.action, type);
  loadedType(context, artifact);
  const { id } = artifact;
  return context.db.transaction(
    async (tx) => {
      const locked = await lockCurrent(tx, id, expectedRevision, change.action === 'artifact:restore');
      const changed = await apply(tx, locked);
      if (changed !== undefined) {
        await keepImageText(tx, context, changed);
        const kind = typeof change.kind === 'string' ? change.kind : change.kind(changed);
        await recordArtifactChange(tx, context, { ...change, kind }, changed);
        return changed;
      }
      const unchanged = await findArtifact(context, id, tx);
      if (unchanged === undefined) throw artifactNotFound(id);
      return unchanged;
    },
    { signal: context.signal },
  );
}

/**
 * @param isRestoring what waits to be deleted takes this one change
 * @throws AppError ARTIFACT_NOT_FOUND when it was deleted meanwhile, REVISION_CONFLICT, ARTIFACT_DELETED
 */
export async function lockCurrent(
  tx: Sql,
  id: string,
  expectedRevision: number | undefined,
  isRestoring = false,
): Promise<LockedArtifact> {
  const locked = await artifactRecords.lockArtifact(tx, id);
  if (locked === undefined || locked.state === 'deleted') throw artifactNotFound(id);
  assertRevision(locked, expectedRevision);
  if (locked.state === 'pending_delete' && !isRestoring) throw new AppError('ARTIFACT_DELETED');
  return locked;
}

/** Thrown under the lock when the artifact is no longer the one that the change was planned on; what callers see when tries run out. */
class OvertakenError extends AppError {
  constructor(currentRevision: number) {
    super('REVISION_CONFLICT', 'The artifact is changed faster than this change could be planned.', {
      details: { currentRevision },
    });
  }
}

/** @throws when the row has moved on since `snapshot` was read */
export function assertNotOvertaken(locked: LockedArtifact, snapshot: Artifact): void {
  if (locked.revision !== snapshot.revision) throw overtaken(locked);
}

/** What `untilCurrent` tries again for. */
export function overtaken({ revision }: Pick<Artifact, 'revision'>): AppError {
  return new OvertakenError(revision);
}

const attemptsMax = 16;

/**
 * Plans and applies again when another change came between. Plans are made without a lock, because hooks and checks may
 * take their time; a caller who named a revision gets REVISION_CONFLICT from the next plan instead.
 * @param attempt is told which one it is, from 1
 */
export async function untilCurrent<Result>(attempt: (count: number) => Promise<Result>): Promise<Result> {
  for (let count = 1; ; count += 1) {
    try {
      return await attempt(count);
    } catch (error) {
      if (!(error instanceof OvertakenError) || count === attemptsMax) throw error;
    }
  }
}
