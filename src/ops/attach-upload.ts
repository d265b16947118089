/** The end of every upload, however its bytes came: they become a blob, the blob stands in its place, the session is over, in one transaction. */
import { AppError } from '#base/app-error.ts';
import { failpoint } from '#base/failpoint.ts';
import type { BlobStore } from '#blobs/blob-store.ts';
import type { ReceivedBlob } from '#blobs/blobs.ts';
import type { SlotEntry } from '#core/artifact.ts';
import type { Sql } from '#metadata/database.ts';
import { artifactRecords, attachRecords, blobRecords, uploadRecords } from '#metadata/metadata.ts';
import type { SlotRule } from '#sdk/sdk.ts';
import type { OpContext } from './context.ts';
import { newBlobIds } from './new-blob-ids.ts';
import { type Change, recordChange, toChangeRow } from './record-change.ts';
import { assertRoomAmong, assertWritable } from './slot-place.ts';

/** Where bytes lie, and where they belong. */
export interface PlacedUpload {
  /** Of the artifact. */
  readonly project: string;
  readonly place: uploadRecords.SlotPlace;
  readonly rule: SlotRule;
  readonly mediaType: string;
  readonly store: BlobStore;
  readonly objectKey: string;
}

export interface AttachOptions {
  readonly expectedRevision?: number | undefined;
  /** A session of one request, where it is one: it can be ended by the statement that does all else. */
  readonly session?: { readonly id: string; readonly writer: string } | undefined;
  /** Ends the session in the same transaction; false when it is another writer's by now. */
  readonly endSession: (tx: Sql) => Promise<boolean>;
  /** Takes locks that come before the artifact's. */
  readonly lockFirst?: ((tx: Sql) => Promise<void>) | undefined;
  /** Goes on in the same transaction when the blob is in its place; what it throws undoes all of it. */
  readonly follow?: ((tx: Sql) => Promise<void>) | undefined;
}

export interface AttachedUpload {
  readonly entry: SlotEntry;
  /** Whether the slot takes one blob or several: what its URL depends on. */
  readonly kind: 'one' | 'map';
  /** The artifact's, after the change. */
  readonly revision: number;
}

/**
 * The bytes are durable under their key, and `received` is true of them.
 * @throws AppError ARTIFACT_NOT_FOUND, STATE_CONFLICT, REVISION_CONFLICT, SLOT_FULL, PATH_TAKEN, UPLOAD_BUSY, STORE_UNAVAILABLE
 */
export async function attachUpload(
  context: OpContext,
  upload: PlacedUpload,
  received: ReceivedBlob,
  options: AttachOptions,
): Promise<AttachedUpload> {
  const { rule, store, objectKey } = upload;
  const stored = await blobRecords.findStoredBlob(context.db.reads, received.sha256, store.name);
  await failpoint('upload:attach');
  const attached = stored === undefined ? await attachNew(context, upload, received, options) : undefined;
  const { isPlaced, revision } = attached ?? (await attachKnown(context, upload, received, options));
  await failpoint('upload:attached');
  if (!isPlaced) await removeRedundant(context, store, objectKey);
  return { entry: toEntry(upload, received), kind: rule.kind, revision };
}

/** The place as it is once the bytes stand in it. */
export function toEntry({ place, mediaType }: Pick<PlacedUpload, 'place' | 'mediaType'>, received: ReceivedBlob): SlotEntry {
  const { sha256, sha512, md5, sizeBytes } = received;
  return { slot: place.slot, key: place.key, path: place.path, mediaType, sizeBytes, sha256, sha512, md5 };
}

interface Attached {
  /** The object is a location of the blob; else another is, and it is redundant. */
  readonly isPlaced: boolean;
  readonly revision: number;
}

/** Rolls back what was written before it was known that somebody else came first with the same bytes. */
class BlobOvertakenError extends Error {}

