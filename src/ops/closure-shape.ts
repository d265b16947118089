/** The objects of a closure, their keys in one order wherever they are made. */
import { blobUrl } from '#core/blob-url.ts';
import type { ClosureBlob, ClosureEdge, ClosureNode } from '#core/closure.ts';

export function closureNode(node: ClosureNode): ClosureNode {
  const { id, project, type, typeVersion, name, version, digest, state, yanked, properties, blobs } = node;
  return { id, project, type, typeVersion, name, version, digest, state, yanked, properties, blobs };
}

export function closureBlob(artifactId: string, blob: Omit<ClosureBlob, 'url' | 'text'>): ClosureBlob {
  const { slot, key, path, mediaType, sizeBytes, sha256, sha512, md5 } = blob;
  const url = blobUrl(artifactId, slot, key === '' ? 'one' : 'map', path);
  return { slot, key, path, mediaType, sizeBytes, sha256, sha512, md5, url, text: null };
}

export function closureEdge({ from, slot, alias, ref, range, parameter, to, version }: ClosureEdge): ClosureEdge {
  return { from, slot, alias, ref, range, parameter, to, version };
}

/** What stands for a node in the digest: a version is its digest, an unversioned artifact its id and what its slots hold. */
export function closureIdentity({ id, project, type, name, version, digest, blobs }: ClosureNode): string {
  if (digest !== null) return JSON.stringify([project, type, name, version, digest]);
  return JSON.stringify([id, blobs.map(({ slot, key, sha256 }) => [slot, key, sha256])]);
}
