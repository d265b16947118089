/** At start of the only node of a database: uploads in one request that died with an earlier run give their places free at once. */
import type { Blobs } from '#blobs/blobs.ts';
import type { Database } from '#metadata/database.ts';
import { uploadRecords, uploadWriterRecords } from '#metadata/metadata.ts';

/**
 * Frees the places, then removes what the dead uploads had written: their keys are referred to by nothing, for a session goes in
 * the transaction that makes its object a location. An object that cannot be removed keeps its session, for a collector. An
 * upload that can be continued keeps what it has; its dead writer is not waited for.
 */
export async function releaseUploads(db: Database, blobs: Blobs, nodeId: string): Promise<number> {
  await uploadWriterRecords.releaseAllWriters(db);
  const abandoned = await uploadRecords.releaseUploadsOfOthers(db, nodeId);
  for (const { id, store: name, objectKey } of abandoned) {
    const store = blobs.stores.get(name);
    if (store === undefined) continue;
    const isGone = await store.remove(objectKey).then(
      () => true,
      () => false,
    );
    if (isGone) await uploadRecords.forgetUpload(db, id);
  }
  return abandoned.length;
}
