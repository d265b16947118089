/**
 * Objects of the S3 store that several writers write one after another: one multipart upload, whose parts count as far as they
 * are on record.
 *
 *   unfinished/<key>/upload        there from before the upload begins until it is over: listing uploads is not possible everywhere
 *   unfinished/<key>/tail-<random> the end of what is durable, where it is too short for a part
 */
import { AppError } from '#base/app-error.ts';
import { failpoint } from '#base/failpoint.ts';
import type { ResumableObjects, UnfinishedObject } from '../blob-store.ts';
import { isObjectKey } from '../object-key.ts';
import { bytesGone, isStatus, S3TimeoutError, toS3StoreError } from './s3-error.ts';
import { listEntries } from './s3-list.ts';
import {
  abortUpload,
  abortUploads,
  beginMultipart,
  completeMultipart,
  deleteObject,
  headObject,
  putObject,
  putPart,
  textBody,
} from './s3-multipart.ts';
import type { PartPlan } from './s3-parts.ts';
import { createResumableWriter } from './s3-resumable-writer.ts';
import { decodeResume, encodeResume, type S3Resume, sizeOf } from './s3-resume-state.ts';
import { fillFromTail, type TailFolder } from './s3-tail.ts';
import type { S3Uploads } from './s3-write-state.ts';

const prefix = 'unfinished/';
const never = new AbortController().signal;

export interface S3ResumableOptions {
  readonly uploads: S3Uploads;
  /** @throws TypeError for what is no key */
  readonly objectName: (key: string) => string;
  readonly planParts: (expectedBytes: number | undefined) => PartPlan;
  readonly listPageMax: number;
}

/** What one object's requests have in common. */
interface S3Target {
  readonly object: string;
  readonly folder: TailFolder;
}

export function openS3Resumable({ uploads, objectName, planParts, listPageMax }: S3ResumableOptions): ResumableObjects {
  const { connection, storeName } = uploads;
  // A part that was cut off may still arrive: its number is not used again by this process.
  const cutNumbers = new Map<string, number>();

  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw toS3StoreError(error, storeName);
    }
  };
  const targetOf = (key: string): S3Target => ({
    object: objectName(key),
    folder: { connection, storeName, path: `${prefix}${key}/` },
  });

  return {
    async begin(key, { expectedBytes, signal }) {
      const target = targetOf(key);
      signal.throwIfAborted();
      return guarded(async () => {
        try {
          const uploadId = await beginUpload(uploads, target, signal);
          return encodeResume({ expectedBytes, uploadId, parts: [], tail: undefined, old: [] });
        } catch (error) {
          // A store that is silent would be waited for twice; what it may have is found by reconciliation.
          if (!(error instanceof S3TimeoutError)) await removeAll(uploads, target).catch(() => undefined);
          throw error;
        }
      });
    },
    async resume(key, state, offset, { signal }) {
      const { object, folder } = targetOf(key);
      signal.throwIfAborted();
      const from = decodeResume(state);
      if (sizeOf(from) !== offset) throw new AppError('BLOB_UNAVAILABLE', 'The offset is not the one on record.');
      const onCut = (number: number): void => void cutNumbers.set(key, number);
      const firstNumber = Math.max(from.parts.at(-1)?.number ?? 0, cutNumbers.get(key) ?? 0) + 1;
      const plan = planParts(from.expectedBytes);
      return guarded(() => createResumableWriter(uploads, { object, folder, from, firstNumber, plan, onCut, signal }));
    },
    async finish(key, state, sizeBytes, signal) {
      const target = targetOf(key);
      const from = decodeResume(state);
      signal.throwIfAborted();
      await guarded(() => finish(uploads, target, { from, sizeBytes, number: cutNumbers.get(key) ?? 0, signal }));
      cutNumbers.delete(key);
    },
    async abort(key, state) {
      const target = targetOf(key);
      const { uploadId } = state;
      await guarded(async () => {
        if (typeof uploadId === 'string') await abortUpload(connection, target.object, uploadId);
        await removeAll(uploads, target);
      });
      cutNumbers.delete(key);
    },
    listUnfinished: (signal) => listUnfinished(listEntries(connection, { storeName, prefix, pageMax: listPageMax, signal })),
  };
}

