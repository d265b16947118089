/** Limits of a document that need no variables: depth and aliases, as one validation rule. */
import { type ASTVisitor, type DocumentNode, GraphQLError, Kind, type SelectionSetNode, type ValidationContext } from 'graphql';
import { AppError } from '#base/app-error.ts';
import type { GraphqlLimits } from './graphql-limits.ts';

/** The rule reports one error per limit, however often it is exceeded. */
export function createDocumentLimitsRule(limits: GraphqlLimits) {
  return function DocumentLimitsRule(context: ValidationContext): ASTVisitor {
    return {
      Document(document) {
        const aliases = countAliases(document);
        if (aliases > limits.maxAliases) context.reportError(tooComplex(`aliases (${aliases})`, limits.maxAliases));
        const depth = depthOf(document);
        if (depth > limits.maxDepth) context.reportError(tooComplex(`levels (${depth})`, limits.maxDepth));
        return false;
      },
    };
  };
}

export function tooComplex(what: string, limit: number): GraphQLError {
  const error = new AppError('QUERY_TOO_COMPLEX', `The document asks for too many ${what}; the limit is ${limit}.`);
  return new GraphQLError(error.message, { originalError: error });
}

function countAliases(document: DocumentNode): number {
  let count = 0;
  const visit = (selectionSet: SelectionSetNode | undefined): void => {
    for (const selection of selectionSet?.selections ?? []) {
      if (selection.kind === Kind.FIELD && selection.alias !== undefined) count += 1;
      if (selection.kind !== Kind.FRAGMENT_SPREAD) visit(selection.selectionSet);
    }
  };
  for (const definition of document.definitions) if ('selectionSet' in definition) visit(definition.selectionSet);
  return count;
}

/** The deepest operation. Fragments are measured once; one that is inside of itself is another rule's error and ends here. */
function depthOf(document: DocumentNode): number {
  const fragments = new Map<string, SelectionSetNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition.selectionSet);
  }
  const depths = new Map<string, number>();
  const fragmentDepth = (name: string): number => {
    const known = depths.get(name);
    if (known !== undefined) return known;
    depths.set(name, 0);
    const depth = measure(fragments.get(name));
    depths.set(name, depth);
    return depth;
  };
  const measure = (selectionSet: SelectionSetNode | undefined): number => {
    let deepest = 0;
    for (const selection of selectionSet?.selections ?? []) {
      deepest = Math.max(deepest, depthOfSelection(selection));
    }
    return deepest;
  };
  const depthOfSelection = (selection: SelectionSetNode['selections'][number]): number => {
    switch (selection.kind) {
      case Kind.FIELD:
        // Introspection has a depth limit of its own in the specified rules.
        return selection.name.value.startsWith('__') ? 0 : 1 + measure(selection.selectionSet);
      case Kind.INLINE_FRAGMENT:
        return measure(selection.selectionSet);
      case Kind.FRAGMENT_SPREAD:
        return fragmentDepth(selection.name.value);
    }
  };
  return Math.max(
    0,
    ...document.definitions.map((definition) =>
      definition.kind === Kind.OPERATION_DEFINITION ? measure(definition.selectionSet) : 0,
    ),
  );
}
