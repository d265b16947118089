/** What is kept between two writers of one object in an S3 store, small also for ten thousand parts. */
import { AppError } from '#base/app-error.ts';
import { isJsonObject, type Json } from '#base/json.ts';
import type { ResumeState } from '../blob-store.ts';
import type { UploadedPart } from './s3-multipart.ts';

/** The end of what is durable, too short for a part: an object of its own. */
export interface S3Tail {
  readonly name: string;
  readonly sizeBytes: number;
}

export interface S3Resume {
  readonly expectedBytes: number | undefined;
  readonly uploadId: string;
  /** By number, which rises but may leave gaps. */
  readonly parts: readonly UploadedPart[];
  readonly tail: S3Tail | undefined;
  /** Names of tails that are needed no more once this is on record. */
  readonly old: readonly string[];
}

/** Parts that follow each other by number and are of one size: first number, how many, their size. */
type Run = [first: number, count: number, sizeBytes: number];

export function encodeResume({ expectedBytes, uploadId, parts, tail, old }: S3Resume): ResumeState {
  const runs: Run[] = [];
  for (const { number, sizeBytes } of parts) {
    const last = runs.at(-1);
    if (last !== undefined && last[0] + last[1] === number && last[2] === sizeBytes) last[1] += 1;
    else runs.push([number, 1, sizeBytes]);
  }
  return {
    uploadId,
    expectedBytes: expectedBytes ?? null,
    runs,
    // No ETag has a space in it.
    etags: parts.map(({ etag }) => etag).join(' '),
    tail: tail === undefined ? null : { name: tail.name, sizeBytes: tail.sizeBytes },
    old: [...old],
  };
}

/** @throws BLOB_UNAVAILABLE for what `encodeResume` did not make */
export function decodeResume(state: ResumeState): S3Resume {
  const { uploadId, expectedBytes, runs, etags, tail, old } = state;
  if (typeof uploadId !== 'string' || typeof etags !== 'string' || !Array.isArray(runs) || !Array.isArray(old))
    throw unreadable();
  return {
    expectedBytes: typeof expectedBytes === 'number' ? expectedBytes : undefined,
    uploadId,
    parts: decodeParts(runs, etags),
    tail: decodeTail(tail),
    old: old.filter((name) => typeof name === 'string'),
  };
}

/** Bytes that the parts and the tail hold. */
export function sizeOf({ parts, tail }: Pick<S3Resume, 'parts' | 'tail'>): number {
  return parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, tail?.sizeBytes ?? 0);
}

function decodeParts(runs: readonly Json[], etags: string): UploadedPart[] {
  const texts = etags === '' ? [] : etags.split(' ');
  const parts: UploadedPart[] = [];
  for (const run of runs) {
    const [first, count, sizeBytes] = Array.isArray(run) ? run : [];
    if (typeof first !== 'number' || typeof count !== 'number' || typeof sizeBytes !== 'number') throw unreadable();
    for (let index = 0; index < count; index += 1) {
      const etag = texts[parts.length];
      if (etag === undefined) throw unreadable();
      parts.push({ number: first + index, etag, sizeBytes });
    }
  }
  return parts;
}

function decodeTail(tail: Json | undefined): S3Tail | undefined {
  if (tail === null || !isJsonObject(tail)) return undefined;
  const { name, sizeBytes } = tail;
  if (typeof name !== 'string' || typeof sizeBytes !== 'number') throw unreadable();
  return { name, sizeBytes };
}

function unreadable(): AppError {
  return new AppError('BLOB_UNAVAILABLE', 'What is on record of the unfinished upload is not readable.');
}
