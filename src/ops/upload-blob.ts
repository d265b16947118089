/**
 * Puts one blob into a slot of a draft: session, bytes, rows, in the order in which a crash leaves garbage and never a
 * reference without bytes (docs/architecture.md, invariants of bytes).
 */
import type { Readable } from 'node:stream';
import { AppError } from '#base/app-error.ts';
import type { BlobStore } from '#blobs/blob-store.ts';
import { newObjectKey, type ReceivedBlob } from '#blobs/blobs.ts';
import type { Digests, SlotEntry } from '#core/artifact.ts';
import type { Sql } from '#metadata/database.ts';
import { artifactRecords, blobRecords, uploadRecords } from '#metadata/metadata.ts';
import type { OpContext } from './context.ts';
import { recordChange } from './record-change.ts';
import { assertRoom, assertWritable, chooseMediaType, findSlotTarget, type PlaceInput, type SlotTarget } from './slot-place.ts';

export interface UploadBlobInput extends PlaceInput {
  readonly mediaType?: string | undefined;
  readonly source: Readable;
  /** Undefined: not known before the end. */
  readonly expectedBytes?: number | undefined;
  /** Digests the bytes must have, lower-case hex. They never shorten the transfer: who declares one need not own the bytes. */
  readonly declared?: Partial<Digests> | undefined;
  /** A configured store's name; by default the default store. */
  readonly store?: string | undefined;
  /** Called once, when nothing stands against the upload but its bytes: a sender that waits for leave is told to begin. */
  readonly onAccepted?: (() => void) | undefined;
}

export interface UploadBlobResult {
  readonly entry: SlotEntry;
  /** Whether the slot takes one blob or several: what its URL depends on. */
  readonly kind: 'one' | 'map';
  /** The artifact's, after the change. */
  readonly revision: number;
}

/** One upload while it runs. */
interface Session extends SlotTarget {
  readonly id: string;
  readonly objectKey: string;
  readonly store: BlobStore;
  readonly mediaType: string;
  readonly limitBytes: number;
}

/**
 * @throws AppError ARTIFACT_NOT_FOUND, FORBIDDEN, STATE_CONFLICT, REVISION_CONFLICT, TYPE_UNLOADED, SLOT_UNKNOWN, SLOT_FULL,
 * PATH_INVALID, PATH_TAKEN, MEDIA_TYPE_UNSUPPORTED, STORE_UNKNOWN, UPLOAD_BUSY, UPLOAD_INTERRUPTED, BLOB_TOO_LARGE,
 * BLOB_SIZE_MISMATCH, BLOB_DIGEST_MISMATCH, STORE_FULL, STORE_UNAVAILABLE
 */
export async function uploadBlob(context: OpContext, input: UploadBlobInput): Promise<UploadBlobResult> {
  const session = await beginSession(context, input);
  try {
    input.onAccepted?.();
    const received = await receiveUnderLease(context, session, input);
    return await finishSession(context, session, input, received);
  } catch (error) {
    await abandonSession(context, session);
    throw error;
  }
}

async function beginSession(context: OpContext, input: UploadBlobInput): Promise<Session> {
  const target = await findSlotTarget(context, 'blob:upload', input);
  const { rule, place, artifact } = target;
  const mediaType = chooseMediaType(rule, input.mediaType);
  const store = input.store === undefined ? context.blobs.defaultStore : context.blobs.store(input.store);
  const limitBytes = Math.min(rule.maxBytes ?? context.settings.maxBlobBytes, context.settings.maxBlobBytes);
  if (input.expectedBytes !== undefined && input.expectedBytes > limitBytes) {
    throw new AppError('BLOB_TOO_LARGE', `The slot takes at most ${limitBytes} bytes.`, { details: { limitBytes } });
  }
  const session = { ...target, id: context.newId(), objectKey: newObjectKey(), store, mediaType, limitBytes };
  await context.db.transaction(async (tx) => {
    assertWritable(await artifactRecords.lockArtifact(tx, artifact.id), input.expectedRevision);
    await assertRoom(tx, place, rule);
    const isBegun = await uploadRecords.beginUpload(tx, {
      ...place,
      id: session.id,
      project: artifact.project,
      createdBy: context.caller.id,
      mediaType,
      store: store.name,
      objectKey: session.objectKey,
      lengthBytes: input.expectedBytes ?? null,
      limitBytes,
      declaredSha256: input.declared?.sha256 ?? null,
      writer: context.settings.nodeId,
    });
    if (!isBegun) throw new AppError('UPLOAD_BUSY');
  });
  return session;
}

