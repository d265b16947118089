/** What uploads of every kind read from a request's fields. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { AppError } from '#base/app-error.ts';

const revisionPattern = /^"(\d{1,9})"$/;

/** `If-Match: "<revision>"` of the artifact. @throws AppError INPUT_INVALID */
export function expectedRevision({ headers }: IncomingMessage): number | undefined {
  const field = headers['if-match'];
  if (field === undefined || field === '*') return undefined;
  const match = revisionPattern.exec(field);
  if (match === null) throw new AppError('INPUT_INVALID', 'If-Match names a revision of the artifact, in quotes.');
  return Number(match[1]);
}

/** A length that was sent: node:http has refused what is no number, or stands beside chunks. */
export function expectedBytes(headers: IncomingHttpHeaders): number | undefined {
  const length = headers['content-length'];
  if (length !== undefined) return Number(length);
  return headers['transfer-encoding'] === undefined ? 0 : undefined;
}

/** @throws AppError MEDIA_TYPE_UNSUPPORTED */
export function refuseContentCoding(headers: IncomingHttpHeaders): void {
  const coding = headers['content-encoding'];
  if (coding === undefined || coding === 'identity') return;
  throw new AppError('MEDIA_TYPE_UNSUPPORTED', 'Blobs are kept as they are sent: without content coding.');
}
