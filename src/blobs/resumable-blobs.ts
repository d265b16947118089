/** The part of the door that uploads in several requests use: append, finish, abort, and hashing what is in a store already. */
import type { Readable } from 'node:stream';
import type { BlobStore, Checkpoint, ResumeState } from './blob-store.ts';
import type { ReceivedBlob } from './blobs.ts';
import type { Digests } from './digest-lane.ts';

/** What tus calls a checksum: of the bytes of one request. */
export interface RequestChecksum {
  readonly algorithm: 'sha1' | 'md5' | 'sha256' | 'sha512';
  readonly value: Uint8Array;
}

/** One upload as its session has it on record. */
export interface ResumableUpload {
  readonly store: BlobStore;
  readonly key: string;
  readonly state: ResumeState;
  /** Names the hash state that this process may still have. */
  readonly sessionId: string;
}

export interface AppendOptions {
  /** Of this request. @throws BLOB_TOO_LARGE as soon as one byte more arrives; what was recorded until then is kept */
  readonly limitBytes: number;
  /** Nothing of a request is kept whose bytes have another. @throws BLOB_DIGEST_MISMATCH */
  readonly checksum?: RequestChecksum | undefined;
  /**
   * Called after about every 16 MiB and at the end, always after the bytes are durable: records both. What it throws ends the
   * append. With a checksum it is called once, when the checksum was right.
   */
  onCheckpoint(checkpoint: Checkpoint): Promise<void>;
  readonly signal: AbortSignal;
  /** After a failure leave `source` paused instead of destroyed, so that a server can still answer on its connection. */
  readonly leaveSource?: boolean | undefined;
  /** Bytes of this request taken so far; called at most a few times a second. */
  readonly onProgress?: ((receivedBytes: number) => void) | undefined;
}

export interface AppendResult extends Checkpoint {
  /** The source ended early (also by being destroyed): what came of it is kept, unless there was a checksum. */
  readonly isInterrupted: boolean;
}

export interface DigestOptions {
  readonly signal: AbortSignal;
  /** Reads no faster than this. */
  readonly bytesPerSecond?: number | undefined;
  /** Called at most a few times a second. */
  readonly onProgress?: ((readBytes: number) => void) | undefined;
}

export interface ResumableBlobs {
  /**
   * Writes `source` after the recorded offset: constant memory, hashed on the way where this process hashed all before it.
   * When it throws, what the last successful `onCheckpoint` recorded still holds. An aborted signal stops it the same way.
   * @throws STORE_UNAVAILABLE also where the store cannot do this, BLOB_UNAVAILABLE when recorded bytes are gone
   */
  append(upload: ResumableUpload & { readonly offset: number }, source: Readable, options: AppendOptions): Promise<AppendResult>;
  /**
   * Makes the object visible. Its digests, where this process hashed all of it without a gap; else null, and it must be read.
   * May be called again after a lost answer or a failure.
   */
  finish(upload: ResumableUpload & { readonly sizeBytes: number }, signal: AbortSignal): Promise<Digests | null>;
  /** Leaves nothing unfinished of it, in the store or in memory; a finished object stays. */
  abort(upload: ResumableUpload): Promise<void>;
  /** Reads a finished object and hashes it off the event loop; constant memory. @throws BLOB_UNAVAILABLE */
  digest(store: BlobStore, key: string, options: DigestOptions): Promise<ReceivedBlob>;
}