/** Receives the bytes while the lease is kept alive; loses them when the lease is lost. */
async function receiveUnderLease(context: OpContext, session: Session, input: UploadBlobInput): Promise<ReceivedBlob> {
  const lost = new AbortController();
  const renewal = setInterval(() => {
    uploadRecords.renewUpload(context.db, session.id, context.settings.nodeId).then(
      (isHeld) => {
        if (!isHeld) lost.abort(new AppError('UPLOAD_BUSY', 'Another request took over this slot.'));
      },
      // A database that is away for a moment costs nothing yet: the lease lasts for two more tries.
      (error: unknown) => context.log.warn({ err: error, uploadId: session.id }, 'the lease of an upload could not be renewed'),
    );
  }, uploadRecords.writerLeaseMs / 3);
  try {
    return await context.blobs.receive(session.store, session.objectKey, input.source, {
      expectedBytes: input.expectedBytes,
      limitBytes: session.limitBytes,
      ...(input.declared === undefined ? {} : { declared: input.declared }),
      signal: AbortSignal.any([context.signal, lost.signal]),
      // Its sender is told why on the connection the bytes came on.
      leaveSource: true,
    });
  } finally {
    clearInterval(renewal);
  }
}

async function finishSession(
  context: OpContext,
  session: Session,
  input: UploadBlobInput,
  received: ReceivedBlob,
): Promise<UploadBlobResult> {
  const brokenId = await findBrokenLocation(context, session.store, received);
  const blobId = context.newId();
  const locationId = context.newId();
  const { place, store, objectKey, mediaType } = session;
  const outcome = await context.db.transaction(async (tx) => {
    assertWritable(await artifactRecords.lockArtifact(tx, place.artifactId), input.expectedRevision);
    if (!(await uploadRecords.endUpload(tx, session.id, context.settings.nodeId))) {
      throw new AppError('UPLOAD_BUSY', 'The upload took longer than its lease, and another request took over this slot.');
    }
    await assertRoom(tx, place, session.rule);
    const held = await blobRecords.holdBlob(tx, blobId, received);
    const location = { id: locationId, blobId: held, store: store.name, objectKey, brokenId };
    const isPlaced = await blobRecords.placeBlob(tx, location);
    await blobRecords.attachBlob(tx, { ...place, mediaType, blobId: held, store: store.name });
    const revision = await blobRecords.touchArtifact(tx, place.artifactId);
    await recordUpload(context, tx, session, received, revision);
    return { isPlaced, revision };
  });
  if (!outcome.isPlaced) await removeObject(context, store, objectKey);
  const { sha256, sha512, md5, sizeBytes } = received;
  const entry = { slot: place.slot, key: place.key, path: place.path, mediaType, sizeBytes, sha256, sha512, md5 };
  return { entry, kind: session.rule.kind, revision: outcome.revision };
}

/** A location that the database calls good while the store has no such object, or one of another size: to be healed. */
async function findBrokenLocation(context: OpContext, store: BlobStore, received: ReceivedBlob): Promise<string | null> {
  const current = await blobRecords.findCurrentLocation(context.db, received.sha256, store.name);
  if (current === undefined) return null;
  const stored = await store.stat(current.objectKey);
  if (stored?.sizeBytes === received.sizeBytes) return null;
  context.log.warn(
    { sha256: received.sha256, store: store.name, ...current },
    'a blob had lost its object; an upload of it heals it',
  );
  return current.id;
}

async function recordUpload(
  context: OpContext,
  tx: Sql,
  session: Session,
  received: ReceivedBlob,
  revision: number,
): Promise<void> {
  const { slot, path } = session.place;
  await recordChange(tx, context, {
    kind: 'artifact.blob.attached',
    action: 'blob:upload',
    project: session.artifact.project,
    subjectType: 'artifact',
    subjectId: session.artifact.id,
    revision,
    payload: { slot, path, mediaType: session.mediaType, size: received.sizeBytes, sha256: received.sha256 },
    detail: { slot, path, store: session.store.name, sha256: received.sha256 },
  });
}

/**
 * Removes what the upload left, unless it was finished after all: the answer to a COMMIT can get lost. The session goes last, so
 * that an object which could not be removed is still known to a collector.
 */
async function abandonSession(context: OpContext, session: Session): Promise<void> {
  try {
    if (!(await uploadRecords.abandonUpload(context.db, session.id))) return;
    await session.store.remove(session.objectKey);
    await uploadRecords.forgetUpload(context.db, session.id);
  } catch (error) {
    context.log.warn({ err: error, uploadId: session.id }, 'an upload that failed could not be cleared; its lease will run out');
  }
}

/** What is left over when this fails is garbage for the collector. */
async function removeObject(context: OpContext, store: BlobStore, objectKey: string): Promise<void> {
  try {
    await store.remove(objectKey);
  } catch (error) {
    context.log.warn({ err: error, store: store.name, objectKey }, 'a redundant object could not be removed');
  }
}
