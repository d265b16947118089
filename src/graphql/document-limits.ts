/** Limits of a document that need no variables: nesting before it is parsed, depth and aliases as one validation rule. */
import {
  type ASTVisitor,
  type DocumentNode,
  GraphQLError,
  type GraphQLErrorOptions,
  Kind,
  Lexer,
  type SelectionSetNode,
  Source,
  TokenKind,
  type ValidationContext,
} from 'graphql';
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

/** Far beyond what depth and JSON may be, and far below what overflows the stack of those who walk documents. */
const maxNesting = 150;

/** Counts brackets inside of brackets before the parser, which recurses, sees them. @throws GraphQLError */
export function assertNesting(source: string, maxTokens: number): void {
  if (!mayNest(source)) return;
  const lexer = new Lexer(new Source(source));
  let depth = 0;
  // What the lexer refuses, and what has too many tokens, is the parser's to report.
  for (let count = 0; count <= maxTokens; count += 1) {
    const kind = nextKind(lexer);
    if (kind === undefined || kind === TokenKind.EOF) return;
    if (opening.has(kind)) depth += 1;
    else if (closing.has(kind)) depth -= 1;
    if (depth > maxNesting) throw tooComplex('brackets inside of each other', maxNesting);
  }
}

const opening: ReadonlySet<TokenKind> = new Set([TokenKind.PAREN_L, TokenKind.BRACKET_L, TokenKind.BRACE_L]);
const closing: ReadonlySet<TokenKind> = new Set([TokenKind.PAREN_R, TokenKind.BRACKET_R, TokenKind.BRACE_R]);

/** Almost every document has too few brackets to look closer. */
function mayNest(source: string): boolean {
  let count = 0;
  for (let at = 0; at < source.length; at += 1) {
    const unit = source.charCodeAt(at);
    if (unit === 0x28 || unit === 0x5b || unit === 0x7b) count += 1;
  }
  return count > maxNesting;
}

function nextKind(lexer: Lexer): TokenKind | undefined {
  try {
    return lexer.advance().kind;
  } catch {
    return undefined;
  }
}

export function tooComplex(what: string, limit: number, options: GraphQLErrorOptions = {}): GraphQLError {
  const error = new AppError('QUERY_TOO_COMPLEX', `The document asks for too many ${what}; the limit is ${limit}.`);
  return new GraphQLError(error.message, { ...options, originalError: error });
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
