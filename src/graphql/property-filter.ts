/** A property compared by its name: the operators and operands that go with its kind, and nothing else. */
import { AppError } from '#base/app-error.ts';
import type { Json } from '#base/json.ts';
import type { Filter, FilterOperator } from '#core/filter.ts';
import type { ArtifactType, PropertyKind } from '#types/type-registry.ts';
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
  const valueKind = findKind(scope.types.get(typeName), String(name));
  if (valueKind === undefined) {
    throw invalid(`${pointer}/name`, `The type ${typeName} has no filterable property of this name.`);
  }
  return Object.entries(operators)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => {
      const operator = operatorsOfKind[valueKind].find((known) => known === key);
      if (operator === undefined)
        throw invalid(`${pointer}/${key}`, `A property of kind ${valueKind} is not compared by ${key}.`);
      if (!isOperand(operator, valueKind, value)) throw invalid(`${pointer}/${key}`, `This is no value of kind ${valueKind}.`);
      return { kind: 'property', type: typeName, property: String(name), valueKind, operator, value: value as Json };
    });
}

function findKind(type: ArtifactType | undefined, property: string): PropertyKind | undefined {
  const rule = type?.properties.find((known) => known.name === property);
  if (rule === undefined) return type?.extraKind ?? undefined;
  return rule.filterable ? rule.kind : undefined;
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
