/** Relay's `Node`: whatever has an id of its own and is found again by it. */
import type { Artifact } from '#core/artifact.ts';
import type { Family } from '#ops/get-family.ts';
import type { Builder } from './schema-builder.ts';

export type NodeValue = Artifact | Family;
export type NodeRef = ReturnType<typeof defineNode>;

export const unknownTypeName = 'UnknownTypeArtifact';

/** @param typeNames object type by artifact type */
export function defineNode(builder: Builder, typeNames: ReadonlyMap<string, string>) {
  return builder.interfaceRef<NodeValue>('Node').implement({
    description: 'Whatever is found again by its id.',
    fields: (t) => ({ id: t.exposeID('id', { description: 'Opaque, never used again.' }) }),
    resolveType: (value) => (isArtifact(value) ? (typeNames.get(value.type) ?? unknownTypeName) : 'Family'),
  });
}

function isArtifact(value: NodeValue): value is Artifact {
  return 'slots' in value;
}
