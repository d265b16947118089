/** The door of the room: the configured stores, and receiving a blob with its digests computed on the way. */
import type { Readable } from 'node:stream';
import { AppError } from '#base/app-error.ts';
import { appendBlob, type Hashing, resumableObjects } from './append-blob.ts';
import type { BlobStore } from './blob-store.ts';
import { checkStore, type StoreObserver } from './checked-store.ts';
import { digestBlob } from './digest-blob.ts';
import { createDigestPool } from './digest-pool.ts';
import { createDigestSessions } from './digest-sessions.ts';
import { openFilesystemStore } from './drivers/filesystem.ts';
import { putBlob } from './put-blob.ts';
import { receiveBlob } from './receive-blob.ts';
import type { ResumableBlobs } from './resumable-blobs.ts';
import type { BlobsConfig, StoreConfig } from './store-config.ts';

export type { Digests } from './digest-lane.ts';
export { memberKey, newObjectKey } from './object-key.ts';
export type { AppendOptions, AppendResult, RequestChecksum } from './resumable-blobs.ts';
export type { BlobsConfig, S3StoreConfig, StoreConfig } from './store-config.ts';

export interface ReceivedBlob {
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly sha512: string;
  readonly md5: string;
}

export interface ReceiveOptions {
  /** The declared length; undefined when unknown. @throws BLOB_SIZE_MISMATCH */
  readonly expectedBytes?: number | undefined;
  /** @throws BLOB_TOO_LARGE as soon as one byte more arrives */
  readonly limitBytes: number;
  /** Lower-case hex by algorithm; checked before the object becomes visible. @throws BLOB_DIGEST_MISMATCH */
  readonly declared?: {
    readonly sha256?: string | undefined;
    readonly sha512?: string | undefined;
    readonly md5?: string | undefined;
  };
  readonly signal: AbortSignal;
  /** After a failure leave `source` paused instead of destroyed, so that a server can still answer on its connection. */
  readonly leaveSource?: boolean | undefined;
  /** Bytes taken so far; called at most a few times a second. */
  readonly onProgress?: ((receivedBytes: number) => void) | undefined;
}

export type PutOptions = Pick<ReceiveOptions, 'declared' | 'signal'>;

export interface Blobs extends ResumableBlobs, AsyncDisposable {
  readonly stores: ReadonlyMap<string, BlobStore>;
  readonly defaultStore: BlobStore;
  /** @throws AppError STORE_UNKNOWN */
  store(name: string): BlobStore;
  /**
   * Streams `source` into a new object under `key`: constant memory, three digests off the event loop, durable when it
   * resolves. Whatever fails, nothing is left under the key, and `source` is destroyed. A source that ends early
   * (`aborted` request) is UPLOAD_INTERRUPTED.
   */
  receive(store: BlobStore, key: string, source: Readable, options: ReceiveOptions): Promise<ReceivedBlob>;
  /** As `receive`, of few bytes that are at hand. */
  put(store: BlobStore, key: string, bytes: Uint8Array, options: PutOptions): Promise<ReceivedBlob>;
}

export interface OpenBlobsOptions {
  /** Told of every operation on any store, for metrics and logs. */
  readonly observe?: StoreObserver | undefined;
}

/** Opens every configured store. @throws AppError STORE_UNAVAILABLE */
export async function openBlobs(config: BlobsConfig, options: OpenBlobsOptions = {}): Promise<Blobs> {
  const stores = new Map<string, BlobStore>();
  const pool = createDigestPool();
  const sessions = createDigestSessions(pool);
  const close = async (): Promise<void> => {
    sessions[Symbol.dispose]();
    await pool[Symbol.asyncDispose]();
    for (const opened of stores.values()) await opened[Symbol.asyncDispose]();
  };
  try {
    for (const storeConfig of config.stores) {
      stores.set(storeConfig.name, checkStore(await openStore(storeConfig), { observe: options.observe }));
    }
    return toBlobs(stores, { pool, sessions }, config.defaultStore, close);
  } catch (error) {
    await close();
    throw error;
  }
}

function toBlobs(
  stores: ReadonlyMap<string, BlobStore>,
  hashing: Hashing,
  defaultStore: string,
  close: () => Promise<void>,
): Blobs {
  function store(name: string): BlobStore {
    const found = stores.get(name);
    if (found === undefined) throw new AppError('STORE_UNKNOWN', `No store is configured under the name '${name}'.`);
    return found;
  }

  return {
    stores,
    defaultStore: store(defaultStore),
    store,
    append: (upload, source, appending) => appendBlob(hashing, upload, source, appending),
    async finish({ store: target, key, state, sizeBytes, sessionId }, signal) {
      await resumableObjects(target).finish(key, state, sizeBytes, signal);
      return (await hashing.sessions.finish(sessionId, sizeBytes)) ?? null;
    },
    async abort({ store: target, key, state, sessionId }) {
      hashing.sessions.drop(sessionId);
      await resumableObjects(target).abort(key, state);
    },
    digest: (target, key, digesting) => digestBlob(hashing.pool, target, key, digesting),
    receive: (target, key, source, options) => receiveBlob(hashing.pool, { store: target, key }, source, options),
    put: (target, key, bytes, options) => putBlob(hashing.pool, { store: target, key }, bytes, options),
    [Symbol.asyncDispose]: close,
  };
}

async function openStore(config: StoreConfig): Promise<BlobStore> {
  switch (config.kind) {
    case 'filesystem':
      return openFilesystemStore(config);
    case 's3':
      // Loaded only where it is configured: the S3 client is the heaviest package of the room.
      return (await import('./drivers/s3.ts')).openS3Store(config);
  }
}
