/** Who has a version of a family: a live artifact, or the tombstone of one, which keeps what the version stands for. */
import { AppError } from '#base/app-error.ts';
import type { Artifact } from '#core/artifact.ts';
import { assertVersion } from '#core/version.ts';
import type { Sql } from '#metadata/database.ts';
import { artifactRecords } from '#metadata/metadata.ts';

/** Whoever else has the version. The family is locked, so nobody takes it after this look. */
export async function findLive(tx: Sql, artifact: Artifact): Promise<Artifact | undefined> {
  const { familyId, version, id } = artifact;
  if (familyId === null || version === null) return undefined;
  return artifactRecords.findLiveVersion(tx, familyId, assertVersion(version).key, id);
}

export function versionExists(live: Artifact): AppError {
  return new AppError('VERSION_EXISTS', `${live.type}/${live.name} has version ${live.version} already, with other content.`, {
    details: { id: live.id, digest: live.digest },
  });
}

/**
 * A version stands for one content for ever: whoever pinned or mirrored a deleted one must not find another under its name.
 * @throws AppError VERSION_EXISTS when the version was published with another digest and deleted since
 */
export async function assertSameAsDeleted(tx: Sql, artifact: Artifact, digest: string | null): Promise<void> {
  const { familyId, version, type, name } = artifact;
  if (familyId === null || version === null || digest === null) return;
  const other = await artifactRecords.findDeletedVersion(tx, familyId, assertVersion(version).key, digest);
  if (other === undefined) return;
  throw new AppError('VERSION_EXISTS', `${type}/${name} had version ${version} with other content, which was deleted.`, {
    details: { id: other.id, digest: other.digest },
  });
}
