/** The operators a filter may compare one value with, one input for each kind of value. */
import type { PropertyKind } from '#types/type-registry.ts';
import type { Builder, SchemaTypes } from './schema-builder.ts';
import type { Enums } from './schema-parts.ts';

/** What Pothos hands over for an input that is generated: checked by GraphQL, of a shape only its definition knows. */
export type InputValues = Readonly<Record<string, unknown>>;
export type OperandRef = PothosSchemaTypes.InputObjectRef<SchemaTypes, InputValues>;

/** A property of a JSON value has no operators of its own: types cannot mark it filterable. */
type ComparedKind = Exclude<PropertyKind, 'json'>;

export interface FilterOperands extends Readonly<Record<ComparedKind, OperandRef>> {
  /** For ids, digests and other words that are compared whole. */
  readonly exact: OperandRef;
  readonly dateTime: OperandRef;
  readonly tags: OperandRef;
  readonly state: OperandRef;
  readonly visibility: OperandRef;
  /** Any property by its name, with operands of any kind. */
  readonly property: OperandRef;
}

export function defineFilterOperands(builder: Builder, enums: Enums): FilterOperands {
  return { ...defineValueOperands(builder), ...defineFieldOperands(builder, enums) };
}

function defineValueOperands(builder: Builder) {
  return {
    string: builder.inputType('StringFilter', {
      fields: (t) => ({ eq: t.string(), in: t.stringList(), prefix: t.string(), exists: t.boolean() }),
    }),
    'string-list': builder.inputType('StringListFilter', {
      fields: (t) => ({ has: t.string(), hasAny: t.stringList(), exists: t.boolean() }),
    }),
    boolean: builder.inputType('BooleanFilter', { fields: (t) => ({ eq: t.boolean(), exists: t.boolean() }) }),
    integer: defineRangeFilter(builder, 'Long'),
    number: defineRangeFilter(builder, 'Float'),
  } satisfies Record<ComparedKind, OperandRef>;
}

function defineFieldOperands(builder: Builder, enums: Enums) {
  return {
    exact: builder.inputType('ExactFilter', {
      description: 'Compares whole words.',
      fields: (t) => ({ eq: t.string(), in: t.stringList() }),
    }),
    dateTime: builder.inputType('DateTimeFilter', {
      fields: (t) => ({
        lt: t.field({ type: 'DateTime' }),
        lte: t.field({ type: 'DateTime' }),
        gt: t.field({ type: 'DateTime' }),
        gte: t.field({ type: 'DateTime' }),
      }),
    }),
    tags: builder.inputType('TagFilter', {
      description: 'By tags: all of these, any of these, none of these.',
      fields: (t) => ({ all: t.stringList(), any: t.stringList(), none: t.stringList() }),
    }),
    state: builder.inputType('ArtifactStateFilter', {
      fields: (t) => ({ eq: t.field({ type: enums.state }), in: t.field({ type: [enums.state] }) }),
    }),
    visibility: builder.inputType('VisibilityFilter', {
      fields: (t) => ({ eq: t.field({ type: enums.visibility }), in: t.field({ type: [enums.visibility] }) }),
    }),
    property: definePropertyFilter(builder),
  };
}

function definePropertyFilter(builder: Builder): OperandRef {
  return builder.inputType('PropertyFilter', {
    description:
      'Any filterable property by its own name, also one beyond those that the type names. The operators go with its kind.',
    fields: (t) => ({
      type: t.string({ description: 'The type that has it; needed where the list is of all types.' }),
      name: t.string({ required: true }),
      eq: t.field({ type: 'JSON' }),
      in: t.field({ type: ['JSON'] }),
      lt: t.field({ type: 'JSON' }),
      lte: t.field({ type: 'JSON' }),
      gt: t.field({ type: 'JSON' }),
      gte: t.field({ type: 'JSON' }),
      prefix: t.string(),
      has: t.string(),
      hasAny: t.stringList(),
      exists: t.boolean(),
    }),
  });
}

function defineRangeFilter(builder: Builder, type: 'Long' | 'Float'): OperandRef {
  return builder.inputType(`${type}Filter`, {
    fields: (t) => ({
      eq: t.field({ type }),
      in: t.field({ type: [type] }),
      lt: t.field({ type }),
      lte: t.field({ type }),
      gt: t.field({ type }),
      gte: t.field({ type }),
      exists: t.boolean(),
    }),
  });
}
