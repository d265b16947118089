/** Writes one object of an S3 store: a single PUT when it is small, otherwise parts of bounded size, a few at a time. */
import { AppError } from '#base/app-error.ts';
import type { ObjectWriter } from '../blob-store.ts';
import { isStatus, toS3StoreError } from './s3-error.ts';
import { giveUp } from './s3-give-up.ts';
import { completeMultipart, putObject } from './s3-multipart.ts';
import { createMemoryPart } from './s3-part-body.ts';
import { appendToParts, assertWorking, sendCurrent, waitForParts } from './s3-part-flow.ts';
import { beginWrite, callOnRecord, type S3Uploads, type S3WriterOptions, type WriterState } from './s3-write-state.ts';

export function createS3Writer(uploads: S3Uploads, options: S3WriterOptions): ObjectWriter {
  const state = beginWrite();

  const run = async (work: () => Promise<void>): Promise<void> => {
    try {
      await callOnRecord(state, options.signal, work);
    } catch (error) {
      throw options.signal.aborted ? error : toS3StoreError(error, uploads.storeName);
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
    write: (bytes) => run(() => appendToParts(uploads, options, state, bytes)),
    async finish() {
      await run(() => finish(uploads, options, state));
      state.isFinished = true;
      return { sizeBytes: state.sizeBytes };
    },
    abort,
    [Symbol.asyncDispose]: abort,
  };
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
      await waitForParts(state);
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
