/** Relay's `Node`: whatever has an id of its own and is found again by it. */
import type { Artifact } from '#core/artifact.ts';
import type { Family } from '#ops/get-family.ts';
import type { ArtifactType } from '#types/type-registry.ts';
import type { Builder } from './schema-builder.ts';

export type NodeValue = Artifact | Family;
export type NodeRef = ReturnType<typeof defineNode>;

export const unknownTypeName = 'UnknownTypeArtifact';

/** Answers the object type of an artifact, by its artifact type. */
export type TypeNameOf = (artifact: Pick<Artifact, 'type'>) => string;

export function createTypeNameOf(types: readonly ArtifactType[]): TypeNameOf {
  const names = new Map(types.map(({ manifest }) => [manifest.type, manifest.graphql.typeName]));
  return ({ type }) => names.get(type) ?? unknownTypeName;
}

export function defineNode(builder: Builder, typeNameOf: TypeNameOf) {
  return builder.interfaceRef<NodeValue>('Node').implement({
    description: 'Whatever is found again by its id.',
    fields: (t) => ({ id: t.exposeID('id', { description: 'Opaque, never used again.' }) }),
    resolveType: (value) => (isArtifact(value) ? typeNameOf(value) : 'Family'),
  });
}

function isArtifact(value: NodeValue): value is Artifact {
  return 'slots' in value;
}
