/** Errors on the native HTTP planes: RFC 9457 problem details with the catalogue's code and a JSON pointer for each fault. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError, isAppError } from './app-error.ts';
import { errorCatalogue } from './error-catalogue.ts';
import type { JsonObject } from './json.ts';

export const problemMediaType = 'application/problem+json';

/** What may be seen outside of whatever was thrown: itself, or INTERNAL where it may not be shown. */
export function toShownError(error: unknown): AppError {
  if (!isAppError(error)) return new AppError('INTERNAL');
  return errorCatalogue[error.code].shown ? error : new AppError('INTERNAL');
}

/** `instance` is the id of the request, by which an operator finds the log line. */
export function toProblem(error: AppError, requestId: string | undefined, status = error.status): JsonObject {
  return {
    type: `urn:vitrine:error:${error.code}`,
    title: errorCatalogue[error.code].text,
    status,
    detail: error.message,
    code: error.code,
    remedy: error.remedy,
    ...(error.faults.length === 0
      ? {}
      : { errors: error.faults.map(({ pointer, message }) => ({ pointer: `#${encodeURI(pointer)}`, detail: message })) }),
    ...(Object.keys(error.details).length === 0 ? {} : { details: error.details }),
    ...(requestId === undefined ? {} : { instance: `urn:vitrine:request:${requestId}` }),
  };
}

/** Answers with the problem; to HEAD without its body. */
export function answerProblem(
  request: IncomingMessage,
  response: ServerResponse,
  error: AppError,
  extra: Readonly<Record<string, string>> = {},
): void {
  const requestId = response.getHeader('X-Openstack-Request-Id');
  // The same conflict has HTTP's own status where HTTP's own precondition asked for it.
  const status = error.code === 'REVISION_CONFLICT' && request.headers['if-match'] !== undefined ? 412 : error.status;
  const body = Buffer.from(JSON.stringify(toProblem(error, typeof requestId === 'string' ? requestId : undefined, status)));
  response.writeHead(status, {
    'Content-Type': problemMediaType,
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
    ...extra,
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}
