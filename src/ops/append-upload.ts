/** Appends the bytes of one request to an upload session; with the last of them the blob is verified and attached. */
import type { Readable } from 'node:stream';
import { AppError, isAppError } from '#base/app-error.ts';
import type { RequestChecksum } from '#blobs/blobs.ts';
import type { uploadSessionRecords } from '#metadata/metadata.ts';
import { completeUpload } from './complete-upload.ts';
import type { OpContext } from './context.ts';
import { holdUpload, offsetMismatch, type UploadLease } from './hold-upload.ts';
import { artifactOf, assertAlive, loadUpload, toView, type UploadView } from './load-upload.ts';
import { assertWritable } from './slot-place.ts';
import { openProgress, record, type UploadProgress, writeUpload } from './write-upload.ts';

/** Up to here bytes are read back while the sender waits for the answer; beyond a job does. */
export const readBackMaxBytes = 16 * 1024 * 1024;

export interface AppendUploadInput {
  readonly id: string;
  /** Where the sender believes the upload to stand. */
  readonly offset: number;
  readonly source: Readable;
  /** Of this request's bytes, where it is known. */
  readonly expectedBytes?: number | undefined;
  /** The whole length, said with this request. */
  readonly lengthBytes?: number | undefined;
  /** Of this request's bytes: nothing of them is kept where it differs. */
  readonly checksum?: RequestChecksum | undefined;
  /** Called once, when nothing stands against the bytes: a sender that waits for leave is told to begin. */
  readonly onAccepted?: (() => void) | undefined;
}

/**
 * What is received and durable is kept, also when the sender goes away. The answer's state is `verifying` where the bytes have to
 * be read back first.
 * @throws AppError UPLOAD_NOT_FOUND, FORBIDDEN, UPLOAD_GONE, UPLOAD_FINAL, UPLOAD_OFFSET_MISMATCH, UPLOAD_LOCKED,
 * UPLOAD_CHECKSUM_MISMATCH, UPLOAD_INTERRUPTED, INPUT_INVALID, BLOB_TOO_LARGE, BLOB_DIGEST_MISMATCH, STATE_CONFLICT, STORE_FULL, STORE_UNAVAILABLE
 */
export async function appendUpload(context: OpContext, input: AppendUploadInput): Promise<UploadView> {
  const session = await loadUpload(context, input.id);
  assertAppendable(session, input);
  if (isComplete(session)) {
    await assertEmpty(input);
    return toView(session);
  }
  if (session.artifact !== null) assertWritable(artifactOf(session), undefined);
  return appendUnderLease(context, session.id, input);
}

async function appendUnderLease(context: OpContext, id: string, input: AppendUploadInput): Promise<UploadView> {
  const { requestId, traceparent = null, sourceAddress = null } = context;
  await using lease = await holdUpload(context, {
    id,
    states: ['open', 'receiving'],
    offset: input.offset,
    length: input.lengthBytes,
    origin: { requestId, traceparent, sourceAddress },
    signal: context.signal,
  });
  assertLength(lease.session, input);
  const progress = await openProgress(context, lease);
  input.onAccepted?.();
  const isInterrupted = await receive(context, lease, progress, input);
  const { length } = lease.session;
  if (progress.offset === length && !progress.isComplete) await record(context, lease, progress, progress);
  if (progress.isComplete) {
    const { isDone } = await completeUpload(context, lease, progress, { readMaxBytes: readBackMaxBytes });
    return toView({ ...lease.session, offset: progress.offset, state: isDone ? 'finished' : 'verifying' });
  }
  if (isInterrupted) {
    if (lease.wanted.aborted) throw new AppError('UPLOAD_LOCKED', 'Another request took over this upload.');
    throw new AppError('UPLOAD_INTERRUPTED', `The connection ended early; ${progress.offset} bytes are kept.`);
  }
  return toView({ ...lease.session, offset: progress.offset, state: 'open' });
}

/** Until all has come, the sender is gone, or another request asks for the session. */
async function receive(
  context: OpContext,
  lease: UploadLease,
  progress: UploadProgress,
  { source, checksum }: AppendUploadInput,
): Promise<boolean> {
  // A sender whose session is continued elsewhere is most often gone, without a word; what came of it is kept.
  const letGo = () => source.destroy();
  lease.wanted.addEventListener('abort', letGo, { once: true });
  // It may have been asked for while the object was begun.
  if (lease.wanted.aborted) letGo();
  try {
    return await writeUpload(context, lease, progress, source, { checksum, leaveSource: true });
  } catch (error) {
    if (checksum !== undefined && isAppError(error, 'BLOB_DIGEST_MISMATCH')) throw new AppError('UPLOAD_CHECKSUM_MISMATCH');
    throw error;
  } finally {
    lease.wanted.removeEventListener('abort', letGo);
  }
}

function isComplete(session: uploadSessionRecords.UploadSession): boolean {
  return session.state === 'verifying' || session.state === 'finished';
}

function assertAppendable(session: uploadSessionRecords.UploadSession, input: AppendUploadInput): void {
  if (session.kind === 'final') throw new AppError('UPLOAD_FINAL');
  assertAlive(session);
  if (input.offset !== session.offset) throw offsetMismatch(session);
  assertLength(session, input);
}

/** @throws AppError INPUT_INVALID, BLOB_TOO_LARGE */
function assertLength(session: uploadSessionRecords.UploadSession, input: AppendUploadInput): void {
  const { lengthBytes, expectedBytes = 0 } = input;
  if (lengthBytes !== undefined) {
    if (session.length !== null && session.length !== lengthBytes) {
      throw new AppError('INPUT_INVALID', `The length of the upload is ${session.length}, and stays so.`);
    }
    if (lengthBytes < session.offset) throw new AppError('INPUT_INVALID', 'The upload is longer than that already.');
    assertWithin(lengthBytes, session.limitBytes, 'The upload');
  }
  assertWithin(input.offset + expectedBytes, session.length ?? lengthBytes ?? session.limitBytes, 'The upload');
}

function assertWithin(bytes: number, limitBytes: number, what: string): void {
  if (bytes <= limitBytes) return;
  throw new AppError('BLOB_TOO_LARGE', `${what} takes at most ${limitBytes} bytes.`, { details: { limitBytes } });
}

/** A sender that has not heard of the end may ask once more, with nothing to add. */
async function assertEmpty({ source }: AppendUploadInput): Promise<void> {
  for await (const chunk of source.iterator({ destroyOnReturn: false })) {
    if (chunk.length > 0) throw new AppError('BLOB_TOO_LARGE', 'The upload has all its bytes.');
  }
}