async function beginUpload({ connection }: S3Uploads, { object, folder }: S3Target, signal: AbortSignal): Promise<string> {
  const request = { method: 'PUT', object: `${folder.path}upload`, body: textBody(''), signal } as const;
  try {
    await connection.requestText({ ...request, headers: { 'if-none-match': '*' } });
  } catch (error) {
    // 501: the server does not know the condition.
    if (!isStatus(error, 409, 412, 501)) throw error;
    // Whoever began before this never got as far as putting it on record.
    await connection.requestText(request);
    await abortUploads(connection, object);
  }
  await failpoint('store.s3:announced');
  return beginMultipart(connection, object);
}

interface S3Finish {
  readonly from: S3Resume;
  readonly sizeBytes: number;
  /** The last one not to be used. */
  readonly number: number;
  readonly signal: AbortSignal;
}

async function finish(uploads: S3Uploads, target: S3Target, asked: S3Finish): Promise<void> {
  const { connection } = uploads;
  const { from, sizeBytes, signal } = asked;
  try {
    if (sizeOf(from) !== sizeBytes) throw new AppError('BLOB_UNAVAILABLE', 'The size is not the one on record.');
    if (sizeBytes === 0) await putObject(connection, { object: target.object, body: textBody(''), sizeBytes, signal });
    else await complete(uploads, target, asked);
  } catch (error) {
    // 404: no such upload or tail; 400: a part is not the one on record. A finish before this one may be the reason.
    if (!isStatus(error, 400, 404, 409, 412)) throw error;
    if ((await headObject(connection, target.object, signal)) !== sizeBytes)
      throw isStatus(error, 400, 404) ? bytesGone(error) : error;
  }
  // The object is there for good: what could not be removed is found by reconciliation.
  await removeAll(uploads, target, sizeBytes === 0).catch(() => undefined);
}

async function complete(uploads: S3Uploads, { object, folder }: S3Target, asked: S3Finish): Promise<void> {
  const { connection } = uploads;
  const { from, sizeBytes, signal } = asked;
  const { uploadId, tail } = from;
  const parts = [...from.parts];
  if (tail !== undefined) {
    const number = Math.max(parts.at(-1)?.number ?? 0, asked.number) + 1;
    await using body = await fillFromTail(uploads, folder, tail, signal);
    parts.push(await putPart(connection, { object, uploadId, number, body, signal }));
  }
  await completeMultipart(connection, { object, uploadId, parts, sizeBytes, signal });
}

/** Ends the object's uploads where there may be some, and removes what lies in its folder; last what says that there is something. */
async function removeAll({ connection, storeName }: S3Uploads, { object, folder }: S3Target, mayUpload = true): Promise<void> {
  if (mayUpload) await abortUploads(connection, object);
  const listing = { storeName, prefix: folder.path, pageMax: 1000, signal: never };
  const names = await Array.fromAsync(listEntries(connection, listing), ({ name }) => name);
  // By name: `tail-…` before `upload`.
  for (const name of names.toSorted()) await deleteObject(connection, `${folder.path}${name}`);
}

async function* listUnfinished(entries: AsyncIterable<{ name: string; changedAt: Date }>): AsyncGenerator<UnfinishedObject> {
  let last: UnfinishedObject | undefined;
  for await (const { name, changedAt } of entries) {
    const key = name.slice(0, Math.max(name.indexOf('/'), 0));
    if (!isObjectKey(key)) continue;
    if (last !== undefined && last.key !== key) yield last;
    last = last?.key === key && last.changedAt > changedAt ? last : { key, changedAt };
  }
  if (last !== undefined) yield last;
}
