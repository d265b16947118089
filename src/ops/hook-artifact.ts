/** An artifact as the hooks of its type see it: values, and bounded reads of its blobs. */
import { AppError, type Fault } from '#base/app-error.ts';
import type { Artifact } from '#core/artifact.ts';
import type { Sql } from '#metadata/database.ts';
import { type dependencyRecords, readinessRecords } from '#metadata/metadata.ts';
import type { BlobView, DependencyView, HookArtifact } from '#sdk/sdk.ts';
import type { OpContext } from './context.ts';
import { readPlaces } from './read-places.ts';

/** The most bytes one read of a hook gets. */
const readBytesMax = 1024 * 1024;

/** @param incoming where bytes lie that the artifact holds only when it is published */
export async function hookArtifact(
  context: OpContext,
  artifact: Pick<Artifact, 'type' | 'typeVersion' | 'name' | 'version' | 'properties' | 'tags' | 'slots'> & {
    readonly id: string;
  },
  dependencies: readonly dependencyRecords.NewDependency[],
  incoming: readonly readinessRecords.BlobPlace[] = [],
  sql: Sql = context.db,
): Promise<HookArtifact> {
  const { type, typeVersion, name, version, properties, tags } = artifact;
  const blobs = artifact.slots.length === 0 ? [] : await blobViews(context, artifact, incoming, sql);
  return { type, typeVersion, name, version, properties, tags, blobs, dependencies: dependencies.map(toView) };
}

async function blobViews(
  context: OpContext,
  artifact: Pick<Artifact, 'id' | 'slots'>,
  incoming: readonly readinessRecords.BlobPlace[],
  sql: Sql,
): Promise<readonly BlobView[]> {
  const places = Map.groupBy(await readinessRecords.listBlobPlaces(sql, artifact.id), ({ path }) => path);
  for (const place of incoming) places.set(place.path, [place]);
  return artifact.slots.map(({ slot, path, mediaType, sizeBytes, sha256 }) => ({
    slot,
    path,
    mediaType,
    sizeBytes,
    sha256,
    read: async (offset, length) => {
      const end = Math.min(offset + Math.min(length, readBytesMax), sizeBytes);
      return offset >= end ? new Uint8Array(0) : readPlaces(context, places.get(path) ?? [], offset, end);
    },
  }));
}

function toView(dependency: dependencyRecords.NewDependency): DependencyView {
  const { slot, alias, targetType, targetName, range, parameter } = dependency;
  return { slot, alias, targetType, targetName, range, parameter };
}

/**
 * Faults a hook found, as the error of the part they point at.
 * @throws AppError BLOB_REFUSED, DEPENDENCY_INVALID or PROPERTIES_INVALID, unless there is none
 */
export function assertNoFaults(faults: readonly Fault[]): void {
  const [first] = faults;
  if (first === undefined) return;
  if (first.pointer.startsWith('/slots')) throw new AppError('BLOB_REFUSED', undefined, { faults });
  if (first.pointer.startsWith('/dependencies')) throw new AppError('DEPENDENCY_INVALID', undefined, { faults });
  throw new AppError('PROPERTIES_INVALID', undefined, { faults });
}
