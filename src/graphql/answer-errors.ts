/** The error boundary of the plane: every error of an answer gets its code from the catalogue, and nothing of the inside gets out. */
import { type ExecutionResult, GraphQLError } from 'graphql';
import type { Logger } from 'pino';
import { AppError, isAppError } from '#base/app-error.ts';
import { type ErrorCode, errorCatalogue } from '#base/error-catalogue.ts';

/** What yoga reads from `extensions.http`, and takes out again. `spec`: no status but 200 for `application/json`. */
interface HttpExtension {
  readonly status?: number;
  readonly spec?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface AnswerFacts {
  readonly requestId: string;
  readonly log: Logger;
}

/** The answer with its errors translated, and with the HTTP status of the GraphQL-over-HTTP draft. */
export function withCatalogueErrors(result: ExecutionResult, facts: AnswerFacts): ExecutionResult {
  if (result.errors === undefined || result.errors.length === 0) return result;
  // Data beside errors is a success in parts: no error speaks for the whole answer then.
  const isPartial = (result.data ?? null) !== null;
  return { ...result, errors: result.errors.map((error) => translate(error, facts, isPartial)) };
}

function translate(error: GraphQLError, facts: AnswerFacts, isPartial: boolean): GraphQLError {
  const cause = causeOf(error);
  const known = isAppError(cause) && errorCatalogue[cause.code].shown ? cause : undefined;
  const written = (error.extensions['http'] ?? {}) as HttpExtension;
  if (known !== undefined) return rebuild(error, known, facts, isPartial ? {} : { status: known.status, spec: true });
  if (cause === undefined) {
    const status = written.status ?? 400;
    const http = { spec: true, ...written, status };
    return rebuild(error, new AppError(codeOfRequestError(error, status), error.message), facts, isPartial ? {} : http);
  }
  facts.log.error({ err: cause, requestId: facts.requestId, path: error.path }, 'a resolver failed');
  return rebuild(error, new AppError('INTERNAL'), facts, isPartial ? {} : { status: 500, spec: true });
}

/** What was thrown by us or by a library under us; undefined for an error of the request that GraphQL itself found. */
function causeOf(error: GraphQLError): unknown {
  let cause: unknown = error;
  while (cause instanceof GraphQLError && cause.originalError !== undefined) cause = cause.originalError;
  if (!(cause instanceof GraphQLError)) return cause;
  return cause.path === undefined || isScalarRefusal(cause) ? undefined : cause;
}

/** An argument that does not coerce is found while its field runs, and has that field's path. */
function isScalarRefusal(error: GraphQLError): boolean {
  return error.message.startsWith('Argument ');
}

function codeOfRequestError(error: GraphQLError, status: number): ErrorCode {
  if (status === 405) return 'METHOD_NOT_ALLOWED';
  if (status === 413) return 'REQUEST_TOO_LARGE';
  if (status === 415) return 'MEDIA_TYPE_UNSUPPORTED';
  if (error.message.includes('Document contains more th')) return 'QUERY_TOO_COMPLEX';
  const isParsed = error.extensions['code'] === 'GRAPHQL_VALIDATION_FAILED' || error.message.startsWith('Variable ');
  return isParsed ? 'INPUT_INVALID' : 'REQUEST_MALFORMED';
}

function rebuild(error: GraphQLError, known: AppError, facts: AnswerFacts, http: HttpExtension): GraphQLError {
  return new GraphQLError(known.message, {
    nodes: error.nodes ?? null,
    source: error.source ?? null,
    positions: error.positions ?? null,
    path: error.path ?? null,
    extensions: {
      code: known.code,
      remedy: known.remedy,
      ...(known.faults.length === 0 ? {} : { faults: known.faults }),
      ...(Object.keys(known.details).length === 0 ? {} : { details: known.details }),
      requestId: facts.requestId,
      http,
    },
  });
}
