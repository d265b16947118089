/** The part of every publish that writes: under the locks a draft that passed its checks is pinned, digested, made active and told. */
import { AppError } from '#base/app-error.ts';
import { failpoint } from '#base/failpoint.ts';
import type { Artifact } from '#core/artifact.ts';
import type { Sql } from '#metadata/database.ts';
import { artifactRecords, closurePartRecords, familyRecords } from '#metadata/metadata.ts';
import { assertNotOvertaken, lockCurrent } from './change-artifact.ts';
import { assertSameAsDeleted, findLive, versionExists } from './check-version.ts';
import { saveOutline } from './closure-outlines.ts';
import { toClosureParts } from './closure-parts.ts';
import type { OpContext } from './context.ts';
import { freezeArtifact } from './freeze-artifact.ts';
import { keepFirstImageText } from './image-texts.ts';
import type { PreparedPublish } from './prepare-publish.ts';
import { recordArtifactChange } from './record-change.ts';
import type { PinnedDependency } from './resolve-dependencies.ts';

/** The draft, published; or the live version of the same digest, and the draft is as it was. */
export type DraftOutcome =
  | { readonly published: Artifact; readonly live?: undefined }
  | { readonly published?: undefined; readonly live: Artifact };

/** The first lock of a publish. */
export async function lockFamilyOf(tx: Sql, { familyId }: Pick<Artifact, 'familyId'>): Promise<void> {
  if (familyId !== null) await familyRecords.lockFamily(tx, familyId);
}

/**
 * In a transaction that has the family's lock.
 * @throws AppError VERSION_EXISTS, ARTIFACT_DELETED, ARTIFACT_NOT_FOUND, and what freezeArtifact throws; to be tried again when overtaken
 */
export async function publishDraft(tx: Sql, context: OpContext, prepared: PreparedPublish): Promise<DraftOutcome> {
  const { artifact, properties } = prepared;
  assertNotOvertaken(await lockCurrent(tx, artifact.id, undefined), artifact);
  const { digest, pins } = await freezeArtifact(tx, context, prepared);
  const live = await findLive(tx, artifact);
  if (live !== undefined) {
    // Its version is still reserved; to answer it would be to answer something deleted.
    if (live.state === 'pending_delete') throw new AppError('ARTIFACT_DELETED', undefined, { details: { id: live.id } });
    if (live.digest !== digest) throw versionExists(live);
    return { live };
  }
  await assertSameAsDeleted(tx, artifact, digest);
  const published = await artifactRecords.publishArtifact(tx, artifact.id, properties, digest);
  await artifactRecords.beginName(tx, artifact.id);
  await saveClosure(tx, context, published, pins);
  await keepFirstImageText(tx, context, published);
  await recordArtifactChange(tx, context, { kind: 'artifact.published', action: 'artifact:publish' }, published);
  await failpoint('publish:commit');
  return { published };
}

/** What makes its closure, and those it will be part of, quick to read. */
async function saveClosure(tx: Sql, context: OpContext, artifact: Artifact, pins: readonly PinnedDependency[]): Promise<void> {
  const parts = toClosureParts(artifact, pins);
  await closurePartRecords.saveClosureParts(tx, parts);
  if (parts.length > 0 && pins.length > 0) await saveOutline(tx, context, artifact.id);
}
