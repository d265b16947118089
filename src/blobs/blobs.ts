/** The door of the room: the configured stores, and receiving a blob with its digests computed on the way. */
import type { Readable } from 'node:stream';
import type { BlobStore } from './blob-store.ts';

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
  /** Bytes taken so far; called at most a few times a second. */
  readonly onProgress?: (receivedBytes: number) => void;
}

export interface Blobs extends AsyncDisposable {
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
}
