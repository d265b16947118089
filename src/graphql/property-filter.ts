/** A property compared by its name: the operators and operands that go with its kind, and nothing else. */
import { AppError } from '#base/app-error.ts';
import type { Json } from '#base/json.ts';
import type { Filter, FilterOperator } from '#core/filter.ts';
import type { ArtifactType, PropertyKind, PropertyRule } from '#types/type-registry.ts';
import type { InputValues } from './filter-operands.ts';

export interface PropertyScope {
  readonly types: ReadonlyMap<string, ArtifactType>;
  /** The type of the list, or null for all of them. */
  readonly type: string | null;
}

const ranges = ['lt', 'lte', 'gt', 'gte'] as const;
const operatorsOfKind: Readonly<Record<PropertyKind, readonly FilterOperator[]>> = {
  string: ['eq', 'in', 'prefix', 'exists'],
  integer: ['eq', 'in', ...ranges, 'exists'],
  number: ['eq', 'in', ...ranges, 'exists'],
  boolean: ['eq', 'exists'],
  'string-list': ['has', 'hasAny', 'exists'],
  // Of a property that the type does not name: its values may be of any kind, and are compared whole.
  json: ['eq', 'in', 'exists'],
};

/** @throws AppError INPUT_INVALID */
export function toPropertyFilter(input: InputValues, scope: PropertyScope, pointer: string): readonly Filter[] {
  const { type: ownType, name, ...operators } = input;
  const typeName = typeof ownType === 'string' ? ownType : scope.type;
  if (typeName === null) throw invalid(`${pointer}/type`, 'Name the type of the property, or list one type only.');
  if (scope.type !== null && typeName !== scope.type) {
    throw invalid(`${pointer}/type`, `This is a list of the type ${scope.type}.`);
  }
  const compared = findCompared(scope.types.get(typeName), String(name));
  const newest = compared.at(-1);
  if (newest === undefined) {
    throw invalid(`${pointer}/name`, `The type ${typeName} has no filterable property of this name.`);
  }
  const given = Object.entries(operators).filter(([, value]) => value !== undefined);
  // Where its kind changed, every kind is meant that the operands fit.
  const fitting = compared.filter(({ kind }) => given.every(([key, value]) => operandProblem(kind, key, value) === undefined));
  if (fitting.length === 0) assertOperands(newest.kind, given, pointer);
  return given.map(([key, value]) => {
    const each = fitting.map((property) => compareProperty(typeName, property, key as FilterOperator, value as Json));
    const [only] = each;
    if (each.length === 1 && only !== undefined) return only;
    return { kind: key === 'exists' && value === false ? 'and' : 'or', of: each };
  });
}

export interface ComparedProperty {
  readonly name: string;
  readonly kind: PropertyKind;
  /** Null: whatever the version, it is of this kind. */
  readonly versions: readonly string[] | null;
}

/** A named property of a type as it is compared: where another version has another kind of it, in its own versions only. */
export function toCompared({ properties }: Pick<ArtifactType, 'properties'>, rule: PropertyRule): ComparedProperty {
  const isChanged = properties.some((other) => other.name === rule.name && other.kind !== rule.kind);
  return { name: rule.name, kind: rule.kind, versions: isChanged ? rule.versions : null };
}

export function compareProperty(type: string, property: ComparedProperty, operator: FilterOperator, value: Json): Filter {
  const { name, kind, versions } = property;
  const comparison = { kind: 'property', type, property: name, valueKind: kind, operator, value } as const;
  if (versions === null) return comparison;
  const ofVersions: Filter = { kind: 'field', field: 'typeVersion', operator: 'in', value: versions };
  if (operator !== 'exists' || value !== false) return { kind: 'and', of: [comparison, ofVersions] };
  // Of another kind it is not there either.
  const isThere: Filter = { kind: 'and', of: [{ ...comparison, value: true }, ofVersions] };
  return {
    kind: 'and',
    of: [
      { kind: 'field', field: 'type', operator: 'eq', value: type },
      { kind: 'not', of: isThere },
    ],
  };
}

/** One for each kind that the property has, or had; none where lists are not filtered by it. */
function findCompared(type: ArtifactType | undefined, name: string): readonly ComparedProperty[] {
  if (type === undefined) return [];
  const rules = type.properties.filter((known) => known.name === name);
  if (rules.length > 0) return rules.filter((rule) => rule.filterable).map((rule) => toCompared(type, rule));
  return type.extraKind === null ? [] : [{ name, kind: type.extraKind, versions: null }];
}

function assertOperands(kind: PropertyKind, given: readonly (readonly [string, unknown])[], pointer: string): void {
  for (const [key, value] of given) {
    const problem = operandProblem(kind, key, value);
    if (problem !== undefined) throw invalid(`${pointer}/${key}`, problem);
  }
}

function operandProblem(kind: PropertyKind, key: string, value: unknown): string | undefined {
  const operator = operatorsOfKind[kind].find((known) => known === key);
  if (operator === undefined) return `A property of kind ${kind} is not compared by ${key}.`;
  return isOperand(operator, kind, value) ? undefined : `This is no value of kind ${kind}.`;
}

function isOperand(operator: FilterOperator, kind: PropertyKind, value: unknown): boolean {
  if (operator === 'exists' || operator === 'prefix' || operator === 'has' || operator === 'hasAny') return value !== null;
  if (operator === 'in') return Array.isArray(value) && value.every((item) => isOfKind(kind, item));
  return isOfKind(kind, value);
}

function isOfKind(kind: PropertyKind, value: unknown): boolean {
  switch (kind) {
    case 'integer':
      return Number.isSafeInteger(value);
    case 'number':
    case 'boolean':
    case 'string':
      return typeof value === kind;
    case 'json':
      return value !== undefined && value !== null;
    default:
      return false;
  }
}

function invalid(pointer: string, message: string): AppError {
  return new AppError('INPUT_INVALID', message, { faults: [{ pointer, message }] });
}
