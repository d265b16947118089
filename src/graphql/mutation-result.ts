/** How a mutation is defined: one input, and a union of its payload with the errors a caller can act on. */
import { forgetReads, type GraphqlContext } from './graphql-context.ts';
import { findResultErrorName, type ResultError, type ResultErrorName, type ResultErrors } from './result-errors.ts';
import type { Builder, SchemaTypes } from './schema-builder.ts';

interface MutationDefinition<Input, Payload extends object> {
  /** The mutation's name; `publishArtifact` answers a `PublishArtifactResult`. */
  readonly name: string;
  readonly description: string;
  readonly input: PothosSchemaTypes.InputObjectRef<SchemaTypes, Input>;
  readonly payload: PothosSchemaTypes.ObjectRef<SchemaTypes, Payload>;
  readonly errors: readonly ResultErrorName[];
  readonly run: (context: GraphqlContext, input: Input) => Promise<Payload>;
}

export type DefineMutation = <Input, Payload extends object>(definition: MutationDefinition<Input, Payload>) => void;

/** `publishArtifact` → `PublishArtifact`. */
export function toPascalCase(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

export function createMutationDefiner(builder: Builder, resultErrors: ResultErrors): DefineMutation {
  return (definition) => addMutation(builder, resultErrors, definition as unknown as ErasedDefinition);
}

/** Pothos infers shapes from refs; of a generic ref it can infer nothing, so the parameters are forgotten behind the signature. */
type ErasedDefinition = MutationDefinition<object, object>;

function addMutation(builder: Builder, resultErrors: ResultErrors, definition: ErasedDefinition): void {
  const result = builder.unionType(`${toPascalCase(definition.name)}Result`, {
    types: [definition.payload, ...definition.errors.map((name) => resultErrors[name])],
    resolveType: (value) => (isResultError(value) ? findResultErrorName(value.error) : definition.payload.name),
  });
  builder.mutationField(definition.name, (t) =>
    t.field({
      type: result,
      description: definition.description,
      args: { input: t.arg({ type: definition.input, required: true }) },
      resolve: (_root, args, context) => answer(definition, context, args.input),
    }),
  );
}

async function answer(definition: ErasedDefinition, context: GraphqlContext, input: object): Promise<object> {
  try {
    return await definition.run(context, input);
  } catch (error) {
    const name = findResultErrorName(error);
    if (name === undefined || !definition.errors.includes(name)) throw error;
    return { error };
  } finally {
    // Mutations of one document follow each other; what the one before it showed may not be so any more.
    forgetReads(context);
  }
}

function isResultError(value: object): value is ResultError {
  return 'error' in value && value.error instanceof Error;
}
