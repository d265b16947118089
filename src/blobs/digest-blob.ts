/** Reads an object that is in a store and hashes it in the threads: constant memory, no faster than it may. */
import type { Readable } from 'node:stream';
import { isAppError } from '#base/app-error.ts';
import type { BlobStore } from './blob-store.ts';
import type { ReceivedBlob } from './blobs.ts';
import type { DigestLane } from './digest-lane.ts';
import type { DigestPool } from './digest-pool.ts';
import type { DigestOptions } from './resumable-blobs.ts';
import { createRingFeed } from './ring-feed.ts';
import { createSizeMeter } from './size-meter.ts';
import { type SourceTap, tapSource } from './source-tap.ts';
import { toReadError } from './store-error.ts';

// The bytes come from where they are to stay.
const nowhere = Promise.resolve({ write: async () => undefined });

/** The contract is that of `ResumableBlobs.digest`. */
export async function digestBlob(pool: DigestPool, store: BlobStore, key: string, options: DigestOptions): Promise<ReceivedBlob> {
  const source = await store.open(key, { signal: options.signal });
  let lane: DigestLane | undefined;
  try {
    lane = pool.begin();
    return await hashSource(lane, source, options);
  } catch (error) {
    options.signal.throwIfAborted();
    // To the tap every stream that breaks off is an upload.
    throw isAppError(error, 'UPLOAD_INTERRUPTED') ? toReadError(error.cause ?? new Error('cut off'), store.name) : error;
  } finally {
    source.on('error', () => undefined).destroy();
    lane?.release();
  }
}

async function hashSource(lane: DigestLane, source: Readable, options: DigestOptions): Promise<ReceivedBlob> {
  const { signal, bytesPerSecond, onProgress } = options;
  const meter = createSizeMeter({ limitBytes: Number.MAX_SAFE_INTEGER, onProgress });
  const startedAt = performance.now();
  let isFull = false;
  let timer: NodeJS.Timeout | undefined;

  const goOn = (): void => {
    if (!isFull && timer === undefined) tap.resume();
  };
  const feed = createRingFeed({
    ring: lane.ring,
    lane,
    writer: nowhere,
    onRoom() {
      isFull = false;
      goOn();
    },
    onFailure: (error) => tap.fail(error),
  });
  const tap: SourceTap = tapSource(source, {
    signal,
    onChunk(chunk) {
      meter.add(chunk.length);
      isFull = !feed.push(chunk);
      const dueMs = bytesPerSecond === undefined ? 0 : (meter.received / bytesPerSecond) * 1000;
      const earlyMs = dueMs - (performance.now() - startedAt);
      if (earlyMs > 1) {
        timer ??= setTimeout(() => {
          timer = undefined;
          goOn();
        }, earlyMs);
      }
      return !isFull && timer === undefined;
    },
  });
  try {
    await tap.ended;
    await feed.drained();
    return { sizeBytes: meter.received, ...(await lane.finish()) };
  } finally {
    clearTimeout(timer);
    await feed.stop();
  }
}
