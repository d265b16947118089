/** Moves one transfer's bytes through its ring: copied in once, hashed by the threads and written to the store from there. */
import type { ObjectWriter } from './blob-store.ts';
import type { DigestLane, Digests } from './digest-team.ts';
import { noteGarbage } from './young-garbage.ts';

// Neighbouring full slots go to the store in one write, up to this many.
const slotsPerWrite = 4;

export interface RingFeed {
  /** Takes what fits now. False: the rest waits inside; take no more before `onRoom`. */
  push(chunk: Uint8Array): boolean;
  /** No more bytes come. Resolves when all are hashed and written. @throws what the store or a hash thread threw */
  end(): Promise<Digests>;
  /** After it resolved neither store nor threads are given anything more, and no write is running. */
  stop(): Promise<void>;
}

export interface RingFeedOptions {
  readonly lane: DigestLane;
  readonly writer: Promise<ObjectWriter>;
  /** What waited has been taken: push again. */
  readonly onRoom: () => void;
  readonly onFailure: (error: unknown) => void;
}

interface FilledSlot {
  readonly slot: number;
  readonly length: number;
}

export function createRingFeed({ lane, writer, onRoom, onFailure }: RingFeedOptions): RingFeed {
  const { ring } = lane;
  // How many readers (the threads as one, the store as the other) still need each slot.
  const readers = new Uint8Array(ring.slotCount);
  const toStore: FilledSlot[] = [];
  const waiting: Uint8Array[] = [];
  const drained = Promise.withResolvers<void>();
  drained.promise.catch(() => undefined);
  // A thread may die while it has nothing to read.
  lane.digests.catch(fail);
  let current = 0;
  let filled = 0;
  let unread = 0;
  let isEnding = false;
  let isStopped = false;
  let storing: Promise<void> | undefined;

  function fail(error: unknown): void {
    if (isStopped) return;
    isStopped = true;
    drained.reject(error);
    onFailure(error);
  }

  /** The part of `chunk` that found no free slot. */
  function copyIn(chunk: Uint8Array): Uint8Array | undefined {
    let rest = chunk;
    while (rest.length > 0) {
      if (readers[current] !== 0) return rest;
      const count = Math.min(rest.length, ring.slotBytes - filled);
      ring.bytes.set(count === rest.length ? rest : rest.subarray(0, count), current * ring.slotBytes + filled);
      filled += count;
      if (filled === ring.slotBytes) seal();
      rest = rest.subarray(count);
    }
    return undefined;
  }

  function seal(): void {
    const sealed = { slot: current, length: filled };
    noteGarbage(filled);
    readers[current] = 2;
    unread += 2;
    current = (current + 1) % ring.slotCount;
    filled = 0;
    lane.hash(sealed.slot, sealed.length).then(() => release(sealed.slot), fail);
    toStore.push(sealed);
    storing ??= store();
  }

  function release(slot: number): void {
    readers[slot] = (readers[slot] ?? 1) - 1;
    unread -= 1;
    if (isStopped) return;
    if (readers[slot] === 0) takeWaiting();
    if (isEnding && unread === 0 && waiting.length === 0) drained.resolve();
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
    if (filled > 0) seal();
    if (unread === 0) drained.resolve();
  }

  async function store(): Promise<void> {
    try {
      const target = await writer;
      for (let run = takeRun(toStore, ring.slotBytes); run.length > 0 && !isStopped; run = takeRun(toStore, ring.slotBytes)) {
        const start = (run[0]?.slot ?? 0) * ring.slotBytes;
        const length = run.reduce((sum, { length }) => sum + length, 0);
        await target.write(ring.bytes.subarray(start, start + length));
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
    async end() {
      isEnding = true;
      if (waiting.length === 0) sealLast();
      await drained.promise;
      return lane.finish();
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
    if (previous !== undefined && (next?.slot !== previous.slot + 1 || previous.length !== slotBytes)) break;
    count += 1;
  }
  return queue.splice(0, count);
}
