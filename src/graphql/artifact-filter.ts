/** Filter inputs, generic and of each type, and their translation into the filter tree that operations take. */
import { AppError } from '#base/app-error.ts';
import type { Json } from '#base/json.ts';
import type { Filter, FilterField, FilterOperator } from '#core/filter.ts';
import type { FilterOperands, InputValues, OperandRef } from './filter-operands.ts';
import type { PropertyField } from './property-field.ts';
import { compareProperty, type PropertyScope, toCompared, toPropertyFilter } from './property-filter.ts';
import type { Builder } from './schema-builder.ts';

/** Levels of and, or and not. */
const maxFilterDepth = 10;

/** Field of every artifact → how it is compared; `claim` is the boolean itself. */
const commonFields = {
  id: 'exact',
  project: 'string',
  typeVersion: 'exact',
  name: 'string',
  version: 'exact',
  state: 'state',
  visibility: 'visibility',
  digest: 'exact',
  protected: 'claim',
  hidden: 'claim',
  deprecated: 'claim',
  yanked: 'claim',
  createdAt: 'dateTime',
  updatedAt: 'dateTime',
  publishedAt: 'dateTime',
} as const satisfies Partial<Record<FilterField, keyof FilterOperands | 'claim'>>;

export interface FilterScope extends PropertyScope {
  /** Typed fields of the filter, by their GraphQL name; empty over all types. */
  readonly fields: ReadonlyMap<string, PropertyField>;
}

/** @param fields null over all types, which are then a field to compare themselves */
export function defineArtifactFilter(
  builder: Builder,
  name: string,
  operands: FilterOperands,
  fields: readonly PropertyField[] | null,
): OperandRef {
  const ref = builder.inputRef<InputValues>(name);
  ref.implement({
    description: 'All that is given must hold.',
    fields: (t) => ({
      and: t.field({ type: [ref] }),
      or: t.field({ type: [ref] }),
      not: t.field({ type: ref }),
      ...Object.fromEntries(
        Object.entries(commonFields).map(([field, operand]) => [
          field,
          operand === 'claim' ? t.boolean() : t.field({ type: operands[operand] }),
        ]),
      ),
      ...(fields === null ? { type: t.field({ type: operands.exact }) } : {}),
      tags: t.field({ type: operands.tags }),
      versionRange: t.string({ description: "A SemVer range in node-semver's grammar, such as `^1.2`." }),
      latest: t.boolean({ description: 'Only the highest release of each family.' }),
      property: t.field({ type: [operands.property], description: 'Properties by their own names.' }),
      ...Object.fromEntries(
        (fields ?? []).flatMap(({ rule, filterRef }) => (filterRef === null ? [] : [[rule.field, t.field({ type: filterRef })]])),
      ),
    }),
  });
  return ref;
}

/** Null for no condition at all. @throws AppError INPUT_INVALID with a pointer into the filter */
export function toFilter(input: InputValues | null | undefined, scope: FilterScope): Filter | null {
  return input === null || input === undefined ? null : toConjunction(input, scope, '/filter', 1);
}

function toConjunction(input: InputValues, scope: FilterScope, pointer: string, depth: number): Filter | null {
  if (depth > maxFilterDepth) throw invalid(pointer, `A filter is at most ${maxFilterDepth} levels deep.`);
  const of = Object.entries(input)
    .filter(([, value]) => value !== undefined)
    .flatMap(([key, value]) => toConditions(key, value, scope, `${pointer}/${key}`, depth));
  return of.length > 1 ? { kind: 'and', of } : (of[0] ?? null);
}

function toConditions(key: string, value: unknown, scope: FilterScope, pointer: string, depth: number): readonly Filter[] {
  if (value === null) throw invalid(pointer, 'null compares with nothing; leave it out, or use exists.');
  switch (key) {
    case 'and':
    case 'or':
      return [toLogic(key, value as readonly InputValues[], scope, pointer, depth)];
    case 'not':
      return [{ kind: 'not', of: toCondition(value as InputValues, scope, pointer, depth) }];
    case 'latest':
      return value === true ? [{ kind: 'latest' }] : [];
    case 'versionRange':
      return [{ kind: 'versionRange', range: value as string }];
    case 'tags':
      return comparisons(value as InputValues, pointer).map(([operator, tags]) => ({
        kind: 'tags',
        operator: operator as 'all' | 'any' | 'none',
        tags: tags as readonly string[],
      }));
    case 'property':
      return (value as readonly InputValues[]).flatMap((item, index) => toPropertyFilter(item, scope, `${pointer}/${index}`));
    default:
      return toFieldConditions(key, value, scope, pointer);
  }
}

function toFieldConditions(key: string, value: unknown, scope: FilterScope, pointer: string): readonly Filter[] {
  const property = scope.fields.get(key);
  if (property !== undefined && scope.type !== null) {
    const { type } = scope;
    const compared = toCompared({ properties: scope.types.get(type)?.properties ?? [] }, property.rule);
    return comparisons(value as InputValues, pointer).map(([operator, operand]) =>
      compareProperty(type, compared, operator as FilterOperator, operand),
    );
  }
  const field = key as FilterField;
  if (typeof value === 'boolean') return [{ kind: 'field', field, operator: 'eq', value }];
  return comparisons(value as InputValues, pointer).map(([operator, operand]) => ({
    kind: 'field',
    field,
    operator: operator as FilterOperator,
    value: operand,
  }));
}

function toLogic(kind: 'and' | 'or', inputs: readonly InputValues[], scope: FilterScope, pointer: string, depth: number): Filter {
  if (inputs.length === 0) throw invalid(pointer, `${kind} needs at least one filter.`);
  return { kind, of: inputs.map((input, index) => toCondition(input, scope, `${pointer}/${index}`, depth)) };
}

/** Inside of logic an empty filter would turn an answer around unseen, so it is refused there. */
function toCondition(input: InputValues, scope: FilterScope, pointer: string, depth: number): Filter {
  const filter = toConjunction(input, scope, pointer, depth + 1);
  if (filter === null) throw invalid(pointer, 'An empty filter cannot be combined.');
  return filter;
}

function comparisons(operand: InputValues, pointer: string): readonly (readonly [string, Json])[] {
  return Object.entries(operand)
    .filter(([, value]) => value !== undefined)
    .map(([operator, value]) => {
      if (value === null) throw invalid(`${pointer}/${operator}`, 'null compares with nothing; leave it out, or use exists.');
      return [operator, value as Json] as const;
    });
}

function invalid(pointer: string, message: string): AppError {
  return new AppError('INPUT_INVALID', message, { faults: [{ pointer, message }] });
}
