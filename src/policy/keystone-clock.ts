/** The two times that what is known of Keystone goes by. */

export interface KeystoneClock {
  /** Milliseconds since 1970, for what has an end of its own. */
  now(): number;
  /** Milliseconds that no correction of the clock can turn back, for ages. */
  elapsed(): number;
}

export const systemKeystoneClock: KeystoneClock = { now: () => Date.now(), elapsed: () => performance.now() };
