import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { DigestLane } from '#blobs/digest-lane.ts';
import { createDigestPool, type DigestPool } from '#blobs/digest-pool.ts';
import { createDigestSessions, type DigestSessions } from '#blobs/digest-sessions.ts';

describe('hash states between requests', () => {
  let pool: DigestPool;
  let sessions: DigestSessions;
  let threads: Worker[];
  const remember = (thread: Worker): void => void threads.push(thread);

  beforeEach(() => {
    threads = [];
    process.on('worker', remember);
    pool = createDigestPool({ teamsMax: 1, idleMs: 20 });
    sessions = createDigestSessions(pool, { idleMax: 2 });
  });
  afterEach(async () => {
    process.off('worker', remember);
    sessions[Symbol.dispose]();
    await pool[Symbol.asyncDispose]();
  });

  /** One request: its bytes hashed after `offset`, the hash still at work when it is over. */
  const add = (sessionId: string, offset: number, text: string): DigestLane | undefined => {
    const lane = sessions.take(sessionId, offset);
    if (lane === undefined) return undefined;
    lane.ring.bytes.write(text);
    lane.hash(0, text.length).catch(() => undefined);
    sessions.keep(sessionId, offset + text.length, lane);
    return lane;
  };
  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

  it('go on where they were, and end with the digests of the whole', async () => {
    add('a', 0, 'one ');
    add('b', 0, 'other');
    add('a', 4, 'two');
    expect(await sessions.finish('a', 7)).toMatchObject({ sha256: sha256('one two') });
    expect(await sessions.finish('b', 5)).toMatchObject({ sha256: sha256('other') });
    expect(await sessions.finish('a', 7)).toBeUndefined();
  });

  it('are worth nothing where the offset does not follow', async () => {
    add('a', 0, 'one ');
    expect(add('a', 5, 'two')).toBeUndefined();
    expect(sessions.idleCount).toBe(0);
    expect(await sessions.finish('a', 4)).toBeUndefined();
    add('b', 0, 'one');
    expect(await sessions.finish('b', 4)).toBeUndefined();
    add('c', 0, 'one');
    add('c', 0, 'again');
    expect(await sessions.finish('c', 5)).toMatchObject({ sha256: sha256('again') });
  });

  it('are so many at most, the latest of them, and none after a drop', async () => {
    for (const id of ['a', 'b', 'c']) add(id, 0, id);
    expect(sessions.idleCount).toBe(2);
    expect(await sessions.finish('a', 1)).toBeUndefined();
    sessions.drop('b');
    expect(await sessions.finish('b', 1)).toBeUndefined();
    expect(await sessions.finish('c', 1)).toMatchObject({ sha256: sha256('c') });
  });

  it('hold no ring, and no threads once they are gone', async () => {
    const lane = add('a', 0, 'one');
    expect(() => lane?.ring).toThrow('paused');
    expect(pool.teamCount).toBe(1);
    sessions.drop('a');
    await vi.waitFor(() => expect(pool.teamCount).toBe(0), { timeout: 10_000 });
  });

  it('go when nobody has asked for them for a while', async () => {
    using short = createDigestSessions(pool, { idleMs: 20 });
    const lane = short.take('a', 0);
    if (lane !== undefined) short.keep('a', 0, lane);
    expect(short.idleCount).toBe(1);
    await vi.waitFor(() => expect([short.idleCount, pool.teamCount]).toEqual([0, 0]), { timeout: 10_000 });
  });

  it('go with their threads', async () => {
    add('a', 0, 'one');
    await vi.waitFor(() => expect(threads).toHaveLength(3));
    const [thread] = threads;
    if (thread === undefined) throw new Error('no thread');
    const exited = once(thread, 'exit');
    await thread.terminate();
    await exited;
    await vi.waitFor(() => expect(sessions.idleCount).toBe(0));
    expect(await sessions.finish('a', 3)).toBeUndefined();
    add('a', 0, 'again');
    expect(await sessions.finish('a', 5)).toMatchObject({ sha256: sha256('again') });
  });
});
