/** An artifact as the hooks of its type see it: values, and bounded reads of its blobs. */
import { AppError, type Fault } from '#base/app-error.ts';
import type { Artifact } from '#core/artifact.ts';
import { type dependencyRecords, readinessRecords } from '#metadata/metadata.ts';
import type { BlobView, DependencyView, HookArtifact } from '#sdk/sdk.ts';
import type { OpContext } from './context.ts';

/** The most bytes one read of a hook gets. */
const readBytesMax = 1024 * 1024;

export async function hookArtifact(
  context: OpContext,
  artifact: Pick<Artifact, 'type' | 'typeVersion' | 'name' | 'version' | 'properties' | 'tags' | 'slots'> & {
    readonly id: string;
  },
  dependencies: readonly dependencyRecords.NewDependency[],
): Promise<HookArtifact> {
  const { type, typeVersion, name, version, properties, tags } = artifact;
  const blobs = artifact.slots.length === 0 ? [] : await blobViews(context, artifact);
  return { type, typeVersion, name, version, properties, tags, blobs, dependencies: dependencies.map(toView) };
}

async function blobViews(context: OpContext, artifact: Pick<Artifact, 'id' | 'slots'>): Promise<readonly BlobView[]> {
  const sources = await readinessRecords.listBlobSources(context.db, artifact.id);
  const places = new Map(sources.map((source) => [source.path, source]));
  return artifact.slots.map(({ slot, path, mediaType, sizeBytes, sha256 }) => ({
    slot,
    path,
    mediaType,
    sizeBytes,
    sha256,
    read: async (offset, length) => {
      const place = places.get(path);
      if (place === undefined || place.store === null || place.objectKey === null) throw new AppError('BLOB_UNAVAILABLE');
      const end = Math.min(offset + Math.min(length, readBytesMax), sizeBytes);
      if (offset >= end) return new Uint8Array(0);
      return context.blobs.store(place.store).read(place.objectKey, offset, end - offset, context.signal);
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
