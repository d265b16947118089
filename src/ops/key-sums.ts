/**
 * Compares two sets of keys without keeping either: a count and two hashes for each beginning of a key. Where the sums of a
 * beginning are equal, so are its keys, but for one chance in 2^64; where they differ, its few keys are looked at one by one.
 */

export interface KeySums {
  add(key: string): void;
  /** Beginnings whose keys are not the same in both. */
  differing(other: KeySums): readonly string[];
  readonly sums: ReadonlyMap<string, readonly [count: number, first: number, second: number]>;
}

/** Keys are random: 65,536 beginnings, about 15 keys in each of a million. */
const prefixLength = 4;

export function createKeySums(): KeySums {
  const sums = new Map<string, [number, number, number]>();
  return {
    sums,
    add(key) {
      const prefix = key.slice(0, prefixLength);
      const sum = sums.get(prefix);
      const [first, second] = [hash(key, 0x811c9dc5), hash(key, 0x9747b28c)];
      if (sum === undefined) sums.set(prefix, [1, first, second]);
      else {
        sum[0] += 1;
        // The order does not matter.
        sum[1] ^= first;
        sum[2] ^= second;
      }
    },
    differing(other) {
      const prefixes = new Set([...sums.keys(), ...other.sums.keys()]);
      return [...prefixes].filter((prefix) => String(sums.get(prefix)) !== String(other.sums.get(prefix))).sort();
    },
  };
}

/** FNV-1a with a last mix, 32 bits. */
function hash(text: string, seed: number): number {
  let value = seed;
  for (let index = 0; index < text.length; index += 1) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  value ^= value >>> 15;
  value = Math.imul(value, 0x2c1b3c6d);
  return value ^ (value >>> 12);
}
