/** How far an upload is, and what became of it. */
import { blobRecords } from '#metadata/metadata.ts';
import type { OpContext } from './context.ts';
import { loadUpload, toView, type UploadView } from './load-upload.ts';

/** Asks no writer to let go: looking must not disturb. @throws AppError UPLOAD_NOT_FOUND, FORBIDDEN */
export async function getUpload(context: OpContext, input: { readonly id: string }): Promise<UploadView> {
  const session = await loadUpload(context, input.id);
  const { artifact, slot, key } = session;
  if (session.state !== 'finished' || artifact === null) return toView(session);
  const query = { artifactId: artifact.id, slot, key, type: null };
  const { entry } = (await blobRecords.findDownload(context.db, context.caller, query)) ?? {};
  if (entry === undefined || entry.sha256 !== session.sha256) return toView(session);
  const { path, mediaType, sizeBytes, sha256, sha512, md5 } = entry;
  // Of a slot that takes one blob the key is empty, whether or not its type is loaded.
  const kind = key === '' ? 'one' : 'map';
  return toView(session, { slot, key, path, mediaType, sizeBytes, sha256, sha512, md5, artifactId: artifact.id, kind });
}
