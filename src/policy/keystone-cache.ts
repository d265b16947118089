/** What Keystone said of tokens, remembered for a bounded time and number: few questions, and a while without Keystone. */
import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { createGate } from '#base/gate.ts';
import type { KeystoneClock } from './keystone-clock.ts';
import type { KeystoneToken } from './keystone-token.ts';

export interface KeystoneCacheOptions {
  /** Longest time for which a revocation may go unseen. */
  readonly cacheMs: number;
  /** How long a token goes on past that while Keystone does not answer. */
  readonly outageMs: number;
  readonly cacheTokens: number;
  readonly validate: (secret: string, allowExpired: boolean) => Promise<KeystoneToken | undefined>;
  readonly clock: KeystoneClock;
  readonly observe: ObserveKeystone;
}

/** Told of each question: what came of it, and how long it took. */
export type ObserveKeystone = (outcome: 'confirmed' | 'refused' | 'unanswered', durationMs: number) => void;

/** Undefined for what is no valid token. @throws AppError IDENTITY_UNAVAILABLE, also from the promise */
export type FindToken = (secret: string, allowExpired: boolean) => KeystoneToken | undefined | Promise<KeystoneToken | undefined>;

interface Known {
  readonly token: KeystoneToken;
  readonly confirmedAt: number;
}

/** After this part of its time a token is asked about again, beside a request that does not wait for it. */
const refreshPart = 0.75;
/** How long a refusal is remembered: against a client that tries on, not longer than a token new to Keystone's own replicas. */
const refusedMs = 2_000;
/** After a question without an answer, the next one is not asked at once. */
const pauseMs = 1_000;
/** Questions on their way at once; the time of one begins when its turn comes. */
const questionsMax = 32;

export function createKeystoneCache(options: KeystoneCacheOptions): FindToken {
  const { cacheMs, outageMs, cacheTokens, clock } = options;
  const known = new LRUCache<string, Known>({ max: cacheTokens });
  // Apart, so that guesses push nothing out.
  const refused = new LRUCache<string, number>({ max: 10_000 });
  const inTurn = createGate(questionsMax);
  const asking = new Map<string, Promise<KeystoneToken | undefined>>();
  /** That Keystone did not answer; undefined once it has answered again. */
  let failure: { readonly error: unknown; readonly at: number } | undefined;

  const isPausing = () => failure !== undefined && clock.elapsed() - failure.at < pauseMs;
  const isUsable = (token: KeystoneToken, allowExpired: boolean) => allowExpired || token.expiresAt > clock.now();

  const validate = async (key: string, secret: string, allowExpired: boolean): Promise<KeystoneToken | undefined> => {
    // Who had to wait for a turn does not wait for another failure.
    if (failure !== undefined && isPausing()) throw failure.error;
    const askedAt = clock.elapsed();
    try {
      const token = await options.validate(secret, allowExpired);
      options.observe(token === undefined ? 'refused' : 'confirmed', clock.elapsed() - askedAt);
      failure = undefined;
      if (token === undefined) {
        // An expired token may still be confirmed beside a service token: only what was asked is answered.
        if (allowExpired || !isExpired(known.get(key), clock)) known.delete(key);
        refused.set(refusalKey(key, allowExpired), clock.elapsed());
      } else known.set(key, { token, confirmedAt: askedAt });
      return token;
    } catch (error) {
      options.observe('unanswered', clock.elapsed() - askedAt);
      failure = { error, at: clock.elapsed() };
      throw error;
    }
  };

  /** One question at a time about one token. */
  const ask = (key: string, secret: string, allowExpired: boolean): Promise<KeystoneToken | undefined> => {
    const question = refusalKey(key, allowExpired);
    let answer = asking.get(question);
    if (answer === undefined) {
      answer = inTurn(() => validate(key, secret, allowExpired)).finally(() => asking.delete(question));
      asking.set(question, answer);
    }
    return answer;
  };

  const askBeside = (key: string, secret: string, allowExpired: boolean): void => {
    // Whoever needs the answer will ask, and hear why there is none.
    if (!isPausing()) ask(key, secret, allowExpired).catch(() => undefined);
  };

  /** While Keystone is away, what it said last goes on for a while. */
  const lastKnown = (key: string, allowExpired: boolean): KeystoneToken | undefined => {
    const entry = known.get(key);
    if (entry === undefined || clock.elapsed() - entry.confirmedAt > cacheMs + outageMs) return undefined;
    return isUsable(entry.token, allowExpired) ? entry.token : undefined;
  };

  return (secret, allowExpired) => {
    const key = hash('sha256', secret, 'base64');
    const entry = known.get(key);
    const age = entry === undefined ? Number.POSITIVE_INFINITY : clock.elapsed() - entry.confirmedAt;
    // One that is over by our clock is Keystone's to judge: the clock may be ahead.
    if (entry !== undefined && age < cacheMs && isUsable(entry.token, allowExpired)) {
      if (age > cacheMs * refreshPart) askBeside(key, secret, allowExpired);
      return entry.token;
    }
    const refusedAt = refused.get(refusalKey(key, allowExpired));
    if (refusedAt !== undefined && clock.elapsed() - refusedAt < refusedMs) return undefined;
    const last = lastKnown(key, allowExpired);
    if (last !== undefined && failure !== undefined) {
      askBeside(key, secret, allowExpired);
      return last;
    }
    return ask(key, secret, allowExpired).catch((error: unknown) => {
      const still = lastKnown(key, allowExpired);
      if (still !== undefined) return still;
      throw error;
    });
  };
}

function refusalKey(key: string, allowExpired: boolean): string {
  return allowExpired ? `${key}+` : key;
}

function isExpired(entry: Known | undefined, clock: KeystoneClock): boolean {
  return entry !== undefined && entry.token.expiresAt <= clock.now();
}
