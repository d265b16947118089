/**
 * The S3 store: one bucket of any server that speaks S3.
 *
 *   identity             the store's id
 *   objects/<key>        finished objects; S3 shows nothing of one before its PUT or its multipart upload is complete
 *   unfinished/<key>/…   what belongs to uploads of several requests: see s3-resumable.ts
 *
 * Credentials stay in the connection: no error, log line or row carries them, nor a signed URL.
 */
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { addAbortSignal, PassThrough, type Readable } from 'node:stream';
import { AppError } from '#base/app-error.ts';
import type { BlobStore, ByteRange, ReadOptions, StoredObject } from '../blob-store.ts';
import { assertObjectKey } from '../object-key.ts';
import type { S3StoreConfig } from '../store-config.ts';
import { guardSilence, readBytes, sendBody } from './s3-body.ts';
import { connectS3, type S3Connection } from './s3-connection.ts';
import { isStatus, toS3ReadError, toS3StoreError } from './s3-error.ts';
import { listObjects } from './s3-list.ts';
import { deleteObject, headObject, putObject, textBody } from './s3-multipart.ts';
import { createPartMemory } from './s3-part-body.ts';
import { type PartPlan, planParts } from './s3-parts.ts';
import { openS3Resumable } from './s3-resumable.ts';
import type { S3Uploads } from './s3-write-state.ts';
import { createS3Writer } from './s3-writer.ts';

const objectsPrefix = 'objects/';
const identityObject = 'identity';

/** For tests: other sizes of parts and pages, to meet with little what comes with terabytes. */
export interface S3Tuning {
  readonly planParts?: (expectedBytes: number | undefined) => PartPlan;
  readonly listPageMax?: number;
}

/** Opens the store. @throws STORE_UNAVAILABLE also when the bucket is not there and may not be created */
export async function openS3Store(config: S3StoreConfig, tuning: S3Tuning = {}): Promise<BlobStore> {
  const { name } = config;
  const connection = connectS3(config);
  const memory = createPartMemory();
  const uploads: S3Uploads = { connection, storeName: name, memory, spoolDir: config.spoolDir ?? tmpdir(), extraParts: 0 };
  const plan = tuning.planParts ?? planParts;
  const guarded = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      throw toS3StoreError(error, name);
    }
  };
  try {
    await guarded(findBucket(connection, config));
  } catch (error) {
    connection.close();
    throw error;
  }
  return {
    name,
    kind: 's3',
    facts: { endpoint: config.endpoint, bucket: config.bucket },
    identity: () => guarded(readIdentity(connection)),
    claim: (storeId) => guarded(claimBucket(connection, name, storeId)),
    async create(key, { expectedBytes, signal }) {
      signal.throwIfAborted();
      return createS3Writer(uploads, { object: objectName(key), plan: plan(expectedBytes), expectedBytes, signal });
    },
    stat: (key) => guarded(statObject(connection, key)),
    read: (key, offset, length, signal) => readPiece(connection, name, key, { offset, length, signal }),
    async open(key, options) {
      const response = await getObject(connection, name, key, options);
      return openBody(response, name, options.signal);
    },
    async send(key, destination, options) {
      const response = await getObject(connection, name, key, options);
      await sendBody(response, destination, options).catch((error: unknown) => {
        throw options.signal.aborted || response.errored !== error ? error : toS3ReadError(error, name);
      });
    },
    remove: async (key) => guarded(deleteObject(connection, objectName(key))),
    resumable: openS3Resumable({ uploads, objectName, planParts: plan, listPageMax: tuning.listPageMax ?? 1000 }),
    list: (signal) =>
      listObjects(connection, { storeName: name, prefix: objectsPrefix, pageMax: tuning.listPageMax ?? 1000, signal }),
    async [Symbol.asyncDispose]() {
      memory[Symbol.dispose]();
      connection.close();
    },
  };
}

function objectName(key: string): string {
  return `${objectsPrefix}${assertObjectKey(key)}`;
}

