/** Create and update of one artifact type, with its properties as typed fields. */
import { AppError, type Fault, isAppError } from '#base/app-error.ts';
import type { JsonObject } from '#base/json.ts';
import type { Artifact } from '#core/artifact.ts';
import { propertyPointer } from '#ops/check-properties.ts';
import type { OpContext } from '#ops/context.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { getArtifact } from '#ops/get-artifact.ts';
import { artifactNotFound } from '#ops/load-artifact.ts';
import { updateArtifact } from '#ops/update-artifact.ts';
import type { ArtifactType } from '#types/type-registry.ts';
import { definePropertiesInput, toCommonWrite, toExtraProperties, toPropertiesWrite } from './artifact-inputs.ts';
import { writeErrors } from './artifact-mutations.ts';
import type { InputValues } from './filter-operands.ts';
import type { TypeNames } from './generated-names.ts';
import { type PropertyField, toProperties } from './property-field.ts';
import type { TypedParts, TypedRef } from './typed-artifact.ts';

interface TypedPayload {
  readonly artifact: Artifact;
}

interface TypedProperties {
  readonly properties?: InputValues | null | undefined;
  readonly extraProperties?: Parameters<typeof toExtraProperties>[0] | null | undefined;
}

export function addTypedMutations(
  parts: TypedParts,
  type: ArtifactType,
  own: TypeNames,
  fields: readonly PropertyField[],
  object: TypedRef,
): void {
  const { builder, inputs, defineMutation } = parts;
  const properties = definePropertiesInput(builder, own.properties, fields);
  const payloadOf = (name: string) =>
    builder.objectRef<TypedPayload>(name).implement({
      fields: (t) => ({ artifact: t.field({ type: object, resolve: (payload) => payload.artifact }) }),
    });
  const propertyFields = (t: Parameters<typeof inputs.createFields>[0]) => ({
    ...(properties === undefined ? {} : { properties: t.field({ type: properties }) }),
    ...(type.extraKind === null ? {} : { extraProperties: t.field({ type: [inputs.extraProperty] }) }),
  });

  defineMutation({
    name: own.create.mutation,
    description: `Makes a draft of type ${type.manifest.type}.`,
    input: builder.inputType(own.create.input, {
      fields: (t) => ({ ...inputs.createFields(t), ...propertyFields(t) }),
    }),
    payload: payloadOf(own.create.payload),
    errors: writeErrors,
    run: async ({ op }, input) => {
      const written = mergeProperties(fields, input);
      return inFieldNames(fields, input, async () => ({
        artifact: await createArtifact(op, { ...toCommonWrite(input), type: type.manifest.type, properties: written }),
      }));
    },
  });
  defineMutation({
    name: own.update.mutation,
    description: `Changes an artifact of type ${type.manifest.type}, as far as its state allows.`,
    input: builder.inputType(own.update.input, {
      fields: (t) => ({ ...inputs.updateFields(t), ...propertyFields(t) }),
    }),
    payload: payloadOf(own.update.payload),
    errors: writeErrors,
    run: async ({ op }, input) => {
      const written = mergeProperties(fields, input);
      await assertType(op, input.id, type.manifest.type);
      return inFieldNames(fields, input, async () => ({
        artifact: await updateArtifact(op, { ...toCommonWrite(input), ...toPropertiesWrite(written, input.replaceProperties) }),
      }));
    },
  });
}

/** Undefined where nothing is written, so that an update without properties leaves them alone. */
function mergeProperties(fields: readonly PropertyField[], input: TypedProperties): JsonObject | undefined {
  const { properties, extraProperties } = input;
  if ((properties ?? null) === null && (extraProperties ?? null) === null) return undefined;
  const entries = extraProperties ?? [];
  const faults = [...twiceFaults(fields, properties ?? {}), ...extraFaults(fields, entries)];
  if (faults[0] !== undefined) throw new AppError('INPUT_INVALID', faults[0].message, { faults });
  return { ...toExtraProperties(entries), ...toProperties(fields, properties ?? {}) };
}

/** Of two values of one property one would be lost without a word. */
function twiceFaults(fields: readonly PropertyField[], properties: InputValues): readonly Fault[] {
  const given = fields.filter(({ rule }) => (properties[rule.field] ?? null) !== null);
  return given.flatMap(({ rule }, index) => {
    const other = given.slice(0, index).find((before) => before.rule.name === rule.name);
    if (other === undefined) return [];
    const message = `"${other.rule.field}" and "${rule.field}" are one property, of different versions; give one.`;
    return [{ pointer: `/properties/${rule.field}`, message }];
  });
}

function extraFaults(fields: readonly PropertyField[], entries: Parameters<typeof toExtraProperties>[0]): readonly Fault[] {
  const named = new Set(fields.map(({ rule }) => rule.name));
  const seen = new Set<string>();
  return entries.flatMap(({ key }, index) => {
    const pointer = `/extraProperties/${index}/key`;
    if (named.has(key)) return [{ pointer, message: `"${key}" is a named property of the type.` }];
    if (seen.has(key)) return [{ pointer, message: `"${key}" is given twice.` }];
    seen.add(key);
    return [];
  });
}

/** An artifact of another type is, for this mutation, one that does not exist. */
async function assertType(op: OpContext, id: string, type: string): Promise<void> {
  const artifact = await getArtifact(op, { id });
  if (artifact.type !== type) throw artifactNotFound(id);
}

/** Operations point at properties by their own names; the caller wrote GraphQL's. */
async function inFieldNames<Result>(
  fields: readonly PropertyField[],
  { properties }: TypedProperties,
  run: () => Promise<Result>,
): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    if (!isAppError(error) || error.faults.length === 0) throw error;
    const faults = error.faults.map((fault) => {
      const found = fields.filter(({ rule }) => isUnder(fault.pointer, propertyPointer(rule.name)));
      // A property whose kind changed has several: the one that was written, or the newest.
      const field = found.find(({ rule }) => (properties?.[rule.field] ?? null) !== null) ?? found.at(-1);
      if (field === undefined) return fault;
      const rest = fault.pointer.slice(propertyPointer(field.rule.name).length);
      return { ...fault, pointer: `/properties/${field.rule.field}${rest}` };
    });
    throw new AppError(error.code, error.message, { faults, details: error.details, cause: error });
  }
}

function isUnder(pointer: string, parent: string): boolean {
  return pointer === parent || pointer.startsWith(`${parent}/`);
}
