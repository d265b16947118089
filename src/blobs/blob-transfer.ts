/** One transfer into a store: small ones are held and hashed at once, others go through a ring; either way hashed before visible. */
import { hash } from 'node:crypto';
import type { BlobStore, ObjectWriter } from './blob-store.ts';
import type { DigestLane, Digests } from './digest-lane.ts';
import type { DigestPool } from './digest-pool.ts';
import { createHeldPieces } from './held-pieces.ts';
import { createRingFeed, type RingFeed } from './ring-feed.ts';

// Up to here hashing takes about half a millisecond: less than the way to the threads and a ring of its own would.
export const inlineMaxBytes = 128 * 1024;

export interface BlobTransfer {
  /** False: take no more before `onRoom`. */
  push(chunk: Uint8Array): boolean;
  /** After the last chunk: all bytes hashed, and written unless they were few. */
  end(): Promise<Digests>;
  /** Makes the object durable and visible. */
  publish(): Promise<void>;
  /** Frees everything; removes what was written unless it was published. Never throws. */
  close(): Promise<void>;
}

export interface BlobTransferOptions {
  readonly store: BlobStore;
  readonly key: string;
  readonly expectedBytes: number | undefined;
  readonly signal: AbortSignal;
  readonly onRoom: () => void;
  readonly onFailure: (error: unknown) => void;
}

interface Streaming {
  readonly lane: DigestLane;
  readonly feed: RingFeed;
}

export function createBlobTransfer(pool: DigestPool, options: BlobTransferOptions): BlobTransfer {
  const held = createHeldPieces();
  let writer: Promise<ObjectWriter> | undefined;
  let streaming: Streaming | undefined;
  let isPublished = false;

  function beginWriter(): Promise<ObjectWriter> {
    const { store, key, expectedBytes, signal } = options;
    writer = store.create(key, { expectedBytes, signal });
    writer.catch(() => undefined);
    return writer;
  }

  function beginStreaming(): boolean {
    const lane = pool.begin();
    const { onRoom, onFailure } = options;
    const feed = createRingFeed({ ring: lane.ring, lane, writer: beginWriter(), onRoom, onFailure });
    streaming = { lane, feed };
    let hasRoom = true;
    for (const piece of held.pieces()) hasRoom = feed.push(piece);
    held.clear();
    return hasRoom;
  }

  return {
    push(chunk) {
      if (streaming !== undefined) return streaming.feed.push(chunk);
      held.push(chunk);
      return held.sizeBytes <= inlineMaxBytes || beginStreaming();
    },
    async end() {
      if (streaming === undefined) return hashInline(held.pieces());
      await streaming.feed.drained();
      return streaming.lane.finish();
    },
    async publish() {
      if (streaming === undefined) {
        const target = await beginWriter();
        for (const piece of held.pieces()) await target.write(piece);
      }
      await (await writer)?.finish();
      isPublished = true;
    },
    async close() {
      // The writer first: its abort ends a write that hangs, on which the feed would wait. The ring last: both read it.
      if (!isPublished) await writer?.then((target) => target.abort()).catch(() => undefined);
      await streaming?.feed.stop();
      streaming?.lane.release();
    },
  };
}

export function hashInline(chunks: readonly Uint8Array[]): Digests {
  const [only] = chunks;
  const bytes = chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks);
  return { sha256: hash('sha256', bytes), sha512: hash('sha512', bytes), md5: hash('md5', bytes) };
}