async function findBucket(connection: S3Connection, config: S3StoreConfig): Promise<void> {
  if ((await headObject(connection, '')) !== undefined) return;
  if (config.createBucket !== true) {
    throw new AppError('STORE_UNAVAILABLE', `The bucket '${config.bucket}' of the store '${config.name}' is not there.`);
  }
  const region = config.region ?? 'us-east-1';
  const body =
    region === 'us-east-1'
      ? undefined
      : textBody(`<CreateBucketConfiguration><LocationConstraint>${region}</LocationConstraint></CreateBucketConfiguration>`);
  // 409: another node was faster.
  await connection.requestText({ method: 'PUT', object: '', body }).catch(async (error: unknown) => {
    if (!isStatus(error, 409) || (await headObject(connection, '')) === undefined) throw error;
  });
}

async function readIdentity(connection: S3Connection): Promise<string | undefined> {
  try {
    return (await connection.requestText({ method: 'GET', object: identityObject })).text.trim();
  } catch (error) {
    if (isStatus(error, 404)) return undefined;
    throw error;
  }
}

async function claimBucket(connection: S3Connection, storeName: string, storeId: string): Promise<string> {
  if ((await readIdentity(connection)) === undefined) {
    const body = textBody(`${storeId}\n`);
    const upload = { object: identityObject, body, sizeBytes: body.length, signal: new AbortController().signal };
    // Of two nodes that claim at once, one wins.
    await putObject(connection, upload).catch((error: unknown) => {
      if (!isStatus(error, 409, 412)) throw error;
    });
  }
  const found = await readIdentity(connection);
  if (found !== storeId) throw new AppError('STORE_MISMATCH', `The store '${storeName}' carries another id.`);
  return found;
}

async function statObject(connection: S3Connection, key: string): Promise<StoredObject | undefined> {
  const sizeBytes = await headObject(connection, objectName(key));
  return sizeBytes === undefined ? undefined : { key, sizeBytes };
}

/** The answer to a GET of the range or the whole, its body unread. */
async function getObject(
  connection: S3Connection,
  storeName: string,
  key: string,
  { range, signal }: ReadOptions,
): Promise<IncomingMessage> {
  signal.throwIfAborted();
  try {
    const headers = range === undefined ? {} : { range: formatRange(range) };
    const response = await connection.request({ method: 'GET', object: objectName(key), headers, signal });
    if (range !== undefined && response.statusCode !== 206) {
      response.destroy();
      throw new AppError('BLOB_UNAVAILABLE', `The store '${storeName}' does not answer ranges.`);
    }
    guardSilence(response, connection.idleTimeoutMs);
    return response;
  } catch (error) {
    signal.throwIfAborted();
    throw toS3ReadError(error, storeName);
  }
}

function formatRange({ start, end }: ByteRange): string {
  if (start < 0 || end < start) throw new AppError('RANGE_NOT_SATISFIABLE');
  return `bytes=${start}-${end}`;
}

async function readPiece(
  connection: S3Connection,
  storeName: string,
  key: string,
  piece: { readonly offset: number; readonly length: number; readonly signal: AbortSignal | undefined },
): Promise<Uint8Array> {
  const { offset, length, signal } = piece;
  // HTTP has no range for "nothing".
  const headers = { range: `bytes=${offset}-${offset + Math.max(length, 1) - 1}` };
  try {
    const response = await connection.request({ method: 'GET', object: objectName(key), headers, signal });
    guardSilence(response, connection.idleTimeoutMs);
    const bytes = await readBytes(response, Math.max(length, 1));
    return bytes.subarray(0, length);
  } catch (error) {
    signal?.throwIfAborted();
    if (isStatus(error, 416)) return Buffer.alloc(0);
    throw toS3ReadError(error, storeName);
  }
}

/** The body as a stream whose errors are the store's, typed. */
function openBody(response: IncomingMessage, storeName: string, signal: AbortSignal): Readable {
  const body = new PassThrough();
  response.once('error', (error) => body.destroy(toError(toS3ReadError(error, storeName))));
  body.once('close', () => response.destroy());
  response.pipe(body);
  return addAbortSignal(signal, body);
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