/** Of bytes that nobody has; undefined when somebody has them by now. */
async function attachNew(
  context: OpContext,
  upload: PlacedUpload,
  received: ReceivedBlob,
  options: AttachOptions,
): Promise<Attached | undefined> {
  const { place, rule, store, objectKey, mediaType } = upload;
  const ids = newBlobIds(context);
  const { session = null } = options;
  try {
    return await context.db.transaction(async (tx) => {
      await options.lockFirst?.(tx);
      assertWritable(await artifactRecords.lockArtifact(tx, place.artifactId), options.expectedRevision);
      if (session === null && !(await options.endSession(tx))) throw sessionLost();
      const change = toChangeRow(context, toChange(upload, received));
      const attachment = { ...place, ...ids, mediaType, store: store.name, objectKey, bytes: received, session, change };
      const { isEnded, isNew, revision, ...occupancy } = await attachRecords.attachNewBlob(tx, attachment);
      if (!isEnded) throw sessionLost();
      assertRoomAmong(occupancy, place, rule);
      if (!isNew || revision === null) throw new BlobOvertakenError();
      await options.follow?.(tx);
      await beforeCommit();
      return { isPlaced: true, revision };
    });
  } catch (error) {
    if (error instanceof BlobOvertakenError) return undefined;
    throw error;
  }
}

/** Of bytes that are on record: shared, revived, or healed. */
async function attachKnown(
  context: OpContext,
  upload: PlacedUpload,
  received: ReceivedBlob,
  options: AttachOptions,
): Promise<Attached> {
  const { place, rule, store, objectKey, mediaType } = upload;
  const brokenId = await findBrokenLocation(context, store, received);
  const { blobId, locationId } = newBlobIds(context);
  return context.db.transaction(async (tx) => {
    await options.lockFirst?.(tx);
    assertWritable(await artifactRecords.lockArtifact(tx, place.artifactId), options.expectedRevision);
    if (!(await options.endSession(tx))) throw sessionLost();
    assertRoomAmong(await uploadRecords.readOccupancy(tx, place, 'entries'), place, rule);
    const held = await blobRecords.holdBlob(tx, blobId, received);
    const location = { id: locationId, blobId: held, store: store.name, objectKey, brokenId };
    const isPlaced = await blobRecords.placeBlob(tx, location);
    await blobRecords.attachBlob(tx, { ...place, mediaType, blobId: held, store: store.name });
    const revision = await blobRecords.touchArtifact(tx, place.artifactId);
    await recordChange(tx, context, { ...toChange(upload, received), revision });
    await options.follow?.(tx);
    await beforeCommit();
    return { isPlaced, revision };
  });
}

async function beforeCommit(): Promise<void> {
  await failpoint('upload:commit');
}

function sessionLost(): AppError {
  return new AppError('UPLOAD_BUSY', 'The upload took longer than its lease, and another request took over this slot.');
}

/** A location that the database calls good while the store has no such object, or one of another size: to be healed. */
async function findBrokenLocation(context: OpContext, store: BlobStore, received: ReceivedBlob): Promise<string | null> {
  const current = (await blobRecords.findStoredBlob(context.db, received.sha256, store.name))?.location ?? null;
  if (current === null) return null;
  const stored = await store.stat(current.objectKey);
  if (stored?.sizeBytes === received.sizeBytes) return null;
  context.log.warn(
    { sha256: received.sha256, store: store.name, ...current },
    'a blob had lost its object; an upload of it heals it',
  );
  return current.id;
}

function toChange(upload: PlacedUpload, received: ReceivedBlob): Omit<Change, 'revision'> {
  const { artifactId, slot, path } = upload.place;
  return {
    kind: 'artifact.blob.attached',
    action: 'blob:upload',
    project: upload.project,
    subjectType: 'artifact',
    subjectId: artifactId,
    payload: { slot, path, mediaType: upload.mediaType, size: received.sizeBytes, sha256: received.sha256 },
    detail: { slot, path, store: upload.store.name, sha256: received.sha256 },
  };
}

/** The store had the same bytes already. What is left over when this fails is garbage for the collector. */
async function removeRedundant(context: OpContext, store: BlobStore, objectKey: string): Promise<void> {
  try {
    await store.remove(objectKey);
  } catch (error) {
    context.log.warn({ err: error, store: store.name, objectKey }, 'a redundant object could not be removed');
  }
}
