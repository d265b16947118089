/** Removes what an upload session that ended without a blob had written, and then what is known of it. */
import { failpoint } from '#base/failpoint.ts';
import { uploadEndRecords } from '#metadata/metadata.ts';
import type { Services } from './context.ts';

/** False when bytes may be left: the session stays on record, and the next cleaning tries again. Never throws. */
export async function clearUpload(services: Services, upload: uploadEndRecords.EndedUpload): Promise<boolean> {
  try {
    await failpoint('upload:clear');
    if (!(await removeUploadBytes(services, upload))) return false;
    await failpoint('upload:cleared');
    await uploadEndRecords.clearSession(services.db, upload.id);
    return true;
  } catch (error) {
    services.log.warn({ err: error, uploadId: upload.id }, 'the bytes of an ended upload could not be removed');
    return false;
  }
}

/** False where the store is none of this node's. @throws AppError STORE_UNAVAILABLE */
export async function removeUploadBytes(
  services: Services,
  upload: Pick<uploadEndRecords.EndedUpload, 'id' | 'store' | 'objectKey' | 'storeState'>,
): Promise<boolean> {
  const store = services.blobs.stores.get(upload.store);
  if (store === undefined) return false;
  const { objectKey: key, storeState, id: sessionId } = upload;
  if (store.resumable !== undefined) await services.blobs.abort({ store, key, state: storeState ?? {}, sessionId });
  await store.remove(key);
  return true;
}
