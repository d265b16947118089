/** Errors of requests, of who sends them, and of jobs. */
import { type ErrorEntry, entry } from './error-entry.ts';

export const requestErrors = {
  // Requests
  INTERNAL: entry(
    500,
    'internal',
    'Something went wrong inside Vitrine.',
    'Retry; if it stays, give the request id to the operator, whose log has the cause.',
  ),
  INPUT_INVALID: entry(400, 'invalid', 'The input is not valid.', 'Correct what each fault points at.'),
  REQUEST_MALFORMED: entry(400, 'invalid', 'The request could not be read.', 'Send well-formed JSON of the documented shape.'),
  REQUEST_TOO_LARGE: entry(413, 'limit', 'The request is larger than this server accepts.', 'Send less at once.'),
  REQUEST_TIMEOUT: entry(408, 'unavailable', 'The request took too long.', 'Retry; ask for less at once if it stays.'),
  MEDIA_TYPE_UNSUPPORTED: entry(
    415,
    'invalid',
    'The content type is not accepted here.',
    'Send the content type the documentation names for this route.',
  ),
  METHOD_NOT_ALLOWED: entry(405, 'usage', 'This path does not take this method.', 'Use a method from the Allow header.'),
  PATH_NOT_FOUND: entry(404, 'notFound', 'There is nothing at this path.', 'Check the path against the documentation.'),
  QUERY_TOO_COMPLEX: entry(400, 'limit', 'The GraphQL document asks for too much at once.', 'Ask for less at once.'),
  CURSOR_INVALID: entry(
    400,
    'invalid',
    'The cursor is not one of this list.',
    'Start again without a cursor, or keep filter and order as they were.',
  ),
  RATE_LIMITED: entry(429, 'limit', 'Too many requests.', 'Wait as long as Retry-After says.'),
  // Who and may
  UNAUTHENTICATED: entry(
    401,
    'auth',
    'The caller is not known.',
    'Send a valid token as `Authorization: Bearer …` (make one with `vitrine token create`).',
  ),
  FORBIDDEN: entry(403, 'forbidden', 'The caller may not do this.', 'Ask an owner or an administrator of the project.'),
  TOKEN_NOT_FOUND: entry(404, 'notFound', 'There is no such token.', 'List tokens with `vitrine token list`.'),
  // Jobs
  JOB_NOT_FOUND: entry(404, 'notFound', 'There is no such job.', 'List jobs with `vitrine jobs list`; old ones are forgotten.'),
  JOB_STATE_CONFLICT: entry(409, 'conflict', 'The state of the job does not allow it.', 'Look at it with `vitrine jobs show`.'),
} as const satisfies Record<string, ErrorEntry>;
