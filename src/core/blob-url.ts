/** Where blobs and uploads are read and written on this server, without host: the one place that builds these paths. */

/** `kind` is the slot's: a `one` slot needs no path, a `map` names its blob by it. */
export function blobUrl(artifactId: string, slot: string, kind: 'one' | 'map', path: string): string {
  const base = `/api/v1/artifacts/${encodeURIComponent(artifactId)}/slots/${encodeURIComponent(slot)}`;
  return kind === 'one' ? base : `${base}/${path.split('/').map(encodeURIComponent).join('/')}`;
}

/** Where resumable uploads (tus) are made. */
export const uploadsUrl = '/api/v1/uploads';

/** One resumable upload. */
export function uploadUrl(uploadId: string): string {
  return `${uploadsUrl}/${encodeURIComponent(uploadId)}`;
}

/** Where many small blobs of an artifact are sent in one request. */
export function packUrl(artifactId: string): string {
  return `/api/v1/artifacts/${encodeURIComponent(artifactId)}/packs`;
}
