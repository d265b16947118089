/**
 * The store contract: keep bytes under a key, give them back, forget them. Exported as `vitrine/stores`.
 *
 * A store knows keys and bytes, nothing of artifacts. Keys are random, chosen by the caller and used once. What is not said
 * here is undefined: reading a key while it is written, writing one key twice, any order of `list`.
 */
import type { Readable, Writable } from 'node:stream';
import type { JsonObject } from '#base/json.ts';

/** Half-open never: `start` and `end` are inclusive, as in HTTP. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface StoredObject {
  readonly key: string;
  readonly sizeBytes: number;
}

export interface ReadOptions {
  /** Inclusive; the whole object where left out. An end past the object is cut to it. */
  readonly range?: ByteRange | undefined;
  readonly signal: AbortSignal;
}

export interface SendOptions extends ReadOptions {
  /** Called once, before the promise settles, with the bytes that the destination has taken; also after a failure. */
  readonly onSent?: ((bytes: number) => void) | undefined;
}

/** One object being written. Nothing of it is visible under its key before `finish` is called, and it counts when that resolved. */
export interface ObjectWriter extends AsyncDisposable {
  /**
   * Appends the bytes. They may be reused by the caller once the promise resolves. Slow when the store is: wait for it.
   * @throws AppError STORE_FULL, STORE_UNAVAILABLE
   */
  write(bytes: Uint8Array): Promise<void>;
  /** Durable when it resolves (fsync of file and folder; multipart completed). Total bytes written. */
  finish(): Promise<{ readonly sizeBytes: number }>;
  /** Leaves nothing behind. Safe after a failed write or finish, and twice. */
  abort(): Promise<void>;
}

/** What must be kept between two writers of one object: the driver's own, as JSON. Belongs to the offset it was given with. */
export type ResumeState = JsonObject;

export interface Checkpoint {
  /** Bytes from the object's beginning that survive a crash. */
  readonly offset: number;
  readonly state: ResumeState;
}

/** Writes on at the end of an unfinished object. Disposing of it loses nothing that a checkpoint made durable. */
export interface ResumableWriter extends AsyncDisposable {
  /**
   * Appends the bytes. They may be reused by the caller once the promise resolves. Slow when the store is: wait for it.
   * @throws AppError STORE_FULL, STORE_UNAVAILABLE; the writer is of no use then
   */
  write(bytes: Uint8Array): Promise<void>;
  /**
   * Makes everything durable whose `write` had resolved. The caller records the result before it asks for the next one.
   * With `isPassing` writes may go on meanwhile, and the offset may lie before what was written, where a store can make the
   * rest durable only at a price.
   */
  checkpoint(options?: { readonly isPassing?: boolean }): Promise<Checkpoint>;
}

/** An object that was begun and never finished, whoever began it. */
export interface UnfinishedObject {
  readonly key: string;
  /** When it was begun, or something of it was written since; by the store's clock. */
  readonly changedAt: Date;
}

/** What a store may have beside the rest: objects written by several writers, one after another, perhaps on several nodes. */
export interface ResumableObjects {
  /** `expectedBytes` is the whole length where it is known: it plans the parts. Begun again, what was before is given up. */
  begin(
    key: string,
    options: { readonly expectedBytes?: number | undefined; readonly signal: AbortSignal },
  ): Promise<ResumeState>;
  /**
   * Goes on at `offset`, the last one recorded, with the state recorded beside it; whatever was written beyond is dropped.
   * One writer at a time is the caller's duty. @throws BLOB_UNAVAILABLE when bytes before the offset are gone
   */
  resume(key: string, state: ResumeState, offset: number, options: { readonly signal: AbortSignal }): Promise<ResumableWriter>;
  /**
   * Makes the object of this size visible under its key, durable, never over another one. Succeeds again after it did.
   * @throws BLOB_UNAVAILABLE when bytes are gone
   */
  finish(key: string, state: ResumeState, sizeBytes: number, signal: AbortSignal): Promise<void>;
  /** Leaves nothing unfinished under the key, also with an empty state; a finished object stays. Resolves when there was nothing. */
  abort(key: string, state: ResumeState): Promise<void>;
  /** Every object begun and not finished, for reconciliation; those being written now among them. Slow: walks the store. */
  listUnfinished(signal: AbortSignal): AsyncIterable<UnfinishedObject>;
}

export interface BlobStore extends AsyncDisposable {
  /** The configured name. */
  readonly name: string;
  /** `filesystem`, `s3`, … */
  readonly kind: string;
  /** What administrators may be told of where it is, and never a secret. */
  readonly facts?: JsonObject | undefined;
  /** The id kept in the store itself; claims the store for `storeId` where it has none yet. @throws STORE_MISMATCH */
  claim(storeId: string): Promise<string>;
  /** The id kept in the store, or undefined for a new one. */
  identity(): Promise<string | undefined>;
  /** `expectedBytes` is a hint for part sizes; undefined means unknown. */
  create(
    key: string,
    options: { readonly expectedBytes?: number | undefined; readonly signal: AbortSignal },
  ): Promise<ObjectWriter>;
  /** Undefined when there is no such object. */
  stat(key: string): Promise<StoredObject | undefined>;
  /** Up to `length` bytes from `offset`, in one piece: for small reads. @throws BLOB_UNAVAILABLE when missing */
  read(key: string, offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array>;
  /** A stream of the range, or of the whole. Destroying it frees everything. @throws BLOB_UNAVAILABLE when missing */
  open(key: string, options: ReadOptions): Promise<Readable>;
  /**
   * Writes the range, or the whole, to `destination` as fast as the store can, without ending it. Resolves when the last
   * byte was handed over; rejects when the signal aborts or the destination closes early.
   */
  send(key: string, destination: Writable, options: SendOptions): Promise<void>;
  /** Resolves also when there was nothing. */
  remove(key: string): Promise<void>;
  /** Every finished object, for reconciliation. Slow: walks the store. */
  list(signal: AbortSignal): AsyncIterable<StoredObject>;
  /** Undefined for a store that takes objects in one piece only. */
  readonly resumable?: ResumableObjects | undefined;
}
