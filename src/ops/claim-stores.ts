/** At start: each configured store is the one that the database knows under its name, by an id kept in both. */
import { createHash } from 'node:crypto';
import { AppError } from '#base/app-error.ts';
import type { BlobStore } from '#blobs/blob-store.ts';
import type { Blobs } from '#blobs/blobs.ts';
import type { Database } from '#metadata/database.ts';
import { instanceRecords } from '#metadata/metadata.ts';

/** @throws AppError STORE_MISMATCH, STORE_UNAVAILABLE */
export async function claimStores(db: Database, blobs: Blobs, instanceId: string): Promise<void> {
  for (const store of blobs.stores.values()) await claimStore(db, store, toStoreId(instanceId, store.name));
}

async function claimStore(db: Database, store: BlobStore, storeId: string): Promise<void> {
  const known = await instanceRecords.findStore(db, store.name);
  if (known !== undefined) {
    const kept = await store.identity();
    if (kept === known.storeId) return;
    const found = kept === undefined ? 'has no id: it is new, or not mounted' : `has the id ${kept}`;
    throw new AppError(
      'STORE_MISMATCH',
      `The database knows the store ${store.name} by the id ${known.storeId}; this one ${found}.`,
    );
  }
  const kept = await store.claim(storeId);
  if (kept !== storeId) {
    throw new AppError(
      'STORE_MISMATCH',
      `The store ${store.name} belongs to another instance of Vitrine: it has the id ${kept}.`,
    );
  }
  await instanceRecords.claimStore(db, { name: store.name, storeId, kind: store.kind });
}

/**
 * Follows from instance and name, so that a first start which was interrupted between store and database, and two nodes that
 * start at once, claim it for the same id. In the form of a UUID of version 8 (RFC 9562).
 */
function toStoreId(instanceId: string, name: string): string {
  const hex = createHash('sha256').update(`${instanceId}/${name}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
