/** PUT of an image's data: the image becomes active with these bytes, or stays queued and nothing is kept of them. */
import type { IncomingHttpHeaders } from 'node:http';
import { AppError } from '#base/app-error.ts';
import { expectedBytes, refuseContentCoding } from '#base/body-fields.ts';
import type { HttpExchange } from '#base/http-route.ts';
import type { OpContext } from '#ops/context.ts';
import { uploadImage } from '#ops/upload-image.ts';
import { emptyMediaType } from './image-errors.ts';
import { withImageWords } from './image-requests.ts';
import { imageType } from './image-type.ts';

/** Without them nobody could say what the bytes are. */
const needs = ['disk_format', 'container_format'];

/**
 * @throws AppError MEDIA_TYPE_UNSUPPORTED, INPUT_INVALID, BLOB_SIZE_MISMATCH, STORE_UNKNOWN, ARTIFACT_NOT_FOUND, FORBIDDEN,
 *   PROPERTIES_INVALID, STATE_CONFLICT, UPLOAD_BUSY, UPLOAD_GONE, BLOB_TOO_LARGE, BLOB_REFUSED, STORE_FULL, STORE_UNAVAILABLE
 */
export async function uploadImageData({
  context,
  request,
  response,
  params,
  acceptBody,
}: HttpExchange<OpContext>): Promise<void> {
  const { headers } = request;
  assertOctets(headers);
  const { id = '' } = params;
  await withImageWords(id, () =>
    uploadImage(context, {
      id,
      ...imageType,
      needs,
      source: request,
      expectedBytes: announcedBytes(headers),
      store: chosenStore(headers),
      onAccepted: acceptBody,
    }),
  );
  response.writeHead(204, { 'Content-Type': emptyMediaType }).end();
}

/** What else a body may be sent as here, a form for one, is no image. */
function assertOctets(headers: IncomingHttpHeaders): void {
  const type = headers['content-type'];
  if (type?.toLowerCase() !== 'application/octet-stream') {
    const sent = type === undefined ? 'none' : type.slice(0, 100);
    throw new AppError(
      'MEDIA_TYPE_UNSUPPORTED',
      `Image data are sent as application/octet-stream; the content type was ${sent}.`,
    );
  }
  refuseContentCoding(headers);
}

/** Clients that send in chunks say the size in a field of its own, where 0 says that they do not know. */
function announcedBytes(headers: IncomingHttpHeaders): number | undefined {
  const sent = expectedBytes(headers);
  const said = headers['x-openstack-image-size'];
  if (said === undefined) return sent;
  if (typeof said !== 'string' || !/^\d{1,15}$/.test(said)) {
    throw new AppError('INPUT_INVALID', 'X-OpenStack-Image-Size is the number of bytes of the image.');
  }
  const announced = Number(said);
  if (announced === 0) return sent;
  if (sent === undefined || sent === announced) return announced;
  throw new AppError('BLOB_SIZE_MISMATCH', `The request carries ${sent} bytes, and announces an image of ${announced}.`);
}

function chosenStore(headers: IncomingHttpHeaders): string | undefined {
  const store = headers['x-image-meta-store'];
  return typeof store === 'string' && store !== '' ? store : undefined;
}
