/** One of the writers of an object in an S3 store: goes on after the parts and the tail that are on record. */
import { AppError } from '#base/app-error.ts';
import type { Checkpoint, ResumableWriter } from '../blob-store.ts';
import { bytesGone, isStatus, S3ResponseError, toS3StoreError } from './s3-error.ts';
import { endRunning } from './s3-give-up.ts';
import { deleteObject, type UploadedPart } from './s3-multipart.ts';
import { appendToParts, assertWorking, sendCurrent, waitForParts } from './s3-part-flow.ts';
import { mayEndEarly, type PartPlan, partMinBytes } from './s3-parts.ts';
import { encodeResume, type S3Resume, type S3Tail, sizeOf } from './s3-resume-state.ts';
import { putTail, readTail, type TailFolder } from './s3-tail.ts';
import { beginWrite, callOnRecord, type S3Uploads, type S3WriterOptions, type WriterState } from './s3-write-state.ts';

export interface S3ResumableWriterOptions {
  readonly object: string;
  readonly folder: TailFolder;
  readonly from: S3Resume;
  /** Of the next part. */
  readonly firstNumber: number;
  readonly plan: PartPlan;
  /** The parts up to this number may still arrive though the writer is gone. */
  readonly onCut: (number: number) => void;
  readonly signal: AbortSignal;
}

interface Resumed {
  readonly uploads: S3Uploads;
  readonly options: S3ResumableWriterOptions;
  readonly writing: S3WriterOptions;
  readonly state: WriterState;
  /** What the last checkpoint answered, or what the writer began with. */
  last: S3Resume;
}

/** @throws S3ResponseError, BLOB_UNAVAILABLE when the tail is gone */
export async function createResumableWriter(uploads: S3Uploads, options: S3ResumableWriterOptions): Promise<ResumableWriter> {
  const { object, plan, from, signal } = options;
  const { expectedBytes } = from;
  const state = beginWrite();
  state.uploadId = Promise.resolve(from.uploadId);
  state.parts.push(...from.parts);
  state.nextNumber = options.firstNumber;
  state.sizeBytes = sizeOf({ parts: from.parts, tail: undefined });
  const resumed: Resumed = { uploads, options, writing: { object, plan, expectedBytes, signal }, state, last: from };
  const end = endOnce(resumed);
  try {
    await takeUp(resumed);
  } catch (error) {
    await end();
    throw error;
  }

  const run = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await callOnRecord(state, signal, work);
    } catch (error) {
      if (signal.aborted) throw error;
      // The store ended the upload by a rule of its own, say.
      const isGone = error instanceof S3ResponseError && error.code === 'NoSuchUpload';
      throw isGone ? bytesGone(error) : toS3StoreError(error, uploads.storeName);
    }
  };
  return {
    write: (bytes) => run(() => appendToParts(uploads, resumed.writing, state, bytes)),
    checkpoint: ({ isPassing = false } = {}) => run(() => (isPassing ? checkpointPassing(resumed) : checkpointAll(resumed))),
    [Symbol.asyncDispose]: end,
  };
}

/** Fetches the tail on record, and removes those before it. */
async function takeUp(resumed: Resumed): Promise<void> {
  const { uploads, options, writing, state } = resumed;
  const { from, folder, signal } = options;
  // One that stays is removed with the rest at the end.
  for (const name of from.old) await deleteObject(folder.connection, `${folder.path}${name}`).catch(() => undefined);
  resumed.last = { ...from, old: [] };
  if (from.tail === undefined) return;
  try {
    await readTail(folder, from.tail, (bytes) => appendToParts(uploads, writing, state, bytes), signal);
  } catch (error) {
    throw isStatus(error, 404) ? bytesGone(error) : error;
  }
}

/** What is durable already: the parts that the store has, up to the first one it has not. */
async function checkpointPassing(resumed: Resumed): Promise<Checkpoint> {
  const { state, last, options } = resumed;
  assertWorking(state);
  const sent = state.parts.toSorted(byNumber);
  // What was on record may have gaps; what this writer sends has none.
  const parts = sent.filter(({ number }, index) => number < options.firstNumber || isNext(sent, index, options));
  return parts.length === last.parts.length ? toCheckpoint(last) : advance(resumed, parts, undefined);
}

function isNext(sent: readonly UploadedPart[], index: number, { from, firstNumber }: S3ResumableWriterOptions): boolean {
  return sent[index]?.number === firstNumber + index - from.parts.length;
}

async function checkpointAll(resumed: Resumed): Promise<Checkpoint> {
  const { uploads, writing, state, options } = resumed;
  assertWorking(state);
  const { current } = state;
  if (current !== undefined && isWholePart(resumed, current.length)) await sendCurrent(uploads, writing, state);
  await waitForParts(state);
  const parts = state.parts.toSorted(byNumber);
  const rest = state.current;
  if (sizeOf({ parts, tail: resumed.last.tail }) === state.sizeBytes && parts.length === resumed.last.parts.length) {
    return toCheckpoint(resumed.last);
  }
  const tail = rest === undefined ? undefined : await putTail(options.folder, rest, state.stop.signal);
  return advance(resumed, parts, tail);
}

/** The last part may be of any length; others wait in the tail until they are long enough. */
function isWholePart({ state, writing: { plan, expectedBytes } }: Resumed, length: number): boolean {
  if (state.sizeBytes === expectedBytes) return true;
  return length >= partMinBytes && mayEndEarly(plan, expectedBytes, state.nextNumber, state.sizeBytes);
}

function advance(resumed: Resumed, parts: readonly UploadedPart[], tail: S3Tail | undefined): Checkpoint {
  const { last, options } = resumed;
  const { uploadId, expectedBytes } = options.from;
  // Tails before the last one are not on record any more; they go when a writer has this state to begin with.
  const old = last.tail === undefined ? last.old : [...last.old, last.tail.name];
  resumed.last = { uploadId, expectedBytes, parts, tail, old };
  return toCheckpoint(resumed.last);
}

function toCheckpoint(resume: S3Resume): Checkpoint {
  return { offset: sizeOf(resume), state: encodeResume(resume) };
}

function byNumber(a: UploadedPart, b: UploadedPart): number {
  return a.number - b.number;
}

/** Ends what runs and frees the memory; once. */
function endOnce({ state, options }: Resumed): () => Promise<void> {
  let ended: Promise<void> | undefined;
  const end = async (): Promise<void> => {
    state.failure ??= new AppError('STORE_UNAVAILABLE', 'The writer is closed.');
    if (await endRunning(state)) options.onCut(state.nextNumber - 1);
    await state.current?.release();
    state.current = undefined;
    await state.spool?.[Symbol.asyncDispose]();
    state.spool = undefined;
  };
  return () => {
    ended ??= end();
    return ended;
  };
}
