/** Ends an unfinished write to an S3 store so that nothing of it is left there. */
import { setTimeout as sleep } from 'node:timers/promises';
import { abortUpload, abortUploads, deleteObject } from './s3-multipart.ts';
import type { S3Uploads, S3WriterOptions, WriterState } from './s3-write-state.ts';

const graceMs = 2_000;

export async function giveUp(uploads: S3Uploads, options: S3WriterOptions, state: WriterState): Promise<void> {
  const wasCut = await endRunning(state);
  await state.current?.release();
  await state.spool?.[Symbol.asyncDispose]();
  state.spool = undefined;
  await removeTraces(uploads, options, state);
  if (wasCut) {
    await sleep(graceMs / 4);
    await removeTraces(uploads, options, state);
    await abortUploads(uploads.connection, options.object);
  }
  state.uploadId = undefined;
  state.mayExist = false;
}

/** Lets what runs come to its end, and cuts it off after a while. True when it had to. */
export async function endRunning(state: WriterState): Promise<boolean> {
  // A request that is cut off may still take effect: a server that is writing a part keeps it beyond the abort of its upload.
  const ended = Promise.allSettled([...state.running, ...state.calls]).then(() => false);
  const cut = new AbortController();
  const isCut = await Promise.race([ended, sleep(graceMs, true, { signal: cut.signal })]);
  cut.abort();
  if (!isCut) return false;
  state.stop.abort(state.failure);
  await ended;
  return true;
}

async function removeTraces({ connection }: S3Uploads, { object }: S3WriterOptions, state: WriterState): Promise<void> {
  if (state.uploadId !== undefined) {
    const known = await state.uploadId.catch(() => undefined);
    // Where beginning it failed, it may have begun all the same.
    if (known === undefined) await abortUploads(connection, object);
    else await abortUpload(connection, object, known);
  }
  if (state.mayExist) await deleteObject(connection, object);
}
