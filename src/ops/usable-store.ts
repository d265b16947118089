/** A store as maintenance may use it: configured here, answering, and the very one that the database knows by this name. */
import type { BlobStore } from '#blobs/blob-store.ts';
import { instanceRecords } from '#metadata/metadata.ts';
import type { Services } from './context.ts';

export interface SkippedStore {
  readonly store: string;
  readonly reason: string;
}

/**
 * A folder that is not mounted, or a bucket somebody emptied, looks like a store without objects: what is decided by a missing
 * object asks for the store's id first.
 */
export async function findUsableStore(
  { db, blobs, log }: Pick<Services, 'db' | 'blobs' | 'log'>,
  name: string,
): Promise<{ readonly store: BlobStore } | SkippedStore> {
  const reason = await findObstacle(db, blobs, name);
  const store = blobs.stores.get(name);
  if (reason === undefined && store !== undefined) return { store };
  log.warn({ store: name, reason }, 'a store is left out');
  return { store: name, reason: reason ?? 'not configured on this node' };
}

async function findObstacle(db: Services['db'], blobs: Services['blobs'], name: string): Promise<string | undefined> {
  const store = blobs.stores.get(name);
  if (store === undefined) return 'not configured on this node';
  const known = await instanceRecords.findStore(db, name);
  if (known === undefined) return 'not known to the database';
  try {
    const kept = await store.identity();
    if (kept === known.storeId) return undefined;
    return kept === undefined ? 'has no id: it is new, or not mounted' : `has the id ${kept}, not ${known.storeId}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
