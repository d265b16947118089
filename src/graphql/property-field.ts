/** How the properties of a type stand in GraphQL: kind by kind, as output, as input and as filter. */

import type { JsonObject } from '#base/json.ts';
import type { Artifact } from '#core/artifact.ts';
import type { ArtifactType, PropertyKind, PropertyRule } from '#types/type-registry.ts';
import type { FilterOperands, OperandRef } from './filter-operands.ts';
import { fieldPointer, isGraphqlEnum, type NameClaims, toPascal } from './generated-names.ts';
import type { Builder, SchemaTypes } from './schema-builder.ts';

type EnumRef = PothosSchemaTypes.EnumRef<SchemaTypes, string>;
type OutputBuilder = PothosSchemaTypes.ObjectFieldBuilder<SchemaTypes, Artifact>;
type InputBuilder = PothosSchemaTypes.InputFieldBuilder<SchemaTypes, 'InputObject'>;

/** The kinds of JSON Schema against GraphQL: what README.md shows as a table. */
const scalarOfKind = {
  string: 'String',
  integer: 'Long',
  number: 'Float',
  boolean: 'Boolean',
  json: 'JSON',
} as const satisfies Record<Exclude<PropertyKind, 'string-list'>, string>;

const isOfKind: Readonly<Record<PropertyKind, (value: unknown) => boolean>> = {
  string: (value) => typeof value === 'string',
  integer: (value) => Number.isSafeInteger(value),
  number: (value) => typeof value === 'number',
  boolean: (value) => typeof value === 'boolean',
  'string-list': (value) => Array.isArray(value) && value.every((item) => typeof item === 'string'),
  json: () => true,
};

export interface PropertyField {
  readonly rule: PropertyRule;
  readonly enumRef: EnumRef | null;
  /** Null of a JSON value, which cannot be filtered. */
  readonly filterRef: OperandRef | null;
}

/** @param operands the filters that kinds share; an enum gets one of its own */
export function definePropertyFields(
  builder: Builder,
  type: ArtifactType,
  operands: FilterOperands,
  names: NameClaims,
): readonly PropertyField[] {
  return type.properties.map((rule) => {
    if (rule.kind !== 'string' || rule.enum === null || !isGraphqlEnum(rule.enum)) {
      return { rule, enumRef: null, filterRef: rule.kind === 'json' ? null : operands[rule.kind] };
    }
    const name = `${type.manifest.graphql.typeName}${toPascal(rule.field)}`;
    const pointer = fieldPointer(rule.name);
    const enumRef = builder.enumType(names.claim(name, type, pointer), {
      description: describe(rule),
      values: rule.enum,
    });
    const filterRef = builder.inputType(names.claim(`${name}Filter`, type, pointer), {
      fields: (t) => ({ eq: t.field({ type: enumRef }), in: t.field({ type: [enumRef] }), exists: t.boolean() }),
    });
    return { rule, enumRef, filterRef };
  });
}

/** Always nullable: a draft may lack what its type requires. */
export function outputField(t: OutputBuilder, { rule, enumRef }: PropertyField) {
  const description = describe(rule);
  // What another version of the type wrote as another kind, or under another enum, is in `properties` all the same.
  const isShown = enumRef === null ? isOfKind[rule.kind] : (value: unknown) => rule.enum?.includes(value as string) === true;
  const read = ({ properties }: Artifact) => {
    const value = properties[rule.name];
    return (value !== undefined && isShown(value) ? value : null) as never;
  };
  if (enumRef !== null) return t.field({ type: enumRef, nullable: true, description, resolve: read });
  const type = rule.kind === 'string-list' ? (['String'] as ['String']) : scalarOfKind[rule.kind];
  return t.field({ type, nullable: true, description, resolve: read });
}

export function inputField(t: InputBuilder, { rule, enumRef }: PropertyField) {
  const description = describe(rule);
  if (enumRef !== null) return t.field({ type: enumRef, description });
  if (rule.kind === 'string-list') return t.stringList({ description });
  return t.field({ type: scalarOfKind[rule.kind], description });
}

/**
 * The JSON of typed properties, under the names the type gave them. Null stays: it removes the property, unless a field that the
 * property has in another version, where its kind changed, is given a value.
 */
export function toProperties(fields: readonly PropertyField[], input: Readonly<Record<string, unknown>>): JsonObject {
  const written = fields.filter(({ rule }) => input[rule.field] !== undefined);
  const entries = written.map(({ rule }): [string, JsonObject[string]] => [rule.name, input[rule.field] as JsonObject[string]]);
  return Object.fromEntries([...entries.filter(([, value]) => value === null), ...entries.filter(([, value]) => value !== null)]);
}

function describe(rule: PropertyRule): string {
  const text = rule.description === '' ? (rule.label ?? '') : rule.description;
  if (rule.enum === null || isGraphqlEnum(rule.enum)) return text;
  return `${text} One of: ${rule.enum.join(', ')}.`.trimStart();
}
