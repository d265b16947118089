/**
 * What follows the last byte of an upload session, under its lease: joined where it has parts, visible in its store, digests
 * known or read back, compared with what was declared, attached. Every step can be repeated, by another process too.
 */
import { AppError, isAppError } from '#base/app-error.ts';
import type { ErrorCode } from '#base/error-catalogue.ts';
import { failpoint } from '#base/failpoint.ts';
import type { ReceivedBlob } from '#blobs/blobs.ts';
import type { Digests } from '#core/artifact.ts';
import { uploadSessionRecords, uploadWriterRecords } from '#metadata/metadata.ts';
import { type AttachedUpload, attachUpload } from './attach-upload.ts';
import { clearUpload } from './clear-upload.ts';
import type { JobRun, OpContext } from './context.ts';
import type { UploadLease } from './hold-upload.ts';
import { clearJoinedParts, joinParts } from './join-parts.ts';
import { artifactOf } from './load-upload.ts';
import { findSlotRule } from './slot-place.ts';
import { openProgress, type UploadProgress } from './write-upload.ts';

export interface Completion {
  /** False: the bytes have to be read back, and were too many for `readBackMax`. */
  readonly isDone: boolean;
  /** Undefined for a partial upload, which is nobody's yet. */
  readonly attached?: AttachedUpload | undefined;
}

export interface CompleteOptions {
  /** Most bytes that are read for this: copied from parts, or hashed again. */
  readonly readMaxBytes: number;
  readonly run?: Pick<JobRun, 'progress'> | undefined;
}

/** What no second try will change: the session fails, and its bytes go. */
const finalCodes: ReadonlySet<ErrorCode> = new Set([
  'ARTIFACT_NOT_FOUND',
  'STATE_CONFLICT',
  'SLOT_UNKNOWN',
  'SLOT_FULL',
  'PATH_TAKEN',
  'BLOB_DIGEST_MISMATCH',
  'BLOB_SIZE_MISMATCH',
]);

/** What may go better another time, a store mounted or configured again or a type loaded again, but not for ever. */
const finalPastExpiry: ReadonlySet<ErrorCode> = new Set([
  'BLOB_UNAVAILABLE',
  'STORE_NOT_RESUMABLE',
  'STORE_UNKNOWN',
  'TYPE_UNLOADED',
  'TYPE_UNKNOWN',
]);

/** @throws AppError one of `finalCodes`, or past the session's time of `finalPastExpiry`, when the session has failed with it; anything else leaves it to be tried again */
export async function completeUpload(
  context: OpContext,
  lease: UploadLease,
  progress: UploadProgress,
  options: CompleteOptions,
): Promise<Completion> {
  try {
    return await complete(context, lease, progress, options);
  } catch (error) {
    if (isAppError(error) && isFinal(error.code, lease.session)) await failUpload(context, lease, progress.state, error.code);
    throw error;
  }
}

/** As `completeUpload`, for who has received nothing of it. */
export async function completeReceived(context: OpContext, lease: UploadLease, options: CompleteOptions): Promise<Completion> {
  const progress = await openProgress(context, lease).catch(async (error: unknown) => {
    const { session } = lease;
    if (isAppError(error) && isFinal(error.code, session)) await failUpload(context, lease, session.storeState, error.code);
    throw error;
  });
  return completeUpload(context, lease, progress, options);
}

function isFinal(code: ErrorCode, { isPastExpiry }: UploadLease['session']): boolean {
  return finalCodes.has(code) || (isPastExpiry && finalPastExpiry.has(code));
}

