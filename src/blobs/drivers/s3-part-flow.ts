/** The parts of one write: filled one after another, a few of them on their way at once. */
import { AppError } from '#base/app-error.ts';
import { beginMultipart, putPart } from './s3-multipart.ts';
import { createMemoryPart, openSpoolFile, type PartBody } from './s3-part-body.ts';
import { memoryPartMaxBytes, partsMax } from './s3-parts.ts';
import type { S3Uploads, S3WriterOptions, WriterState } from './s3-write-state.ts';

const partsAtOnce = 3;
const extraPartsMax = 16;

/** @throws what the first part that failed met */
export function assertWorking(state: WriterState): void {
  if (state.failure !== undefined) throw state.failure;
}

/** Fills parts with the bytes, and sends each that is full as soon as a byte follows it. */
export async function appendToParts(
  uploads: S3Uploads,
  options: S3WriterOptions,
  state: WriterState,
  bytes: Uint8Array,
): Promise<void> {
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
export async function sendCurrent(uploads: S3Uploads, options: S3WriterOptions, state: WriterState): Promise<void> {
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

/** @throws what the first part that failed met */
export async function waitForParts(state: WriterState): Promise<void> {
  while (state.running.size > 0) await Promise.race(state.running);
  assertWorking(state);
}
