/**
 * Wraps a store without changing its contract: checks what is asked of it, tells an observer what became of it, and keeps the
 * number of short requests at once within bounds. The door wraps every configured store in it.
 */
import { finished, type Readable } from 'node:stream';
import { isAppError } from '#base/app-error.ts';
import { createGate } from '#base/gate.ts';
import type { BlobStore, ByteRange, ObjectWriter } from './blob-store.ts';
import { checkResumable } from './checked-resumable.ts';
import { assertObjectKey } from './object-key.ts';
import { systemCode } from './store-error.ts';

type StoreOperation = 'write' | 'append' | 'finish' | 'abort' | 'send' | 'open' | 'read' | 'stat' | 'remove';

/** One operation that is over. */
export interface StoreObservation {
  readonly store: string;
  readonly kind: string;
  readonly operation: StoreOperation;
  /** Bytes of objects that went in (`write`, `append`) or out (`send`, `open`, `read`); 0 for the others. */
  readonly bytes: number;
  readonly durationMs: number;
  /** Undefined for success; a catalogue code, a system's code, or `aborted` when caller or reader gave up. */
  readonly error: string | undefined;
  /** Operations of this store that still run. */
  readonly running: number;
}

/** Called once per operation, after it; must not throw. */
export type StoreObserver = (observation: StoreObservation) => void;

export interface CheckedStoreOptions {
  readonly observe?: StoreObserver | undefined;
  /** Short requests (`stat`, `read`, `remove`, `abort`) at once; more wait. Default 64. */
  readonly shortRequestsMax?: number | undefined;
}

export interface Watch {
  /** Begins one operation; the returned function ends it, once. */
  start(operation: StoreOperation): (bytes: number, error?: unknown) => void;
}

export function checkStore(store: BlobStore, options: CheckedStoreOptions = {}): BlobStore {
  const watch = createWatch(store, options.observe);
  const gate = createGate(options.shortRequestsMax ?? 64);

  /** One short request, and how many bytes its result is worth. */
  const short = <T>(operation: StoreOperation, work: () => Promise<T>, bytesOf: (result: T) => number): Promise<T> =>
    gate(async () => {
      const end = watch.start(operation);
      try {
        const result = await work();
        end(bytesOf(result));
        return result;
      } catch (error) {
        end(0, error);
        throw error;
      }
    });

  return {
    name: store.name,
    kind: store.kind,
    facts: store.facts,
    claim: (storeId) => store.claim(storeId),
    identity: () => store.identity(),
    async create(key, writing) {
      assertObjectKey(key);
      const end = watch.start('write');
      try {
        return watchWriter(await store.create(key, writing), end);
      } catch (error) {
        end(0, error);
        throw error;
      }
    },
    stat: async (key) =>
      short(
        'stat',
        () => store.stat(assertObjectKey(key)),
        () => 0,
      ),
    async read(key, offset, length, signal) {
      assertCount(offset);
      assertCount(length);
      return short(
        'read',
        () => store.read(assertObjectKey(key), offset, length, signal),
        (bytes) => bytes.length,
      );
    },
    async open(key, reading) {
      assertRange(reading.range);
      const end = watch.start('open');
      try {
        return watchStream(await store.open(assertObjectKey(key), reading), end);
      } catch (error) {
        end(0, error);
        throw error;
      }
    },
    async send(key, destination, sending) {
      assertRange(sending.range);
      const end = watch.start('send');
      let sent = 0;
      const onSent = (bytes: number): void => {
        sent = bytes;
        sending.onSent?.(bytes);
      };
      try {
        await store.send(assertObjectKey(key), destination, { ...sending, onSent });
        end(sent);
      } catch (error) {
        end(sent, error);
        throw error;
      }
    },
    remove: async (key) =>
      short(
        'remove',
        () => store.remove(assertObjectKey(key)),
        () => 0,
      ),
    list: (signal) => store.list(signal),
    resumable: store.resumable === undefined ? undefined : checkResumable(store.resumable, watch, gate),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

function createWatch(store: BlobStore, observe: StoreObserver | undefined): Watch {
  let running = 0;
  return {
    start(operation) {
      const startedAt = performance.now();
      let isOver = false;
      running += 1;
      return (bytes, error) => {
        if (isOver) return;
        isOver = true;
        running -= 1;
        const durationMs = performance.now() - startedAt;
        observe?.({ store: store.name, kind: store.kind, operation, bytes, durationMs, error: nameError(error), running });
      };
    },
  };
}

function nameError(error: unknown): string | undefined {
  if (error === undefined) return undefined;
  if (isAppError(error)) return error.code;
  if (error instanceof Error && error.name === 'AbortError') return 'aborted';
  const code = systemCode(error);
  return code === undefined || code === 'ERR_STREAM_PREMATURE_CLOSE' ? 'aborted' : code;
}

/** Remembers the first failure of several calls of one thing. */
export function noteFailures() {
  let failure: unknown;
  return {
    first: (): unknown => failure,
    noted: async <T>(work: Promise<T>): Promise<T> => {
      try {
        return await work;
      } catch (error) {
        failure ??= error;
        throw error;
      }
    },
  };
}

function watchWriter(writer: ObjectWriter, end: (bytes: number, error?: unknown) => void): ObjectWriter {
  let bytes = 0;
  const failures = noteFailures();
  let isFinished = false;
  const abort = async (): Promise<void> => {
    if (isFinished) return;
    try {
      await writer.abort();
    } finally {
      end(bytes, failures.first() ?? new DOMException('the write was given up', 'AbortError'));
    }
  };
  return {
    async write(piece) {
      await failures.noted(writer.write(piece));
      bytes += piece.length;
    },
    async finish() {
      const result = await failures.noted(writer.finish());
      end(bytes);
      isFinished = true;
      return result;
    },
    abort,
    [Symbol.asyncDispose]: abort,
  };
}

function watchStream(stream: Readable, end: (bytes: number, error?: unknown) => void): Readable {
  let bytes = 0;
  // Not a `data` listener: that would start the stream. What `push` is given is what its reader gets.
  const push = stream.push.bind(stream);
  stream.push = (chunk: unknown, encoding?: BufferEncoding) => {
    if (chunk instanceof Uint8Array) bytes += chunk.length;
    return push(chunk, encoding);
  };
  finished(stream, { writable: false }, (error) => end(bytes, error ?? undefined));
  return stream;
}

function assertRange(range: ByteRange | undefined): void {
  if (range === undefined) return;
  assertCount(range.start);
  assertCount(range.end);
  if (range.end < range.start) throw new TypeError(`not a range: ${range.start}-${range.end}`);
}

export function assertCount(value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) throw new TypeError(`not a number of bytes: ${value}`);
}
