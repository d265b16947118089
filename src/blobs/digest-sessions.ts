/** Hash states of uploads that come in several requests, kept in the threads between two of them: few, small, and only for a while. */
import { hash } from 'node:crypto';
import type { DigestLane, Digests } from './digest-lane.ts';
import type { DigestPool } from './digest-pool.ts';

// A state without its ring is a few hundred bytes in each of three threads; but it keeps the threads.
const idleMax = 32;
const idleMs = 10 * 60_000;

export interface DigestSessions extends Disposable {
  /**
   * The lane that has hashed everything before `offset`, with a ring; undefined where this process did not. It is the
   * caller's until it gives it back by `keep`, or releases it.
   */
  take(sessionId: string, offset: number): DigestLane | undefined;
  /** The lane has hashed everything before `offset`. Its ring is given back. */
  keep(sessionId: string, offset: number, lane: DigestLane): void;
  /** The digests of the whole, or undefined where this process has not hashed all of it. The state is gone then. */
  finish(sessionId: string, sizeBytes: number): Promise<Digests | undefined>;
  drop(sessionId: string): void;
  readonly idleCount: number;
}

interface IdleSession {
  readonly lane: DigestLane;
  readonly offset: number;
  readonly keptAt: number;
}

export interface DigestSessionsOptions {
  readonly idleMax?: number;
  readonly idleMs?: number;
}

export function createDigestSessions(pool: DigestPool, options: DigestSessionsOptions = {}): DigestSessions {
  // In the order in which they were kept.
  const idle = new Map<string, IdleSession>();
  const keptMs = options.idleMs ?? idleMs;
  let timer: NodeJS.Timeout | undefined;

  function remove(sessionId: string): IdleSession | undefined {
    const session = idle.get(sessionId);
    idle.delete(sessionId);
    return session;
  }

  function dropOldest(isMeant: (session: IdleSession) => boolean): void {
    for (const [sessionId, session] of idle) {
      if (!isMeant(session)) return;
      remove(sessionId)?.lane.release();
    }
  }

  function sweepLater(): void {
    if (timer !== undefined || idle.size === 0) return;
    timer = setTimeout(() => {
      timer = undefined;
      const before = performance.now() - keptMs;
      dropOldest(({ keptAt }) => keptAt <= before);
      sweepLater();
    }, keptMs).unref();
  }

  return {
    get idleCount() {
      return idle.size;
    },
    take(sessionId, offset) {
      const session = remove(sessionId);
      if (session?.offset === offset) {
        session.lane.resume();
        return session.lane;
      }
      session?.lane.release();
      return offset === 0 ? pool.begin() : undefined;
    },
    keep(sessionId, offset, lane) {
      lane.pause();
      // A thread that dies has nobody else to tell.
      lane.digests.catch(() => {
        if (idle.get(sessionId)?.lane === lane) idle.delete(sessionId);
        lane.release();
      });
      remove(sessionId)?.lane.release();
      idle.set(sessionId, { lane, offset, keptAt: performance.now() });
      dropOldest(() => idle.size > (options.idleMax ?? idleMax));
      sweepLater();
    },
    async finish(sessionId, sizeBytes) {
      const session = remove(sessionId);
      try {
        if (session?.offset === sizeBytes) return await session.lane.finish().catch(() => undefined);
        return sizeBytes === 0 ? { sha256: hash('sha256', ''), sha512: hash('sha512', ''), md5: hash('md5', '') } : undefined;
      } finally {
        session?.lane.release();
      }
    },
    drop(sessionId) {
      remove(sessionId)?.lane.release();
    },
    [Symbol.dispose]() {
      clearTimeout(timer);
      dropOldest(() => true);
    },
  };
}
