/** What the routes of the Image API have in common: which artifacts are images, and what is refused before an operation is asked. */
import type { IncomingMessage } from 'node:http';
import { AppError, isAppError } from '#base/app-error.ts';

/** The artifact type behind this API, and the slot that holds an image's data. */
export const imageType = { type: 'image', slot: 'data' } as const;

/** Clients send odd content types without a body, which is fine; a body on a GET is not. @throws AppError REQUEST_MALFORMED */
export function assertNoBody({ headers }: IncomingMessage): void {
  const length = headers['content-length'];
  if (headers['transfer-encoding'] === undefined && (length === undefined || Number(length) === 0)) return;
  throw new AppError('REQUEST_MALFORMED', 'This request takes no body.');
}

/** Says image where the operations say artifact. */
export async function withImageWords<Result>(id: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (isAppError(error, 'ARTIFACT_NOT_FOUND')) {
      throw new AppError('ARTIFACT_NOT_FOUND', `There is no image ${id.slice(0, 100).toWellFormed()}.`);
    }
    throw error;
  }
}
