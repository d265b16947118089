/** The inputs of create and update, generic and typed: the same fields, but for how properties are written. */
import type { JsonObject } from '#base/json.ts';
import type { InputValues } from './filter-operands.ts';
import { inputField, type PropertyField } from './property-field.ts';
import type { Builder, SchemaTypes } from './schema-builder.ts';
import type { Enums } from './schema-parts.ts';

type InputBuilder = PothosSchemaTypes.InputFieldBuilder<SchemaTypes, 'InputObject'>;
type DependencyInputRef = ReturnType<typeof defineDependencyInput>;

export type ArtifactInputs = ReturnType<typeof createArtifactInputs>;

/** Defines what the inputs share, and answers with their fields. */
export function createArtifactInputs(builder: Builder, enums: Enums) {
  const dependency = defineDependencyInput(builder);
  return {
    extraProperty: builder.inputType('ExtraPropertyInput', {
      description: 'A property beyond those that the type names. A value of null removes it.',
      fields: (t) => ({ key: t.string({ required: true }), value: t.field({ type: 'JSON' }) }),
    }),
    createFields: (t: InputBuilder) => createFields(t, enums, dependency),
    updateFields: (t: InputBuilder) => updateFields(t, enums, dependency),
  };
}

function createFields(t: InputBuilder, enums: Enums, dependency: DependencyInputRef) {
  return {
    id: t.id({ description: 'A random UUID of the caller, never used before; chosen by the server where left out.' }),
    project: t.string({ description: "The caller's own where left out." }),
    name: t.string({ description: 'Names the family; needed for a version.' }),
    version: t.string({ description: 'SemVer 2.0.0.' }),
    visibility: t.field({ type: enums.visibility }),
    hidden: t.boolean(),
    protected: t.boolean(),
    tags: t.stringList(),
    dependencies: t.field({ type: [dependency] }),
    description: t.string({ description: 'Of the family, where it is new.' }),
    idempotencyKey: t.string({ description: 'The same key and input answer the first result again, for 24 hours.' }),
  };
}

function updateFields(t: InputBuilder, enums: Enums, dependency: DependencyInputRef) {
  return {
    id: t.id({ required: true }),
    expectedRevision: t.int({ description: 'Refuses the change where the artifact has another revision.' }),
    project: t.string({
      description: 'Where it is to belong; for administrators, and nothing that is published under a version.',
    }),
    name: t.string(),
    version: t.string(),
    visibility: t.field({ type: enums.visibility }),
    hidden: t.boolean(),
    protected: t.boolean(),
    replaceProperties: t.boolean({ description: 'Properties that are not given are removed; otherwise they stay.' }),
    tags: t.stringList({ description: 'All tags; not together with addTags or removeTags.' }),
    addTags: t.stringList(),
    removeTags: t.stringList(),
    dependencies: t.field({ type: [dependency], description: 'All dependencies, in their order.' }),
  };
}

function defineDependencyInput(builder: Builder) {
  return builder.inputType('DependencyInput', {
    description: 'A link to a family by range, or to one artifact.',
    fields: (t) => ({
      slot: t.string({ required: true, description: 'A dependency slot of the type.' }),
      alias: t.string({ required: true, description: "The name that the artifact's own files use; unique in the artifact." }),
      ref: t.string({ required: true, description: '`[project/]type/name[@range]`, or an id.' }),
      parameter: t.string({ description: 'The template parameter that receives the id.' }),
    }),
  });
}

/** `<Type>Properties`: the properties that users may write. Undefined where the type has none. */
export function definePropertiesInput(
  builder: Builder,
  name: string,
  fields: readonly PropertyField[],
): PothosSchemaTypes.InputObjectRef<SchemaTypes, InputValues> | undefined {
  const writable = fields.filter(({ rule }) => !rule.systemWritten);
  if (writable.length === 0) return undefined;
  return builder.inputType(name, {
    description: 'Null removes a property.',
    fields: (t) => Object.fromEntries(writable.map((field) => [field.rule.field, inputField(t, field)])),
  });
}

type WithoutNulls<Input> = { readonly [Key in keyof Input]: Exclude<Input[Key], null> };

/** Nulls of an input mean the same as leaving out; inside of properties they do not, and those are converted apart. */
export function withoutNulls<Input extends object>(input: Input): WithoutNulls<Input> {
  const kept = Object.entries(input).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(kept) as WithoutNulls<Input>;
}

interface DependencyValues {
  readonly slot: string;
  readonly alias: string;
  readonly ref: string;
  readonly parameter?: string | null | undefined;
}

interface PropertyValues {
  readonly properties?: unknown;
  readonly extraProperties?: unknown;
}

interface WriteValues {
  readonly name?: string | null | undefined;
  readonly version?: string | null | undefined;
  readonly dependencies?: readonly DependencyValues[] | null | undefined;
}

/** What create and update write alike, properties aside. A null takes a name or a version away; elsewhere it means nothing. */
export function toCommonWrite<Input extends WriteValues>(input: Input) {
  const { dependencies } = input;
  const { properties: _typed, extraProperties: _extra, ...rest } = withoutNulls<Input & PropertyValues>(input);
  return {
    ...rest,
    ...(input.name === null ? { name: null } : {}),
    ...(input.version === null ? { version: null } : {}),
    ...((dependencies ?? null) === null ? {} : { dependencies: dependencies?.map(withoutNulls<DependencyValues>) }),
  };
}

/** Properties of an update: merged into what is there, or in place of it. */
export function toPropertiesWrite(properties: JsonObject | undefined, isReplacement: boolean | null | undefined) {
  return isReplacement === true
    ? { properties: undefined, replaceProperties: properties ?? {} }
    : { properties, replaceProperties: undefined };
}

export function toExtraProperties(
  entries: readonly { readonly key: string; readonly value?: JsonObject[string] | undefined }[],
): JsonObject {
  return Object.fromEntries(entries.map(({ key, value }) => [key, value ?? null]));
}
