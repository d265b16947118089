/** The errors a mutation answers instead of its payload: one type for each thing a caller can act on differently. */
import { type AppError, type Fault, isAppError } from '#base/app-error.ts';
import { errorCatalogue } from '#base/error-catalogue.ts';
import { isJsonObject, type Json } from '#base/json.ts';
import type { Builder, SchemaTypes } from './schema-builder.ts';

export type ResultErrorName =
  | 'ValidationError'
  | 'ConflictError'
  | 'RevisionConflict'
  | 'DependencyError'
  | 'NotFoundError'
  | 'ForbiddenError'
  | 'LimitError';

/** An error as a value: the executor would throw a bare Error that a resolver returns. */
export interface ResultError {
  readonly error: AppError;
}

export type ResultErrors = ReturnType<typeof defineResultErrors>;

/** The type an error is answered as, or undefined where it belongs under `errors` (not the caller's to act on, or not to be shown). */
export function findResultErrorName(error: unknown): ResultErrorName | undefined {
  if (!isAppError(error) || !errorCatalogue[error.code].shown) return undefined;
  if (error.code === 'REVISION_CONFLICT') return 'RevisionConflict';
  if (error.code === 'DEPENDENCY_UNRESOLVED') return 'DependencyError';
  switch (errorCatalogue[error.code].class) {
    case 'invalid':
      return 'ValidationError';
    case 'conflict':
      return 'ConflictError';
    case 'notFound':
      return 'NotFoundError';
    case 'forbidden':
      return 'ForbiddenError';
    case 'limit':
      return 'LimitError';
    default:
      return undefined;
  }
}

export function defineResultErrors(builder: Builder) {
  const errorInterface = builder.interfaceRef<ResultError>('Error').implement({
    description: 'What every typed error of a mutation says.',
    fields: (t) => ({
      code: t.string({ description: 'One of the catalogue in docs/errors.md.', resolve: ({ error }) => error.code }),
      message: t.string({ description: 'What happened, this time.', resolve: ({ error }) => error.message }),
      remedy: t.string({ description: 'What can be done about it.', resolve: ({ error }) => error.remedy }),
    }),
  });
  const fault = builder.objectRef<Fault>('Fault').implement({
    description: 'One thing wrong with an input.',
    fields: (t) => ({
      pointer: t.exposeString('pointer', { description: "JSON Pointer (RFC 6901) into the input, '' for the whole of it." }),
      message: t.exposeString('message'),
    }),
  });
  const withFaults = { interfaces: [errorInterface] as [typeof errorInterface] };

  return {
    ValidationError: builder.objectRef<ResultError>('ValidationError').implement({
      ...withFaults,
      description: 'The input is not valid; nothing was changed.',
      fields: (t) => ({ faults: t.field({ type: [fault], resolve: ({ error }) => error.faults }) }),
    }),
    ConflictError: builder.objectRef<ResultError>('ConflictError').implement({
      ...withFaults,
      description: 'The state of things does not allow it; `code` says which rule.',
      fields: (t) => ({
        faults: t.field({ type: [fault], resolve: ({ error }) => error.faults }),
        details: t.field({ type: 'JSON', description: 'Facts to act on; their keys go with the code.', resolve: toDetails }),
      }),
    }),
    RevisionConflict: builder.objectRef<ResultError>('RevisionConflict').implement({
      ...withFaults,
      description: 'The object has another revision than expected.',
      fields: (t) => ({
        currentRevision: t.int({
          nullable: true,
          resolve: ({ error }) => asNumber(error.details['currentRevision']),
        }),
      }),
    }),
    DependencyError: defineDependencyError(builder, errorInterface),
    NotFoundError: builder.objectRef<ResultError>('NotFoundError').implement({
      ...withFaults,
      description: 'No such thing, or none the caller may see.',
      fields: () => ({}),
    }),
    ForbiddenError: builder.objectRef<ResultError>('ForbiddenError').implement({
      ...withFaults,
      description: 'The caller sees the thing and may not do this with it.',
      fields: (t) => ({
        action: t.string({ nullable: true, resolve: ({ error }) => asText(error.details['action']) }),
      }),
    }),
    LimitError: builder.objectRef<ResultError>('LimitError').implement({
      ...withFaults,
      description: 'A limit of the server was reached.',
      fields: (t) => ({ faults: t.field({ type: [fault], resolve: ({ error }) => error.faults }) }),
    }),
  };
}

interface DependencyProblem {
  readonly alias: string | null;
  readonly kind: string;
  readonly message: string;
  readonly candidates: readonly string[];
}

function defineDependencyError(builder: Builder, errorInterface: PothosSchemaTypes.InterfaceRef<SchemaTypes, ResultError>) {
  const problem = builder.objectRef<DependencyProblem>('DependencyProblem').implement({
    description: 'Why one dependency could not be resolved.',
    fields: (t) => ({
      alias: t.exposeString('alias', { nullable: true }),
      kind: t.exposeString('kind', { description: 'As the problems of a closure: NOT_FOUND, NO_MATCH, CONFLICT, CYCLE …' }),
      message: t.exposeString('message'),
      candidates: t.exposeStringList('candidates', { description: 'Visible versions, newest first.' }),
    }),
  });
  return builder.objectRef<ResultError>('DependencyError').implement({
    interfaces: [errorInterface],
    description: 'A dependency could not be resolved.',
    fields: (t) => ({ problems: t.field({ type: [problem], resolve: ({ error }) => toProblems(error) }) }),
  });
}

function toDetails({ error }: ResultError): Json {
  return error.details;
}

/** Problems come in `details.problems`, or as faults where a rule had only words for them. */
function toProblems(error: AppError): readonly DependencyProblem[] {
  const problems = error.details['problems'];
  if (!Array.isArray(problems)) {
    return error.faults.map((item) => ({ alias: null, kind: error.code, message: item.message, candidates: [] }));
  }
  return problems.filter(isJsonObject).map((item) => ({
    alias: asText(item['alias']),
    kind: asText(item['kind']) ?? error.code,
    message: asText(item['message']) ?? '',
    candidates: Array.isArray(item['candidates']) ? item['candidates'].filter((version) => typeof version === 'string') : [],
  }));
}

function asText(value: Json | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

function asNumber(value: Json | undefined): number | null {
  return typeof value === 'number' ? value : null;
}
