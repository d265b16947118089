/** At start: each released type version is the one that artifacts were written under. */
import { AppError } from '#base/app-error.ts';
import type { Database } from '#metadata/database.ts';
import { instanceRecords } from '#metadata/metadata.ts';
import type { TypeRegistry } from '#types/type-registry.ts';

/** @throws AppError TYPE_VERSION_CHANGED, a fault for each version that differs */
export async function claimTypes(db: Database, registry: TypeRegistry): Promise<void> {
  const released = [...registry.types.values()].flatMap((type) =>
    [...type.versions.values()]
      .filter((version) => !version.rule.draft)
      .map(({ version, digest }) => ({ type: type.manifest.type, version, digest })),
  );
  const changed = await instanceRecords.claimTypeVersions(db, released);
  if (changed.length === 0) return;
  const names = changed.map(({ type, version }) => `${type} ${version}`);
  throw new AppError('TYPE_VERSION_CHANGED', `Released type versions have changed: ${names.join(', ')}.`, {
    faults: changed.map(({ type, version, digest }) => ({
      pointer: `/${type}/${version}`,
      message: `the database knows it by the digest ${digest}`,
    })),
  });
}
