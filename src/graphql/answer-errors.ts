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

/** Errors of the transport keep their status under `application/json` too: there was no GraphQL request to answer. */
const transportCodes: ReadonlySet<ErrorCode> = new Set(['REQUEST_MALFORMED', 'REQUEST_TOO_LARGE', 'MEDIA_TYPE_UNSUPPORTED']);

const codeOfStatus: ReadonlyMap<number, ErrorCode> = new Map([
  [405, 'METHOD_NOT_ALLOWED'],
  [413, 'REQUEST_TOO_LARGE'],
  [415, 'MEDIA_TYPE_UNSUPPORTED'],
]);

/** The answer with its errors translated, and with the HTTP status of the GraphQL-over-HTTP draft. */
export function withCatalogueErrors(result: ExecutionResult, facts: AnswerFacts): ExecutionResult {
  if (result.errors === undefined || result.errors.length === 0) return result;
  // Data beside errors is a success in parts: no error speaks for the whole answer then.
  const isPartial = (result.data ?? null) !== null;
  return { ...result, errors: result.errors.map((error) => translate(error, facts, isPartial)) };
}

function translate(error: GraphQLError, facts: AnswerFacts, isPartial: boolean): GraphQLError {
  const { known, http } = recognise(error, facts);
  return rebuild(error, known, facts, isPartial ? {} : http);
}

function recognise(error: GraphQLError, facts: AnswerFacts): { readonly known: AppError; readonly http: HttpExtension } {
  const cause = causeOf(error);
  if (cause === undefined) return recogniseRequestError(error);
  if (isAppError(cause) && errorCatalogue[cause.code].shown) {
    // What its reader is told is not why: that is for whoever runs this server.
    if (cause.status >= 500) facts.log.error({ err: cause, requestId: facts.requestId, path: error.path }, 'a request failed');
    return { known: cause, http: { status: cause.status, spec: !transportCodes.has(cause.code) } };
  }
  facts.log.error({ err: cause, requestId: facts.requestId, path: error.path }, 'a resolver failed');
  return { known: new AppError('INTERNAL'), http: { status: 500, spec: true } };
}

/** What was thrown by us or by a library under us; undefined for an error of the request that GraphQL or yoga found. */
function causeOf(error: GraphQLError): unknown {
  let cause: unknown = error;
  while (cause instanceof GraphQLError && cause.originalError !== undefined) cause = cause.originalError;
  if (!(cause instanceof GraphQLError)) return cause;
  return cause.path === undefined || isRefusedArgument(cause) ? undefined : cause;
}

/** An argument that does not coerce is found while its field runs, and has that field's path. */
function isRefusedArgument(error: GraphQLError): boolean {
  return error.message.startsWith('Argument ');
}

function recogniseRequestError(error: GraphQLError): { readonly known: AppError; readonly http: HttpExtension } {
  const written = (error.extensions['http'] ?? {}) as HttpExtension;
  const status = written.status ?? 400;
  const isOfDocument = error.extensions['code'] === 'GRAPHQL_VALIDATION_FAILED' || /^(Variable|Argument) /.test(error.message);
  const isSyntax = error.message.startsWith('Syntax Error: ');
  const code = isOfDocument
    ? 'INPUT_INVALID'
    : isSyntax
      ? codeOfSyntaxError(error)
      : (codeOfStatus.get(status) ?? 'REQUEST_MALFORMED');
  return { known: new AppError(code, error.message), http: { spec: isOfDocument || isSyntax, ...written, status } };
}

function codeOfSyntaxError(error: GraphQLError): ErrorCode {
  return error.message.includes('Document contains more than') ? 'QUERY_TOO_COMPLEX' : 'REQUEST_MALFORMED';
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
