/** Moves one transfer's bytes through its ring: copied in once, hashed by the threads and written to the store from there. */

import type { DigestLane } from './digest-lane.ts';
import type { DigestRing } from './digest-ring.ts';
import { noteGarbage } from './young-garbage.ts';

// Neighbouring full slots go to the store in one write, up to this many.
const slotsPerWrite = 4;
const pageBytes = 4096;

export interface RingFeed {
  /** Takes what fits now. False: the rest waits inside; take no more before `onRoom`. */
  push(chunk: Uint8Array): boolean;
  /** No more bytes come. Resolves when all are written; the threads may still be reading. @throws what the store or a hash thread threw */
  stored(): Promise<void>;
  /** The same, when all are hashed too. */
  drained(): Promise<void>;
  /** After it resolved neither store nor threads are given anything more, and no write is running. */
  stop(): Promise<void>;
}

export interface RingFeedOptions {
  /** All slots free. */
  readonly ring: DigestRing;
  /** Undefined where nobody hashes. */
  readonly lane: DigestLane | undefined;
  readonly writer: Promise<{ write(bytes: Uint8Array): Promise<void> }>;
  /** Where in the object the first byte goes: it is put in its page as it will lie on the disk. Default 0. */
  readonly position?: number;
  /** What waited has been taken: push again. */
  readonly onRoom: () => void;
  readonly onFailure: (error: unknown) => void;
  /** So many bytes more are written. */
  readonly onStored?: ((bytes: number) => void) | undefined;
}

interface FilledSlot {
  readonly slot: number;
  readonly start: number;
  readonly length: number;
}

export function createRingFeed(options: RingFeedOptions): RingFeed {
  const { ring, lane, writer, position = 0, onRoom, onFailure, onStored } = options;
  // How many readers (the threads as one, the store as the other) still need each slot.
  const readers = new Uint8Array(ring.slotCount);
  const toStore: FilledSlot[] = [];
  const waiting: Uint8Array[] = [];
  const allStored = Promise.withResolvers<void>();
  const allDrained = Promise.withResolvers<void>();
  allStored.promise.catch(() => undefined);
  allDrained.promise.catch(() => undefined);
  // A thread may die while it has nothing to read.
  lane?.digests.catch(fail);
  let current = 0;
  let start = position % pageBytes;
  let filled = start;
  let unstored = 0;
  let unread = 0;
  let isEnding = false;
  let isStopped = false;
  let storing: Promise<void> | undefined;

  function fail(error: unknown): void {
    if (isStopped) return;
    isStopped = true;
    allStored.reject(error);
    allDrained.reject(error);
    onFailure(error);
  }

  /** The part of `chunk` that found no free slot. */
  function copyIn(chunk: Uint8Array): Uint8Array | undefined {
    let rest = chunk;
    while (rest.length > 0) {
      if (readers[current] !== 0) return rest;
      const count = Math.min(rest.length, ring.slotBytes - filled);
      const free = current * ring.slotBytes + filled;
      // `fill` of as much room as there are bytes copies them at once; `set` into shared memory goes word by word, in twice the time.
      ring.bytes.fill(count === rest.length ? rest : rest.subarray(0, count), free, free + count);
      filled += count;
      if (filled === ring.slotBytes) seal();
      rest = rest.subarray(count);
    }
    return undefined;
  }

  function seal(): void {
    const sealed = { slot: current, start, length: filled - start };
    noteGarbage(sealed.length);
    readers[current] = lane === undefined ? 1 : 2;
    current = (current + 1) % ring.slotCount;
    start = 0;
    filled = 0;
    if (lane !== undefined) {
      unread += 1;
      lane.hash(sealed.slot, sealed.length, sealed.start).then(() => {
        unread -= 1;
        release(sealed.slot);
      }, fail);
    }
    unstored += 1;
    toStore.push(sealed);
    storing ??= store();
  }

  function release(slot: number): void {
    readers[slot] = (readers[slot] ?? 1) - 1;
    if (isStopped) return;
    if (readers[slot] === 0) takeWaiting();
    settle();
  }

  function settle(): void {
    if (!isEnding || waiting.length > 0 || unstored > 0) return;
    allStored.resolve();
    if (unread === 0) allDrained.resolve();
  }

  function takeWaiting(): void {
    if (waiting.length === 0) return;
    for (let chunk = waiting.shift(); chunk !== undefined; chunk = waiting.shift()) {
      const rest = copyIn(chunk);
      if (rest === undefined) continue;
      waiting.unshift(rest);
      return;
    }
    if (isEnding) sealLast();
    else onRoom();
  }

  function sealLast(): void {
    if (filled > start) seal();
    settle();
  }

  function finish(): void {
    if (isEnding) return;
    isEnding = true;
    if (waiting.length === 0) sealLast();
  }

  async function store(): Promise<void> {
    try {
      const target = await writer;
      for (let run = takeRun(toStore, ring.slotBytes); run.length > 0 && !isStopped; run = takeRun(toStore, ring.slotBytes)) {
        const first = (run[0]?.slot ?? 0) * ring.slotBytes + (run[0]?.start ?? 0);
        const length = run.reduce((sum, { length }) => sum + length, 0);
        await target.write(ring.bytes.subarray(first, first + length));
        onStored?.(length);
        unstored -= run.length;
        for (const { slot } of run) release(slot);
      }
    } catch (error) {
      fail(error);
    } finally {
      storing = undefined;
    }
  }

  return {
    push(chunk) {
      if (isStopped) return false;
      const rest = waiting.length > 0 ? chunk : copyIn(chunk);
      if (rest !== undefined) waiting.push(rest);
      return rest === undefined;
    },
    stored() {
      finish();
      return allStored.promise;
    },
    drained() {
      finish();
      return allDrained.promise;
    },
    async stop() {
      isStopped = true;
      await storing;
    },
  };
}

/** Removes the first slots of the queue that lie next to each other, full but for the last. */
function takeRun(queue: FilledSlot[], slotBytes: number): FilledSlot[] {
  let count = 0;
  while (count < Math.min(queue.length, slotsPerWrite)) {
    const previous = queue[count - 1];
    const next = queue[count];
    if (previous !== undefined && (next?.slot !== previous.slot + 1 || previous.start + previous.length !== slotBytes)) break;
    count += 1;
  }
  return queue.splice(0, count);
}
