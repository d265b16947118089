/**
 * The frame of an upload that lives in one request: session, bytes, then whatever ends it, in the order in which a crash leaves
 * garbage and never a reference without bytes (docs/architecture.md, invariants of bytes).
 */
import type { Readable } from 'node:stream';
import { AppError } from '#base/app-error.ts';
import { failpoint } from '#base/failpoint.ts';
import { newObjectKey, type ReceivedBlob } from '#blobs/blobs.ts';
import type { Digests } from '#core/artifact.ts';
import { artifactRecords, uploadRecords } from '#metadata/metadata.ts';
import type { AttachOptions, PlacedUpload } from './attach-upload.ts';
import { claimPlace } from './claim-place.ts';
import { clearUpload } from './clear-upload.ts';
import type { OpContext } from './context.ts';
import {
  assertRoomAmong,
  assertWritable,
  chooseMediaType,
  findSlotTarget,
  type PlaceInput,
  type SlotTarget,
} from './slot-place.ts';
import { underLease } from './upload-lease.ts';

export interface UploadInput extends PlaceInput {
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

/** One upload while it runs. */
export interface Upload extends SlotTarget, PlacedUpload {
  readonly id: string;
  readonly limitBytes: number;
}

/**
 * Calls `finish` when the bytes are durable, which is to attach them; should it fail, nothing is left of the upload.
 * @throws AppError ARTIFACT_NOT_FOUND, FORBIDDEN, STATE_CONFLICT, REVISION_CONFLICT, TYPE_UNLOADED, SLOT_UNKNOWN, SLOT_FULL,
 * PATH_INVALID, PATH_TAKEN, MEDIA_TYPE_UNSUPPORTED, STORE_UNKNOWN, UPLOAD_BUSY, UPLOAD_INTERRUPTED, BLOB_TOO_LARGE,
 * BLOB_SIZE_MISMATCH, BLOB_DIGEST_MISMATCH, STORE_FULL, STORE_UNAVAILABLE, and what `finish` throws
 */
export async function receiveUpload<Result>(
  context: OpContext,
  input: UploadInput,
  finish: (upload: Upload, received: ReceivedBlob) => Promise<Result>,
): Promise<Result> {
  const session = await beginSession(context, input);
  try {
    await failpoint('upload:begun');
    input.onAccepted?.();
    const received = await receiveUnderLease(context, session, input);
    await failpoint('upload:received');
    return await finish(session, received);
  } catch (error) {
    await abandonSession(context, session);
    throw error;
  }
}

/** How the session of such an upload ends. */
export function endingSession({ settings }: OpContext, { id }: Upload): Pick<AttachOptions, 'session' | 'endSession'> {
  const writer = settings.nodeId;
  return { session: { id, writer }, endSession: (tx) => uploadRecords.endUpload(tx, id, writer) };
}

async function beginSession(context: OpContext, input: UploadInput): Promise<Upload> {
  const target = await findSlotTarget(context, 'blob:upload', input);
  const { rule, place, artifact } = target;
  const mediaType = chooseMediaType(rule, input.mediaType);
  const store = input.store === undefined ? context.blobs.defaultStore : context.blobs.store(input.store);
  const limitBytes = Math.min(rule.maxBytes ?? context.settings.maxBlobBytes, context.settings.maxBlobBytes);
  if (input.expectedBytes !== undefined && input.expectedBytes > limitBytes) {
    throw new AppError('BLOB_TOO_LARGE', `The slot takes at most ${limitBytes} bytes.`, { details: { limitBytes } });
  }
  const { project } = artifact;
  const session = { ...target, project, id: context.newId(), objectKey: newObjectKey(), store, mediaType, limitBytes };
  await failpoint('upload:begin');
  const begun = {
    ...place,
    id: session.id,
    project,
    createdBy: context.caller.id,
    mediaType,
    store: store.name,
    objectKey: session.objectKey,
    lengthBytes: input.expectedBytes ?? null,
    limitBytes,
    declaredSha256: input.declared?.sha256 ?? null,
    writer: context.settings.nodeId,
  };
  // Without the artifact's lock, which is held while others end: what changes meanwhile is found out at the end, under it.
  const { isBegun, ...occupancy } = await uploadRecords.beginUploadUnhurried(context.db, begun, rule.maxEntries);
  if (isBegun) return session;
  assertRoomAmong(occupancy, place, rule);
  await takeOver(context, begun, input.expectedRevision);
  return session;
}

/** A session is on record for the place, perhaps of one who is gone. */
async function takeOver(context: OpContext, begun: uploadRecords.NewUpload, expectedRevision: number | undefined): Promise<void> {
  const replaced = await context.db.transaction(async (tx) => {
    assertWritable(await artifactRecords.lockArtifact(tx, begun.artifactId), expectedRevision);
    if (await uploadRecords.beginUpload(tx, begun)) return undefined;
    const claim = await claimPlace(tx, context, begun);
    if (!(await uploadRecords.beginUpload(tx, begun))) throw new AppError('UPLOAD_BUSY');
    return claim.replaced;
  });
  if (replaced !== undefined) await clearUpload(context, replaced);
}

/** Receives the bytes while the lease is kept alive; loses them when the lease is lost. */
function receiveUnderLease(context: OpContext, session: Upload, input: UploadInput): Promise<ReceivedBlob> {
  return underLease(context, session.id, (signal) =>
    context.blobs.receive(session.store, session.objectKey, input.source, {
      expectedBytes: input.expectedBytes,
      limitBytes: session.limitBytes,
      ...(input.declared === undefined ? {} : { declared: input.declared }),
      signal,
      // Its sender is told why on the connection the bytes came on.
      leaveSource: true,
    }),
  );
}

/**
 * Removes what the upload left, unless it was finished after all: the answer to a COMMIT can get lost. The session goes last, so
 * that an object which could not be removed is still known to a collector.
 */
async function abandonSession(context: OpContext, session: Upload): Promise<void> {
  try {
    if (!(await uploadRecords.abandonUpload(context.db, session.id))) return;
    await session.store.remove(session.objectKey);
    await uploadRecords.forgetUpload(context.db, session.id);
  } catch (error) {
    context.log.warn({ err: error, uploadId: session.id }, 'an upload that failed could not be cleared; its lease will run out');
  }
}
