/** The whole schema: every noun in one place, then what the loaded types add. */
import { type GraphQLSchema, printSchema as printGraphqlSchema } from 'graphql';
import type { TypeRegistry } from '#types/type-registry.ts';
import { implementArtifact } from './artifact.ts';
import { createArtifactInputs } from './artifact-inputs.ts';
import { addArtifactMutations } from './artifact-mutations.ts';
import { addArtifactTypes } from './artifact-type.ts';
import { addClosure } from './closure.ts';
import { addFamilyFields } from './family.ts';
import { defineFilterOperands } from './filter-operands.ts';
import { createNameClaims } from './generated-names.ts';
import { addInstance } from './instance.ts';
import { addJobs } from './job.ts';
import { addMemberMutations } from './member.ts';
import { addQueries } from './queries.ts';
import { createSchemaParts } from './schema-parts.ts';
import { addTokens } from './token.ts';
import { addTypedArtifact, defineExtraProperty } from './typed-artifact.ts';
import { addUploadNegotiation } from './upload-negotiation.ts';

/** @throws AppError TYPE_INVALID where a name of a type is taken, by itself, by another or by the schema */
export function buildSchema(registry: TypeRegistry): GraphQLSchema {
  const parts = createSchemaParts(registry);
  const operands = defineFilterOperands(parts.builder, parts.enums);
  const inputs = createArtifactInputs(parts.builder, parts.enums);
  const nouns = implementArtifact(parts);
  addQueries(parts, operands);
  addFamilyFields(parts, nouns.family);
  addClosure(parts);
  addArtifactTypes(parts);
  addInstance(parts);
  addJobs(parts);
  addTokens(parts);
  addMemberMutations(parts, nouns.member);
  addArtifactMutations(parts, inputs);
  addUploadNegotiation(parts, nouns.blob);
  const extraProperty = defineExtraProperty(parts.builder);
  const names = createNameClaims(parts.builder.configStore.typeConfigs.keys());
  for (const type of parts.types) addTypedArtifact({ ...parts, operands, inputs, extraProperty, names }, type);
  return parts.builder.toSchema();
}

/** The SDL of the loaded types, sorted, ending in a newline. */
export function printSchema(registry: TypeRegistry): string {
  return sdlOf(buildSchema(registry));
}

export function sdlOf(schema: GraphQLSchema): string {
  return `${printGraphqlSchema(schema)}\n`;
}
