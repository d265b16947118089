/** The part of publishing that pins: dependencies resolved and locked, audiences contained, the digest taken. */
import { AppError } from '#base/app-error.ts';
import type { Artifact } from '#core/artifact.ts';
import { artifactDigest } from '#core/artifact-digest.ts';
import type { Sql } from '#metadata/database.ts';
import { artifactRecords, dependencyRecords, readinessRecords } from '#metadata/metadata.ts';
import { assertAudience } from './check-visibility.ts';
import type { OpContext } from './context.ts';
import type { PreparedPublish } from './prepare-publish.ts';
import type { PinnedDependency } from './resolve-dependencies.ts';
import { resolveWithSingletons } from './resolve-singletons.ts';

export interface FrozenArtifact {
  /** Null where it has no version. */
  readonly digest: string | null;
  readonly pins: readonly PinnedDependency[];
}

/**
 * Pins a draft that this transaction has locked. An active artifact that is given its version keeps the pins it was published
 * with: resolving again could lead back to itself.
 * @throws AppError UPLOAD_BUSY, BLOB_UNAVAILABLE, DEPENDENCY_UNRESOLVED, DEPENDENCY_INVALID, AUDIENCE_TOO_WIDE
 */
export async function freezeArtifact(tx: Sql, context: OpContext, prepared: PreparedPublish): Promise<FrozenArtifact> {
  const { artifact, loaded, properties } = prepared;
  await assertBytesReady(tx, artifact);
  const pins = artifact.state === 'draft' ? await pinDraft(tx, context, prepared) : keptPins(prepared);
  const { name, version, type, typeVersion, slots } = artifact;
  if (name === null || version === null) return { digest: null, pins };
  const immutableProperties = Object.fromEntries(
    Object.entries(properties).filter(([property]) => !loaded.version.isMutable(property)),
  );
  const dependencies = await digestedDependencies(tx, pins);
  return { digest: artifactDigest({ type, typeVersion, name, version, immutableProperties, slots, dependencies }), pins };
}

async function pinDraft(tx: Sql, context: OpContext, prepared: PreparedPublish): Promise<readonly PinnedDependency[]> {
  const { artifact, loaded, dependencies } = prepared;
  const { pins, locked } = await resolveWithSingletons(tx, context, artifact, loaded.version, dependencies);
  await assertAudience(tx, context, artifact, locked);
  await dependencyRecords.pinDependencies(
    tx,
    artifact.id,
    pins.map(({ alias, pin }) => ({ alias, ...pin })),
  );
  return pins;
}

function keptPins({ dependencies }: PreparedPublish): readonly PinnedDependency[] {
  return dependencies.flatMap((dependency) =>
    dependency.resolved === null ? [] : [{ ...dependency, pin: dependency.resolved }],
  );
}

/** No upload under way, and each blob in a live place, locked against collection. */
async function assertBytesReady(tx: Sql, artifact: Artifact): Promise<void> {
  const uploads = await readinessRecords.listOpenUploads(tx, artifact.id);
  if (uploads.length > 0) {
    const faults = uploads.map(({ slot, path }) => ({
      pointer: `/slots/${slot}`,
      message: `${path === '' ? 'a pack' : path} is still being uploaded`,
    }));
    throw new AppError('UPLOAD_BUSY', 'An upload into this artifact has not ended.', { faults });
  }
  if (artifact.slots.length === 0) return;
  const sources = await readinessRecords.lockBlobSources(tx, artifact.id);
  const lost = sources.filter(({ store }) => store === null);
  if (lost.length > 0) {
    const faults = lost.map(({ slot, path }) => ({ pointer: `/slots/${slot}`, message: `${path} is in no store` }));
    throw new AppError('BLOB_UNAVAILABLE', undefined, { faults });
  }
}

/** A pin on an unversioned artifact has no digest: what its slots hold stands for it. */
async function digestedDependencies(tx: Sql, pins: readonly PinnedDependency[]) {
  const unversioned = [...new Set(pins.filter(({ pin }) => pin.digest === null).map(({ pin }) => pin.id))];
  // Every pin is readable to the consumer's project: resolving saw to that.
  const found =
    unversioned.length === 0 ? [] : await artifactRecords.findReadableArtifacts(tx, { project: '', isAdmin: true }, unversioned);
  const slots = new Map(found.map((artifact) => [artifact.id, artifact.slots]));
  return pins.map(({ slot, alias, range, parameter, pin }) => {
    const { id, type, name, version, digest } = pin;
    const held = slots.get(id);
    return {
      slot,
      alias,
      range,
      parameter,
      resolved: { type, name, version, digest, ...(held === undefined ? {} : { slots: held }) },
    };
  });
}
