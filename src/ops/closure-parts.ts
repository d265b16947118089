/** What a version says in every closure, made ready when it is published: none of it changes afterwards. */
import type { Artifact } from '#core/artifact.ts';
import type { ClosureNode } from '#core/closure.ts';
import type { closurePartRecords } from '#metadata/metadata.ts';
import { toDependency } from './check-dependencies.ts';
import { closureBlob, closureEdge, closureIdentity, closureNode } from './closure-shape.ts';
import type { PinnedDependency } from './resolve-dependencies.ts';

/**
 * The part of an active version, none for what has no version, or is pinned to something without: that may be given a version
 * and a name yet. Pins in declared order.
 */
export function toClosureParts(artifact: Artifact, pins: readonly PinnedDependency[]): readonly closurePartRecords.ClosurePart[] {
  const { id, slots, digest, yankedAt } = artifact;
  if (artifact.version === null || digest === null || pins.some(({ pin }) => pin.version === null)) return [];
  const blobs = slots.map(({ sha512: _sha512, md5: _md5, ...entry }) => closureBlob(id, entry));
  const node = closureNode({ ...artifact, yanked: yankedAt !== null, blobs });
  const edges = pins.map((pinned) => toEdge(id, pinned));
  return [
    {
      artifactId: id,
      head: headOf(node),
      blobs: JSON.stringify(blobs),
      edges: edges.map((edge) => JSON.stringify(edge)).join(','),
      identity: closureIdentity(node),
      targets: [...new Set(pins.map(({ pin }) => pin.id))],
    },
  ];
}

/** As far as the properties, which `joinNode` adds. */
function headOf({ properties: _properties, blobs: _blobs, ...head }: ClosureNode): string {
  return JSON.stringify(head).slice(0, -1);
}

/** The text of a node. */
export function joinNode(head: string, properties: string, blobs: string): string {
  return `${head},"properties":${properties},"blobs":${blobs}}`;
}

function toEdge(from: string, { pin, ...dependency }: PinnedDependency) {
  const { ref } = toDependency({ ...dependency, artifactId: from, resolved: pin });
  return closureEdge({ ...dependency, from, ref, to: pin.id, version: pin.version });
}
