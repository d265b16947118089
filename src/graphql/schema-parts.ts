/** What the nouns of the schema share: the builder, the refs that several of them name, and the loaded types. */
import type { Artifact } from '#core/artifact.ts';
import { artifactStates, memberStatuses, visibilities } from '#core/artifact.ts';
import type { ArtifactType, TypeRegistry } from '#types/type-registry.ts';
import {
  type ArtifactConnectionRef,
  defineConnection,
  definePageArguments,
  definePageInfo,
  type PageArguments,
  type PageInfoRef,
} from './connection.ts';
import { createMutationDefiner, type DefineMutation } from './mutation-result.ts';
import { createTypeNameOf, defineNode, type NodeRef, type TypeNameOf } from './node.ts';
import { defineResultErrors } from './result-errors.ts';
import { type Builder, createSchemaBuilder, type SchemaTypes } from './schema-builder.ts';

type ArtifactRef = ReturnType<typeof refArtifact>;
export type Enums = ReturnType<typeof defineEnums>;

export interface SchemaParts {
  readonly builder: Builder;
  /** Sorted by name, so that the schema is the same whatever the order of folders. */
  readonly types: readonly ArtifactType[];
  readonly typeNameOf: TypeNameOf;
  readonly node: NodeRef;
  readonly artifact: ArtifactRef;
  readonly enums: Enums;
  readonly pageInfo: PageInfoRef;
  readonly pageArguments: PageArguments;
  readonly artifactConnection: ArtifactConnectionRef;
  readonly artifactPayload: PothosSchemaTypes.ObjectRef<SchemaTypes, ArtifactPayload>;
  readonly defineMutation: DefineMutation;
}

interface ArtifactPayload {
  readonly artifact: Artifact;
}

export function createSchemaParts(registry: TypeRegistry): SchemaParts {
  const builder = createSchemaBuilder();
  const types = [...registry.types.values()].toSorted((a, b) => (a.manifest.type < b.manifest.type ? -1 : 1));
  const typeNameOf = createTypeNameOf(types);
  const node = defineNode(builder, typeNameOf);
  const artifact = refArtifact(builder);
  const pageInfo = definePageInfo(builder);
  return {
    builder,
    types,
    typeNameOf,
    node,
    artifact,
    enums: defineEnums(builder),
    pageInfo,
    pageArguments: definePageArguments(builder),
    artifactConnection: defineConnection(builder, pageInfo, { connection: 'ArtifactConnection', edge: 'ArtifactEdge' }, artifact),
    artifactPayload: builder.objectRef<ArtifactPayload>('ArtifactPayload').implement({
      description: 'The artifact as it is after the change.',
      fields: (t) => ({ artifact: t.field({ type: artifact, resolve: (payload) => payload.artifact }) }),
    }),
    defineMutation: createMutationDefiner(builder, defineResultErrors(builder)),
  };
}

/** Implemented by artifact.ts, once everything it leads to has a ref. */
function refArtifact(builder: Builder) {
  return builder.interfaceRef<Artifact>('Artifact');
}

function defineEnums(builder: Builder) {
  return {
    state: builder.enumType('ArtifactState', {
      description: 'Where an artifact stands in its life.',
      values: artifactStates,
    }),
    visibility: builder.enumType('Visibility', {
      description: 'Who may see an artifact, beside its own project.',
      values: visibilities,
    }),
    memberStatus: builder.enumType('MemberStatus', {
      description: 'What the project an artifact is shared with made of it.',
      values: memberStatuses,
    }),
    closureMode: builder.enumType('ClosureMode', {
      description: 'pinned: what publish resolved. floating: the highest match of each range now.',
      values: ['pinned', 'floating'] as const,
    }),
  };
}
