/** What the routes of the Image API have in common: which artifacts are images, and what is refused before an operation is asked. */
import type { IncomingMessage } from 'node:http';
import { AppError, isAppError } from '#base/app-error.ts';
import type { HttpExchange } from '#base/http-route.ts';
import type { Json } from '#base/json.ts';
import { readBody } from '#base/read-body.ts';
import { parseJsonStrict } from '#base/safe-json.ts';
import type { OpContext } from '#ops/context.ts';

/** Clients send odd content types without a body, which is fine; a body on a GET is not. @throws AppError REQUEST_MALFORMED */
export function assertNoBody({ headers }: IncomingMessage): void {
  const length = headers['content-length'];
  if (headers['transfer-encoding'] === undefined && (length === undefined || Number(length) === 0)) return;
  throw new AppError('REQUEST_MALFORMED', 'This request takes no body.');
}

/** Nothing of this API nests deeper than a handful of levels. */
const maxDepth = 16;

/** The JSON that was sent, whatever its content type. @throws AppError MEDIA_TYPE_UNSUPPORTED, REQUEST_TOO_LARGE, REQUEST_MALFORMED */
export async function readJson({ context, request, acceptBody }: HttpExchange<OpContext>): Promise<Json> {
  const coding = request.headers['content-encoding'];
  if (coding !== undefined && coding !== 'identity') {
    throw new AppError('MEDIA_TYPE_UNSUPPORTED', 'JSON is sent without content coding.');
  }
  acceptBody();
  const text = await readBody(request, context.settings.maxBodyBytes);
  if (text === '') throw new AppError('REQUEST_MALFORMED', 'This request takes a body of JSON.');
  return parseJsonStrict(text, { maxDepth });
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
