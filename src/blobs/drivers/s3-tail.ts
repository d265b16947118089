/** The tail of an unfinished object: the few last bytes that are durable but no part yet. */
import { randomBytes } from 'node:crypto';
import { AppError } from '#base/app-error.ts';
import { failpoint } from '#base/failpoint.ts';
import { guardSilence } from './s3-body.ts';
import type { S3Body, S3Connection } from './s3-connection.ts';
import { createMemoryPart, openSpoolFile, type PartBody } from './s3-part-body.ts';
import { memoryPartMaxBytes } from './s3-parts.ts';
import type { S3Tail } from './s3-resume-state.ts';
import type { S3Uploads } from './s3-write-state.ts';

export interface TailFolder {
  readonly connection: S3Connection;
  readonly storeName: string;
  /** With its last slash. */
  readonly path: string;
}

/** Under a name that no other tail has: the one on record stays until this one is. */
export async function putTail({ connection, path }: TailFolder, body: S3Body, signal: AbortSignal): Promise<S3Tail> {
  const name = `tail-${randomBytes(8).toString('hex')}`;
  await failpoint('store.s3:tail');
  await connection.requestText({ method: 'PUT', object: `${path}${name}`, body, signal });
  await failpoint('store.s3:tail-sent');
  return { name, sizeBytes: body.length };
}

/** Appends the tail's bytes to a part. @throws S3ResponseError 404, BLOB_UNAVAILABLE when it is not as long as it was */
export async function readTail(
  { connection, path }: TailFolder,
  tail: S3Tail,
  append: (bytes: Uint8Array) => Promise<unknown>,
  signal: AbortSignal,
): Promise<void> {
  const response = await connection.request({ method: 'GET', object: `${path}${tail.name}`, signal });
  guardSilence(response, connection.idleTimeoutMs);
  let read = 0;
  for await (const chunk of response) {
    read += chunk.length;
    await append(chunk);
  }
  if (read !== tail.sizeBytes) throw new AppError('BLOB_UNAVAILABLE', 'The end of the unfinished upload is not what it was.');
}

/** The tail as a body of its own. */
export async function fillFromTail(
  uploads: S3Uploads,
  folder: TailFolder,
  tail: S3Tail,
  signal: AbortSignal,
): Promise<PartBody & AsyncDisposable> {
  const isSmall = tail.sizeBytes <= memoryPartMaxBytes;
  const spool = isSmall ? undefined : await openSpoolFile(uploads.spoolDir);
  const body = spool?.createPart(tail.sizeBytes) ?? createMemoryPart(uploads.memory, tail.sizeBytes);
  const dispose = async (): Promise<void> => {
    await body.release();
    await spool?.[Symbol.asyncDispose]();
  };
  try {
    await readTail(folder, tail, (bytes) => body.append(bytes), signal);
  } catch (error) {
    await dispose();
    throw error;
  }
  return Object.assign(body, { [Symbol.asyncDispose]: dispose });
}
