/** Writes one object of an S3 store: a single PUT when it is small, otherwise parts of bounded size, a few at a time. */
import { AppError } from '#base/app-error.ts';
import { abortable } from '../abortable.ts';
import type { ObjectWriter } from '../blob-store.ts';
import { isStatus, toS3StoreError } from './s3-error.ts';
import { giveUp } from './s3-give-up.ts';
import { beginMultipart, completeMultipart, putObject, putPart } from './s3-multipart.ts';
import { createMemoryPart, openSpoolFile, type PartBody } from './s3-part-body.ts';
import { memoryPartMaxBytes, partsMax } from './s3-parts.ts';
import { beginWrite, type S3Uploads, type S3WriterOptions, type WriterState } from './s3-write-state.ts';

const partsAtOnce = 3;
const extraPartsMax = 16;

export function createS3Writer(uploads: S3Uploads, options: S3WriterOptions): ObjectWriter {
  const state = beginWrite();

  const run = async (work: () => Promise<void>): Promise<void> => {
    options.signal.throwIfAborted();
    const call = work();
    const settled = call.then(
      () => undefined,
      () => undefined,
    );
    state.calls.add(settled);
    void settled.then(() => state.calls.delete(settled));
    try {
      await abortable(call, options.signal);
    } catch (error) {
      throw options.signal.aborted ? options.signal.reason : toS3StoreError(error, uploads.storeName);
    }
  };

  const abort = async (): Promise<void> => {
    if (state.isFinished) return;
    state.failure ??= new AppError('STORE_UNAVAILABLE', 'The write was given up.');
    await giveUp(uploads, options, state).catch((error: unknown) => {
      throw toS3StoreError(error, uploads.storeName);
    });
  };

  return {
    write: (bytes) => run(() => append(uploads, options, state, bytes)),
    async finish() {
      await run(() => finish(uploads, options, state));
      state.isFinished = true;
      return { sizeBytes: state.sizeBytes };
    },
    abort,
    [Symbol.asyncDispose]: abort,
  };
}

function assertWorking(state: WriterState): void {
  if (state.failure !== undefined) throw state.failure;
}

async function append(uploads: S3Uploads, options: S3WriterOptions, state: WriterState, bytes: Uint8Array): Promise<void> {
  let rest = bytes;
  while (rest.length > 0) {
    assertWorking(state);
    // A full part waits for the byte after it: an object of exactly one part is a single PUT.
    if (state.current !== undefined && state.current.length === state.current.capacity)
      await sendCurrent(uploads, options, state);
    state.current ??= await createPart(uploads, options, state);
    const taken = await state.current.append(rest);
    state.sizeBytes += taken;
    rest = rest.subarray(taken);
  }
}

async function createPart(uploads: S3Uploads, options: S3WriterOptions, state: WriterState): Promise<PartBody> {
  if (state.nextNumber > partsMax) throw new AppError('BLOB_TOO_LARGE', 'The blob is larger than an S3 store can hold.');
  const planned = options.plan(state.nextNumber);
  const left = options.expectedBytes === undefined ? planned : options.expectedBytes - state.sizeBytes;
  const capacity = left > 0 ? Math.min(planned, left) : planned;
  if (capacity <= memoryPartMaxBytes) return createMemoryPart(uploads.memory, capacity);
  state.spool ??= await openSpoolFile(uploads.spoolDir);
  return state.spool.createPart(capacity);
}

/** Starts the current part's upload and waits until another one may be filled. */
async function sendCurrent(uploads: S3Uploads, options: S3WriterOptions, state: WriterState): Promise<void> {
  const body = state.current;
  if (body === undefined) return;
  const isExtra = state.running.size > 0;
  state.current = undefined;
  const number = state.nextNumber;
  state.nextNumber += 1;
  if (isExtra) uploads.extraParts += 1;
  const running = sendPart(uploads, options, state, { number, body }).finally(() => {
    state.running.delete(running);
    if (isExtra) uploads.extraParts -= 1;
  });
  state.running.add(running);
  running.catch((error: unknown) => {
    state.failure ??= error instanceof Error ? error : new Error(String(error));
  });
  // There is one spool file, and it is filled again only when its part is over.
  const isSpooled = body.capacity > memoryPartMaxBytes;
  while (state.running.size > 0 && (isSpooled || state.running.size >= partsAtOnce || uploads.extraParts >= extraPartsMax)) {
    await Promise.race(state.running);
  }
  assertWorking(state);
}

async function sendPart(
  uploads: S3Uploads,
  { object }: S3WriterOptions,
  state: WriterState,
  { number, body }: { readonly number: number; readonly body: PartBody },
): Promise<void> {
  const { signal } = state.stop;
  try {
    // Never cut off: its answer names what has to be aborted.
    state.uploadId ??= beginMultipart(uploads.connection, object);
    const uploadId = await state.uploadId;
    state.parts.push(await putPart(uploads.connection, { object, uploadId, number, body, signal }));
  } finally {
    await body.release();
  }
}

async function finish(uploads: S3Uploads, options: S3WriterOptions, state: WriterState): Promise<void> {
  const { connection } = uploads;
  const { object } = options;
  const { signal } = state.stop;
  const { sizeBytes } = state;
  try {
    assertWorking(state);
    if (state.uploadId === undefined) {
      state.current ??= createMemoryPart(uploads.memory, 0);
      state.mayExist = true;
      await putObject(connection, { object, body: state.current, sizeBytes, signal });
      await state.current.release();
    } else {
      await sendCurrent(uploads, options, state);
      while (state.running.size > 0) await Promise.race(state.running);
      assertWorking(state);
      const parts = state.parts.toSorted((a, b) => a.number - b.number);
      state.mayExist = true;
      await completeMultipart(connection, { object, uploadId: await state.uploadId, parts, sizeBytes, signal });
    }
  } catch (error) {
    // The object that is there is somebody else's: it stays.
    if (isStatus(error, 412)) state.mayExist = false;
    throw error;
  } finally {
    await state.spool?.[Symbol.asyncDispose]();
    state.spool = undefined;
  }
}
