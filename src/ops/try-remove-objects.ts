/** Removes objects of a store, a few at once: one that cannot be removed stands in the way of no other. */
import type { BlobStore } from '#blobs/blob-store.ts';
import type { Services } from './context.ts';
import { findUsableStore } from './usable-store.ts';

export interface Removal {
  readonly removed: ReadonlySet<string>;
  /** Of the first that could not be removed. */
  readonly failure?: Error | undefined;
  /** The store itself is away: no further one need be tried. */
  readonly isAway: boolean;
}

/** @param remove one of them, and what belongs to that */
export async function tryRemoveObjects(
  services: Pick<Services, 'db' | 'blobs' | 'log'>,
  store: BlobStore,
  keys: readonly string[],
  remove: (key: string) => Promise<void> = (key) => store.remove(key),
): Promise<Removal> {
  const outcomes = await Promise.allSettled(keys.map(remove));
  const removed = new Set(keys.filter((_key, index) => outcomes[index]?.status === 'fulfilled'));
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed === undefined) return { removed, isAway: false };
  const failure = failed.reason instanceof Error ? failed.reason : new Error('failed', { cause: failed.reason });
  return { removed, failure, isAway: removed.size === 0 && 'reason' in (await findUsableStore(services, store.name)) };
}
