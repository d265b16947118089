/** What the lists of an answer may hold, counted while it is made: how long they are, only the data knows. */
import {
  defaultFieldResolver,
  type GraphQLError,
  type GraphQLField,
  type GraphQLFieldResolver,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isCompositeType,
  isListType,
  isObjectType,
  Kind,
  responsePathAsArray,
  type SelectionSetNode,
} from 'graphql';
import { tooComplex } from './document-limits.ts';

/** Of one operation, as its lists use it up. */
export interface AnswerBudget {
  readonly values: number;
  left: number;
  /** Why nothing more is answered. */
  refusal: GraphQLError | undefined;
}

export function createAnswerBudget(values: number): AnswerBudget {
  return { values, left: values, refusal: undefined };
}

interface WithBudget {
  readonly budget: AnswerBudget;
}

/** Every list of the schema pays for its rows from now on, and once the budget is used up no field leads any further. */
export function chargeLists(schema: GraphQLSchema): void {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || type.name.startsWith('__')) continue;
    for (const field of Object.values(type.getFields())) {
      const resolve = limitedResolver(field);
      if (resolve !== undefined) field.resolve = resolve;
    }
  }
}

function limitedResolver({
  type,
  resolve = defaultFieldResolver,
}: GraphQLField<unknown, WithBudget>): GraphQLFieldResolver<unknown, WithBudget> | undefined {
  const isList = isListType(getNullableType(type));
  if (!isList && !isCompositeType(getNamedType(type))) return undefined;
  return (source, args, context, info) => {
    const { budget } = context;
    // Rejected, not thrown: where a row throws, the executor leaves the rows before it to reject with nobody listening.
    if (budget.refusal !== undefined) return Promise.reject(budget.refusal);
    const result = resolve(source, args, context, info);
    if (!isList) return result;
    if (result instanceof Promise) return result.then((rows: unknown) => charge(budget, rows, info));
    return charge(budget, result, info);
  };
}

function charge(budget: AnswerBudget, rows: unknown, info: GraphQLResolveInfo): unknown {
  if (!Array.isArray(rows)) return rows;
  budget.left -= rows.length * valuesOfRow(info);
  if (budget.left >= 0) return rows;
  budget.refusal ??= tooComplex('values in lists', budget.values, {
    nodes: info.fieldNodes,
    // With a path of its own it is passed on as it is, by however many fields.
    path: responsePathAsArray(info.path),
    // Which the executor takes up to the root, past every field that may be null: it ends the whole answer, once.
    extensions: { CRITICAL_ERROR: true },
  });
  return Promise.reject(budget.refusal);
}

/** Itself and every field selected below it: those of lists too, whose rows are charged again when they are there. */
function valuesOfRow({ fieldNodes, fragments }: GraphQLResolveInfo): number {
  let values = 1;
  for (const { selectionSet } of fieldNodes) {
    if (selectionSet !== undefined) values += fieldsOf(selectionSet, fragments);
  }
  return values;
}

/** As long as the documents they are of are remembered. */
const known = new WeakMap<SelectionSetNode, number>();

function fieldsOf(selectionSet: SelectionSetNode, fragments: GraphQLResolveInfo['fragments']): number {
  const counted = known.get(selectionSet);
  if (counted !== undefined) return counted;
  let fields = 0;
  for (const selection of selectionSet.selections) {
    if (selection.kind === Kind.FIELD) fields += 1;
    const below =
      selection.kind === Kind.FRAGMENT_SPREAD ? fragments[selection.name.value]?.selectionSet : selection.selectionSet;
    if (below !== undefined) fields += fieldsOf(below, fragments);
  }
  known.set(selectionSet, fields);
  return fields;
}
