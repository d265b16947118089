/** What an operation may cost, from list bounds and page sizes, before it runs. */
import {
  type DocumentNode,
  type FieldNode,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isCompositeType,
  isInterfaceType,
  isListType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';
import { defaultPageSize } from './connection.ts';

/** A field that asks the database weighs as much as this many that only read a value. */
const readWeight = 10;
/** Fields off the root that ask the database, each once for its parent. */
const readingFields = new Set(['family', 'dependencies', 'dependents', 'members', 'artifact', 'artifacts']);
/** Counting a list reads up to ten thousand rows, whatever the page. */
const countWeight = 250;
/** Rows assumed of a list that says no number. */
const assumedRows = 5;

type Variables = Readonly<Record<string, unknown>>;

interface Walk {
  readonly schema: GraphQLSchema;
  readonly variables: Variables;
  readonly fragments: ReadonlyMap<string, { readonly type: string; readonly selectionSet: SelectionSetNode }>;
  /** A fragment costs the same wherever it is spread, so that spreading fragments in fragments stays cheap to weigh. */
  readonly known: Map<string, number>;
  usesVariables: boolean;
}

export interface CostMeter {
  costOf(document: DocumentNode, operation: OperationDefinitionNode, variables: Variables): number;
}

/** Of operations without variables in their bounds the cost is remembered, as long as the document is. */
export function createCostMeter(schema: GraphQLSchema): CostMeter {
  const constants = new WeakMap<OperationDefinitionNode, number>();
  return {
    costOf(document, operation, variables) {
      const constant = constants.get(operation);
      if (constant !== undefined) return constant;
      const walk: Walk = {
        schema,
        variables: { ...defaultsOf(operation), ...variables },
        fragments: fragmentsOf(document),
        known: new Map(),
        usesVariables: false,
      };
      const root = schema.getRootType(operation.operation);
      const cost = root ? costOfSelections(walk, root, operation.selectionSet, true) : 0;
      if (!walk.usesVariables) constants.set(operation, cost);
      return cost;
    },
  };
}

function defaultsOf(operation: OperationDefinitionNode): Variables {
  return Object.fromEntries(
    (operation.variableDefinitions ?? []).flatMap(({ variable, defaultValue }): readonly (readonly [string, unknown])[] => {
      if (defaultValue?.kind === Kind.INT) return [[variable.name.value, Number(defaultValue.value)]];
      return defaultValue?.kind === Kind.LIST ? [[variable.name.value, defaultValue.values]] : [];
    }),
  );
}

function fragmentsOf(document: DocumentNode): Walk['fragments'] {
  return new Map(
    document.definitions.flatMap((definition) =>
      definition.kind === Kind.FRAGMENT_DEFINITION
        ? [[definition.name.value, { type: definition.typeCondition.name.value, selectionSet: definition.selectionSet }]]
        : [],
    ),
  );
}

function costOfSelections(
  walk: Walk,
  type: GraphQLNamedType | undefined,
  selectionSet: SelectionSetNode,
  isRoot: boolean,
): number {
  let cost = 0;
  for (const selection of selectionSet.selections) {
    switch (selection.kind) {
      case Kind.FIELD:
        cost += costOfField(walk, type, selection, isRoot);
        break;
      case Kind.INLINE_FRAGMENT: {
        const condition = selection.typeCondition;
        const narrowed = condition === undefined ? type : walk.schema.getType(condition.name.value);
        cost += costOfSelections(walk, narrowed, selection.selectionSet, isRoot);
        break;
      }
      case Kind.FRAGMENT_SPREAD:
        cost += costOfFragment(walk, selection.name.value, isRoot);
    }
  }
  return cost;
}

function costOfFragment(walk: Walk, name: string, isRoot: boolean): number {
  const known = walk.known.get(name);
  if (known !== undefined) return known;
  const fragment = walk.fragments.get(name);
  const cost =
    fragment === undefined ? 0 : costOfSelections(walk, walk.schema.getType(fragment.type), fragment.selectionSet, isRoot);
  walk.known.set(name, cost);
  return cost;
}

function costOfField(walk: Walk, parent: GraphQLNamedType | undefined, node: FieldNode, isRoot: boolean): number {
  const name = node.name.value;
  if (name.startsWith('__')) return 1;
  const field = isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[name] : undefined;
  if (field === undefined) return 1;
  const weight = isRoot || readingFields.has(name) ? readWeight : 1;
  const inner = getNamedType(field.type);
  if (node.selectionSet === undefined || !isCompositeType(inner)) return weight;
  const below = costOfSelections(walk, inner, node.selectionSet, false);
  const isPage = field.args.some((argument) => argument.name === 'first');
  if (isPage) return weight + pageRows(walk, node) * below + (selectsCount(walk, node.selectionSet) ? countWeight : 0);
  const ids = argumentOf(walk, node, 'ids');
  if (Array.isArray(ids)) return weight + ids.length * (readWeight + below);
  // The rows of a page were counted at the page itself.
  const isOfPage = parent?.name.endsWith('Connection') === true;
  const isList = isListType(getNullableType(field.type));
  return weight + (isList && !isOfPage ? assumedRows * below : below);
}

/** Once for a connection, however often it is asked for there. */
function selectsCount(walk: Walk, selectionSet: SelectionSetNode, seen = new Set<string>()): boolean {
  return selectionSet.selections.some((selection) => {
    switch (selection.kind) {
      case Kind.FIELD:
        return selection.name.value === 'totalCount';
      case Kind.INLINE_FRAGMENT:
        return selectsCount(walk, selection.selectionSet, seen);
      default: {
        const name = selection.name.value;
        const fragment = seen.has(name) ? undefined : walk.fragments.get(name);
        seen.add(name);
        return fragment !== undefined && selectsCount(walk, fragment.selectionSet, seen);
      }
    }
  });
}

function pageRows(walk: Walk, node: FieldNode): number {
  const rows = argumentOf(walk, node, 'first') ?? argumentOf(walk, node, 'last') ?? defaultPageSize;
  return typeof rows === 'number' && rows > 0 ? rows : 1;
}

/** Only what a bound can be: a number, or a list for its length. */
function argumentOf(walk: Walk, node: FieldNode, name: string): unknown {
  const value = node.arguments?.find((argument) => argument.name.value === name)?.value;
  switch (value?.kind) {
    case Kind.INT:
      return Number(value.value);
    case Kind.LIST:
      return value.values;
    case Kind.VARIABLE:
      walk.usesVariables = true;
      return walk.variables[value.name.value] ?? undefined;
    default:
      return undefined;
  }
}
