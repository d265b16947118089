/** What Vitrine has acknowledged, how often what happened, and what must never happen. */
import { createCipheriv, createHash } from 'node:crypto';

/** Bytes that can be made again at any time. */
export interface Content {
  readonly seed: number;
  readonly sizeBytes: number;
}

export interface Pushed {
  readonly id: string;
  readonly family: string;
  readonly version: string;
  readonly client: number;
  /** SHA-256 by path. */
  readonly files: ReadonlyMap<string, Content>;
  state: 'published' | 'deleting' | 'deleted';
  isYanked: boolean;
}

export interface Ledger {
  readonly pushed: Pushed[];
  /** Those that nobody has begun to delete. */
  published(): readonly Pushed[];
  /** Contents whose artifacts were just deleted: to be sent again while they are collected. */
  readonly justDeleted: Content[];
  count(outcome: string, by?: number): void;
  violate(text: string): void;
  readonly outcomes: ReadonlyMap<string, number>;
  readonly violations: readonly string[];
}

export function createLedger(): Ledger {
  const pushed: Pushed[] = [];
  const outcomes = new Map<string, number>();
  const violations: string[] = [];
  return {
    pushed,
    published: () => pushed.filter(({ state }) => state === 'published'),
    justDeleted: [],
    count: (outcome, by = 1) => void outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + by),
    violate: (text) => {
      violations.push(text);
      console.error(`VIOLATION ${text}`);
    },
    outcomes,
    violations,
  };
}

export function bytesOf({ seed, sizeBytes }: Content): Buffer {
  const key = createHash('md5').update(`soak ${seed}`).digest();
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(sizeBytes));
}

const digests = new Map<number, string>();

/** A seed has one size. */
export function sha256Of(content: Content): string {
  const known = digests.get(content.seed);
  if (known !== undefined) return known;
  const digest = sha256(bytesOf(content));
  digests.set(content.seed, digest);
  return digest;
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
