import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import type { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { newObjectKey } from '#blobs/blobs.ts';
import { createDigestPool, type DigestPool } from '#blobs/digest-pool.ts';
import { createDigestRing } from '#blobs/digest-ring.ts';
import { createDigestTeam } from '#blobs/digest-team.ts';
import { receiveBlob } from '#blobs/receive-blob.ts';
import { type BlobFolder, openBlobFolder } from '#test/support/blob-folder.ts';

const bytes = randomBytes(3_000_000);
const sha256 = createHash('sha256').update(bytes).digest('hex');
const signal = new AbortController().signal;

describe('the hash threads', () => {
  let folder: BlobFolder;
  let pool: DigestPool;
  let threads: Worker[];
  const remember = (thread: Worker): void => void threads.push(thread);

  beforeEach(async () => {
    threads = [];
    process.on('worker', remember);
    folder = await openBlobFolder();
  });
  afterEach(async () => {
    process.off('worker', remember);
    await pool[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  const receive = (source: Readable = Readable.from([bytes])) =>
    receiveBlob(pool, { store: folder.store, key: newObjectKey() }, source, { limitBytes: 1e9, signal });

  it('start with the first large blob, not with a small one, and are used again', async () => {
    pool = createDigestPool({ teamsMax: 1 });
    await receive(Readable.from(['small']));
    expect(threads).toHaveLength(0);
    expect(await receive()).toMatchObject({ sha256 });
    expect(await Promise.all([receive(), receive(), receive()])).toMatchObject([{ sha256 }, { sha256 }, { sha256 }]);
    expect(threads).toHaveLength(3);
  });

  it('grow to their bound with uploads at once, and end when idle', async () => {
    pool = createDigestPool({ teamsMax: 2, idleMs: 20 });
    await Promise.all(Array.from({ length: 12 }, () => receive()));
    expect(threads).toHaveLength(6);
    await vi.waitFor(() => expect(pool.teamCount).toBe(0));
    expect(await receive()).toMatchObject({ sha256 });
    expect(threads).toHaveLength(9);
  });

  it.each([0, 1, 2])(
    'fail the uploads of a team when thread %i dies, leave nothing, and the next upload works',
    async (index) => {
      pool = createDigestPool({ teamsMax: 1 });
      const failing = Promise.allSettled([receive(unfinished()), receive(unfinished())]);
      await vi.waitFor(() => expect(threads).toHaveLength(3));
      const thread = threads[index];
      // A ring that is none: the thread throws.
      thread?.postMessage({ kind: 'begin', transfer: -1 });
      thread?.postMessage({ kind: 'ring', transfer: -1, ring: 'no memory' });
      thread?.postMessage({ kind: 'piece', transfer: -1, offset: {}, length: {}, counter: 'x' });
      expect(await failing).toMatchObject([{ reason: { code: 'INTERNAL' } }, { reason: { code: 'INTERNAL' } }]);
      expect(await folder.files()).toEqual([]);
      expect(await receive()).toMatchObject({ sha256 });
      expect(threads).toHaveLength(6);
    },
  );

  it('end with the pool, and what is being received fails', async () => {
    pool = createDigestPool({ teamsMax: 1 });
    const failing = Promise.allSettled([receive(unfinished())]);
    await vi.waitFor(() => expect(threads).toHaveLength(3));
    const ended = Promise.all(threads.map((thread) => once(thread, 'exit')));
    await pool[Symbol.asyncDispose]();
    expect(await failing).toMatchObject([{ reason: { code: 'STORE_UNAVAILABLE' } }]);
    await ended;
    await expect(receive()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });
});

describe('a team of hash threads', () => {
  it('waits for no answer of a lane that was given up meanwhile', async () => {
    const rings = { take: () => createDigestRing(65_536, 1), giveBack: () => undefined };
    await using team = createDigestTeam({ idleMs: 60_000, onEnd: () => undefined });
    const lane = team.begin(rings);
    const answer = lane.finish();
    answer.catch(() => undefined);
    expect(team.busyCount).toBe(2);
    lane.release();
    expect(team.busyCount).toBe(0);
    const whole = team.begin(rings);
    expect(await whole.finish()).toMatchObject({ sha256: createHash('sha256').digest('hex') });
    whole.release();
    expect(team.busyCount).toBe(0);
  });
});

/** A source that has given much and will give more some day. */
function unfinished(): Readable {
  const source = new Readable({ read() {} });
  source.push(bytes);
  return source;
}
