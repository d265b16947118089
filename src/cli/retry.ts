/** Trying again what a bad network or a server that starts anew has broken: with growing pauses, not for ever, never a refusal. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isAppError } from '#base/app-error.ts';
import { type ErrorCode, errorCatalogue } from '#base/error-catalogue.ts';

export interface Patience {
  readonly signal: AbortSignal;
  /** Tries without any progress between them. */
  readonly attemptsMax: number;
  /** Before the second try; each pause is up to twice as long as the one before it. */
  readonly firstPauseMs: number;
}

/** The better part of a minute in all: a server that is started again is back by then. */
export const defaultPatience = { attemptsMax: 12, firstPauseMs: 200 };
const pauseMsMax = 8_000;

const transientCodes: ReadonlySet<ErrorCode> = new Set([
  'INTERNAL',
  'UPLOAD_BUSY',
  'UPLOAD_INTERRUPTED',
  'RATE_LIMITED',
] satisfies ErrorCode[]);

/** What ends when an operator does something about it, not within a minute. */
const lastingCodes: ReadonlySet<ErrorCode> = new Set(['STORE_FULL', 'READ_ONLY'] satisfies ErrorCode[]);

/** True for what the same request may be spared of the next time. */
export function isTransient(error: unknown): boolean {
  if (!isAppError(error) || !isNoRefusal(error) || lastingCodes.has(error.code)) return false;
  // A redirect leads there the next time too.
  return error.details['location'] === undefined;
}

/** True for what says nothing against the request itself: it may end well some time later. */
export function isNoRefusal(error: unknown): boolean {
  if (!isAppError(error)) return false;
  return transientCodes.has(error.code) || errorCatalogue[error.code].class === 'unavailable';
}

export interface Retry {
  /** Forgets the failures: something went forward. */
  progressed(): void;
  /** Waits for the time of the next try. @throws the error itself when it is no use, or was tried often enough */
  after(error: unknown): Promise<void>;
}

/** @param random between 0 and 1: clients that failed together must not come back together */
export function createRetry({ signal, attemptsMax, firstPauseMs }: Patience, random: () => number = Math.random): Retry {
  let failures = 0;
  return {
    progressed() {
      failures = 0;
    },
    async after(error) {
      failures += 1;
      signal.throwIfAborted();
      if (!isTransient(error) || failures >= attemptsMax) throw error;
      const pauseMs = Math.min(pauseMsMax, firstPauseMs * 2 ** (failures - 1));
      await sleep(pauseMs * (0.5 + random() / 2), undefined, { signal });
    },
  };
}

/** The result of the first try that ends well. */
export async function withRetries<Result>(patience: Patience, attempt: () => Promise<Result>): Promise<Result> {
  const retry = createRetry(patience);
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      await retry.after(error);
    }
  }
}