async function complete(
  context: OpContext,
  lease: UploadLease,
  progress: UploadProgress,
  options: CompleteOptions,
): Promise<Completion> {
  const { session } = lease;
  if (session.length === null) throw new Error('an upload of unknown length is not complete');
  if (session.kind !== 'partial') findSlotRule(context, artifactOf(session), session.slot);
  if (session.kind === 'final' && progress.offset < session.length) {
    if (session.length - progress.offset > options.readMaxBytes) return { isDone: false };
    await joinParts(context, lease, progress, options.run);
  }
  await failpoint('upload:finish');
  const { id: sessionId, objectKey: key, length: sizeBytes } = session;
  const { store, state } = progress;
  const known = await context.blobs.finish({ store, key, state, sizeBytes, sessionId }, lease.lost);
  await failpoint('upload:visible');
  if (session.kind === 'partial') {
    await endPartial(context, lease);
    return { isDone: true };
  }
  if (known === null && sizeBytes > options.readMaxBytes) return { isDone: false };
  const received = known === null ? await readBack(context, lease, progress, options.run) : { ...known, sizeBytes };
  assertDeclared(received, session.declared);
  return { isDone: true, attached: await attach(context, lease, progress, received) };
}

async function endPartial(context: OpContext, lease: UploadLease): Promise<void> {
  if (await uploadWriterRecords.finishSession(context.db, lease.session.id, lease.writer, null)) return;
  throw new AppError('UPLOAD_LOCKED', 'The upload was ended, or taken over by another request.');
}

/** The bytes as the store gives them, not as they came: what was hashed on the way died with its process. */
async function readBack(
  context: OpContext,
  lease: UploadLease,
  progress: UploadProgress,
  run: CompleteOptions['run'],
): Promise<ReceivedBlob> {
  const { objectKey, length } = lease.session;
  const received = await context.blobs.digest(progress.store, objectKey, {
    signal: lease.lost,
    onProgress: (bytes) => void run?.progress(bytes, length, 'reading back').catch(() => undefined),
  });
  await failpoint('upload:read-back');
  if (received.sizeBytes === length) return received;
  throw new AppError('BLOB_SIZE_MISMATCH', `${length} bytes were declared, and ${received.sizeBytes} are there.`);
}

function assertDeclared(received: ReceivedBlob, declared: Partial<Digests> | null): void {
  for (const algorithm of ['sha256', 'sha512', 'md5'] as const) {
    const expected = declared?.[algorithm];
    if (expected === undefined || expected === received[algorithm]) continue;
    const detail = `The ${algorithm} digest of the bytes is ${received[algorithm]}, ${expected} was declared.`;
    throw new AppError('BLOB_DIGEST_MISMATCH', detail);
  }
}

async function attach(
  context: OpContext,
  lease: UploadLease,
  progress: UploadProgress,
  received: ReceivedBlob,
): Promise<AttachedUpload> {
  const { session, writer } = lease;
  const artifact = artifactOf(session);
  const { slot, key, path, mediaType, objectKey } = session;
  const placed = { project: artifact.project, place: { artifactId: artifact.id, slot, key, path }, mediaType, objectKey };
  const rule = findSlotRule(context, artifact, slot);
  const attached = await attachUpload(context, { ...placed, rule, store: progress.store }, received, {
    endSession: (tx) => uploadWriterRecords.finishSession(tx, session.id, writer, received.sha256),
  });
  if (session.parts !== null) await clearJoinedParts(context, session.parts);
  return attached;
}

async function failUpload(
  context: OpContext,
  lease: UploadLease,
  storeState: UploadLease['session']['storeState'],
  code: ErrorCode,
): Promise<void> {
  const { session } = lease;
  const { id, kind, store, objectKey, parts } = session;
  const hasFailed = await context.db.transaction(async (tx) => {
    if (!(await uploadWriterRecords.failSession(tx, id, lease.writer, code))) return false;
    // Their sender may join them again, into another place.
    if (parts !== null) await uploadSessionRecords.joinSessions(tx, parts, null, 0);
    return true;
  });
  await failpoint('upload:failed');
  if (hasFailed) await clearUpload(context, { id, kind, state: 'failed', store, objectKey, storeState });
}
