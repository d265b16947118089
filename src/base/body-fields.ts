/** What the fields of a request say of its body: how long it is, and that it comes as it is. */
import type { IncomingHttpHeaders } from 'node:http';
import { AppError } from './app-error.ts';

/** A length that was sent: node:http has refused what is no number, or stands beside chunks. */
export function expectedBytes(headers: IncomingHttpHeaders): number | undefined {
  const length = headers['content-length'];
  if (length !== undefined) return Number(length);
  return headers['transfer-encoding'] === undefined ? 0 : undefined;
}

/** Of the content, or of its transfer: chunks aside nobody decodes it. @throws AppError MEDIA_TYPE_UNSUPPORTED */
export function refuseContentCoding(headers: IncomingHttpHeaders): void {
  const coding = headers['content-encoding'];
  if (coding !== undefined && coding !== 'identity') {
    throw new AppError('MEDIA_TYPE_UNSUPPORTED', 'Blobs are kept as they are sent: without content coding.');
  }
  const transfer = headers['transfer-encoding'];
  if (transfer !== undefined && transfer.trim().toLowerCase() !== 'chunked') {
    throw new AppError('MEDIA_TYPE_UNSUPPORTED', 'Blobs are kept as they are sent: of transfer codings in chunks only.');
  }
}
