/** Changes of any artifact, whatever its type: create, update, and the steps of its life. */
import { AppError } from '#base/app-error.ts';
import { isJsonObject, type Json, type JsonObject } from '#base/json.ts';
import type { Artifact } from '#core/artifact.ts';
import type { OpContext } from '#ops/context.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { deactivateArtifact } from '#ops/deactivate-artifact.ts';
import { deleteArtifact } from '#ops/delete-artifact.ts';
import { deprecateArtifact } from '#ops/deprecate-artifact.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { reactivateArtifact } from '#ops/reactivate-artifact.ts';
import { restoreArtifact } from '#ops/restore-artifact.ts';
import { unyankArtifact } from '#ops/unyank-artifact.ts';
import { updateArtifact } from '#ops/update-artifact.ts';
import { yankArtifact } from '#ops/yank-artifact.ts';
import { type ArtifactInputs, toCommonWrite, toPropertiesWrite, withoutNulls } from './artifact-inputs.ts';
import { toPascalCase } from './mutation-result.ts';
import type { SchemaParts } from './schema-parts.ts';

export const writeErrors = [
  'ValidationError',
  'NotFoundError',
  'ForbiddenError',
  'ConflictError',
  'RevisionConflict',
  'DependencyError',
  'LimitError',
] as const;

export function addArtifactMutations(parts: SchemaParts, inputs: ArtifactInputs): void {
  addCreate(parts, inputs);
  addUpdate(parts, inputs);
  addPublish(parts);
  addDeprecate(parts);
  addStep(
    parts,
    'deleteArtifact',
    'Deletes an artifact; its version leaves a tombstone. Where deletes are delayed, it can be restored until `expiresAt`.',
    deleteArtifact,
  );
  addStep(parts, 'restoreArtifact', 'Takes a delayed delete back.', restoreArtifact);
  addStep(parts, 'deactivateArtifact', 'Withholds the bytes of an artifact.', deactivateArtifact);
  addStep(parts, 'reactivateArtifact', 'Ends a deactivation.', reactivateArtifact);
  addStep(
    parts,
    'yankArtifact',
    'Takes a version out of range resolution; it stays fetchable by id, digest and pin.',
    yankArtifact,
  );
  addStep(parts, 'unyankArtifact', 'Takes a yank back.', unyankArtifact);
}

function addCreate({ builder, artifactPayload, defineMutation }: SchemaParts, inputs: ArtifactInputs): void {
  defineMutation({
    name: 'createArtifact',
    description: 'Makes a draft of any type. The typed mutations do the same with typed properties.',
    input: builder.inputType('CreateArtifactInput', {
      fields: (t) => ({
        ...inputs.createFields(t),
        type: t.string({ required: true }),
        properties: t.field({ type: 'JSON', description: 'A JSON object, under the own names of the properties.' }),
      }),
    }),
    payload: artifactPayload,
    errors: writeErrors,
    run: async ({ op }, input) => ({
      artifact: await createArtifact(op, { ...toCommonWrite(input), properties: assertProperties(input.properties) }),
    }),
  });
}

function addUpdate({ builder, artifactPayload, defineMutation }: SchemaParts, inputs: ArtifactInputs): void {
  defineMutation({
    name: 'updateArtifact',
    description: 'Changes an artifact of any type, as far as its state allows.',
    input: builder.inputType('UpdateArtifactInput', {
      fields: (t) => ({
        ...inputs.updateFields(t),
        properties: t.field({ type: 'JSON', description: 'A JSON object; null removes a property.' }),
      }),
    }),
    payload: artifactPayload,
    errors: writeErrors,
    run: async ({ op }, input) => ({
      artifact: await updateArtifact(op, {
        ...toCommonWrite(input),
        ...toPropertiesWrite(assertProperties(input.properties), input.replaceProperties),
      }),
    }),
  });
}

function addPublish({ builder, artifactPayload, defineMutation }: SchemaParts): void {
  defineMutation({
    name: 'publishArtifact',
    description: 'Makes a draft active: validated, its dependencies pinned, its bytes frozen.',
    input: builder.inputType('PublishArtifactInput', {
      fields: (t) => ({ id: t.id({ required: true }), expectedRevision: t.int(), idempotencyKey: t.string() }),
    }),
    payload: artifactPayload,
    errors: writeErrors,
    run: async ({ op }, input) => ({ artifact: await publishArtifact(op, withoutNulls(input)) }),
  });
}

function addDeprecate({ builder, artifactPayload, defineMutation }: SchemaParts): void {
  defineMutation({
    name: 'deprecateArtifact',
    description: 'Advises against an artifact, with a message; null takes that back.',
    input: builder.inputType('DeprecateArtifactInput', {
      fields: (t) => ({ id: t.id({ required: true }), message: t.string(), expectedRevision: t.int() }),
    }),
    payload: artifactPayload,
    errors: writeErrors,
    run: async ({ op }, input) => ({
      artifact: await deprecateArtifact(op, { ...withoutNulls(input), id: input.id, message: input.message ?? null }),
    }),
  });
}

interface StepInput {
  readonly id: string;
  readonly expectedRevision?: number | undefined;
  readonly reason?: string | undefined;
}

function addStep(
  { builder, artifactPayload, defineMutation }: SchemaParts,
  name: string,
  description: string,
  run: (op: OpContext, input: StepInput) => Promise<Artifact>,
): void {
  defineMutation({
    name,
    description,
    input: builder.inputType(`${toPascalCase(name)}Input`, {
      fields: (t) => ({
        id: t.id({ required: true }),
        expectedRevision: t.int(),
        reason: t.string({ description: 'For the record.' }),
      }),
    }),
    payload: artifactPayload,
    errors: writeErrors,
    run: async ({ op }, input) => ({ artifact: await run(op, { ...withoutNulls(input), id: input.id }) }),
  });
}

function assertProperties(properties: Json | undefined): JsonObject | undefined {
  if (properties === null || properties === undefined) return undefined;
  if (isJsonObject(properties)) return properties;
  const message = 'properties is a JSON object.';
  throw new AppError('INPUT_INVALID', message, { faults: [{ pointer: '/properties', message }] });
}
