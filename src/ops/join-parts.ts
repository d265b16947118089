/** Joins partial uploads into the final one: reads each from its store and appends it, from where the last attempt had come. */
import { AppError } from '#base/app-error.ts';
import { failpoint } from '#base/failpoint.ts';
import { uploadEndRecords, uploadSessionRecords } from '#metadata/metadata.ts';
import { removeUploadBytes } from './clear-upload.ts';
import type { JobRun, Services } from './context.ts';
import type { UploadLease } from './hold-upload.ts';
import { type UploadProgress, writeUpload } from './write-upload.ts';

/** @throws AppError BLOB_UNAVAILABLE, STORE_UNAVAILABLE, UPLOAD_LOCKED */
export async function joinParts(
  services: Services,
  lease: UploadLease,
  progress: UploadProgress,
  run: Pick<JobRun, 'progress'> | undefined,
): Promise<void> {
  let start = 0;
  for (const part of await partsInOrder(services, lease.session.parts ?? [])) {
    const end = start + (part.length ?? 0);
    if (progress.offset < end) await appendPart(services, lease, progress, part, start);
    start = end;
    await run?.progress(progress.offset, lease.session.length, 'joining');
    await failpoint('upload:joined-part');
  }
}

async function appendPart(
  services: Services,
  lease: UploadLease,
  progress: UploadProgress,
  part: uploadSessionRecords.UploadSession,
  start: number,
): Promise<void> {
  const end = start + (part.length ?? 0);
  const range = { start: progress.offset - start, end: end - start - 1 };
  const source = await services.blobs.store(part.store).open(part.objectKey, { range, signal: lease.lost });
  await writeUpload(services, lease, progress, source);
  if (progress.offset !== end) throw new AppError('BLOB_UNAVAILABLE', 'A partial upload ended before its last byte.');
}

/** @throws AppError BLOB_UNAVAILABLE where one is gone */
async function partsInOrder(services: Services, ids: readonly string[]): Promise<uploadSessionRecords.UploadSession[]> {
  const found = new Map((await uploadSessionRecords.listSessions(services.db, ids)).map((part) => [part.id, part]));
  return ids.map((id) => {
    const part = found.get(id);
    if (part === undefined) throw new AppError('BLOB_UNAVAILABLE', 'A partial upload is gone.');
    return part;
  });
}

/** What is left when this fails expires with its session. */
export async function clearJoinedParts(services: Services, ids: readonly string[]): Promise<void> {
  try {
    for (const part of await uploadSessionRecords.listSessions(services.db, ids)) {
      if (await removeUploadBytes(services, part)) await uploadEndRecords.clearParts(services.db, [part.id]);
    }
  } catch (error) {
    services.log.warn({ err: error }, 'the parts of a joined upload could not be removed yet');
  }
}
