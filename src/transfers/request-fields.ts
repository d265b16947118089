/** Which revision of the artifact a request is about. */
import type { IncomingMessage } from 'node:http';
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
