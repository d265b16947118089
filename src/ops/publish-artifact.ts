/** Publishes a draft: checked without a lock, then in one transaction pinned, digested, made active and told. */
import { AppError, isAppError } from '#base/app-error.ts';
import { failpoint } from '#base/failpoint.ts';
import type { Artifact } from '#core/artifact.ts';
import { assertTransition } from '#core/lifecycle.ts';
import type { Sql } from '#metadata/database.ts';
import { artifactRecords, closurePartRecords, familyRecords } from '#metadata/metadata.ts';
import { assertNotOvertaken, lockCurrent, untilCurrent } from './change-artifact.ts';
import { assertSameAsDeleted, findLive, versionExists } from './check-version.ts';
import { toClosureParts } from './closure-parts.ts';
import type { OpContext } from './context.ts';
import { freezeArtifact } from './freeze-artifact.ts';
import { assertRevision, loadArtifact, resourceOf } from './load-artifact.ts';
import { type PreparedPublish, preparePublish } from './prepare-publish.ts';
import { recordArtifactChange } from './record-change.ts';
import { findReplay, type Repeatable, repeatable, runOnce } from './run-once.ts';

export interface PublishArtifactInput {
  readonly id: string;
  readonly expectedRevision?: number | undefined;
  readonly idempotencyKey?: string | undefined;
}

/**
 * Answers the published artifact. Where a live version of the same digest is there already, that one, and the draft is gone.
 *
 * Locks are taken in one order everywhere: family, the artifact, its blobs, what it depends on by id. Pins point one way
 * only, so nobody waits in a circle; should statements meet all the same, the database ends one and it is run again.
 * @throws AppError ARTIFACT_NOT_FOUND, FORBIDDEN, STATE_CONFLICT, REVISION_CONFLICT, VERSION_EXISTS, ARTIFACT_DELETED,
 *   KEY_REUSED, and what
 *   preparePublish and freezeArtifact throw
 */
export async function publishArtifact(context: OpContext, input: PublishArtifactInput): Promise<Artifact> {
  const request = repeatable(context, 'artifact:publish', input);
  return untilCurrent(async () => {
    const replay = await findAllowedReplay(context, request);
    if (replay !== undefined) return replay;
    const artifact = await loadDraft(context, input, request);
    if (artifact.state !== 'draft') return artifact;
    const prepared = await preparePublish(context, artifact);
    await failpoint('publish:begin');
    const published = await runOnce(context, request, (tx) => publish(tx, context, prepared));
    await failpoint('publish:done');
    return published;
  });
}

/** A key opens nothing to a caller who has lost the right since. */
async function findAllowedReplay(context: OpContext, request: Repeatable | undefined): Promise<Artifact | undefined> {
  const replay = await findReplay(context, request);
  if (replay !== undefined) context.policy.authorise(context.caller, 'artifact:publish', resourceOf(replay));
  return replay;
}

/** The draft; or, where the same request has just published it on another node, what that answered. */
async function loadDraft(context: OpContext, input: PublishArtifactInput, request: Repeatable | undefined): Promise<Artifact> {
  try {
    const artifact = await loadArtifact(context, input.id, 'artifact:publish');
    assertTransition(artifact.state, 'publish');
    assertRevision(artifact, input.expectedRevision);
    return artifact;
  } catch (error) {
    const isDone = isAppError(error, 'STATE_CONFLICT') || isAppError(error, 'ARTIFACT_NOT_FOUND');
    const replay = isDone ? await findAllowedReplay(context, request) : undefined;
    if (replay === undefined) throw error;
    return replay;
  }
}

async function publish(tx: Sql, context: OpContext, prepared: PreparedPublish): Promise<Artifact> {
  const { artifact, properties } = prepared;
  if (artifact.familyId !== null) await familyRecords.lockFamily(tx, artifact.familyId);
  const locked = await lockCurrent(tx, artifact.id, undefined);
  assertNotOvertaken(locked, artifact);
  const { digest, pins } = await freezeArtifact(tx, context, prepared);
  const live = await findLive(tx, artifact);
  if (live !== undefined) {
    // Its version is still reserved; to answer it would be to answer something deleted.
    if (live.state === 'pending_delete') throw new AppError('ARTIFACT_DELETED', undefined, { details: { id: live.id } });
    if (live.digest !== digest) throw versionExists(live);
    return replaceByLive(tx, context, artifact, live);
  }
  await assertSameAsDeleted(tx, artifact, digest);
  const published = await artifactRecords.publishArtifact(tx, artifact.id, properties, digest);
  await artifactRecords.beginName(tx, artifact.id);
  await closurePartRecords.saveClosureParts(tx, toClosureParts(published, pins));
  await recordArtifactChange(tx, context, { kind: 'artifact.published', action: 'artifact:publish' }, published);
  await failpoint('publish:commit');
  return published;
}

/** Publishing the same thing twice is one artifact: the draft goes, the live one is the answer. */
async function replaceByLive(tx: Sql, context: OpContext, draft: Artifact, live: Artifact): Promise<Artifact> {
  const removed = await artifactRecords.deleteArtifact(tx, draft.id);
  const detail = { sameAs: live.id };
  await recordArtifactChange(tx, context, { kind: 'artifact.deleted', action: 'artifact:publish', detail }, removed);
  return live;
}
