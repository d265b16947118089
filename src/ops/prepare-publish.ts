/** What publish checks before it takes a lock: slots filled, properties whole, and every hook of the type content. */
import { AppError, type Fault } from '#base/app-error.ts';
import type { JsonObject } from '#base/json.ts';
import type { Artifact } from '#core/artifact.ts';
import type { Sql } from '#metadata/database.ts';
import { dependencyRecords, type readinessRecords } from '#metadata/metadata.ts';
import type { HookArtifact } from '#sdk/sdk.ts';
import { assertDependencyCounts } from './check-dependencies.ts';
import { assertProperties, propertyFaults, propertyPointer } from './check-properties.ts';
import type { OpContext } from './context.ts';
import { assertNoFaults, hookArtifact } from './hook-artifact.ts';
import { type LoadedType, loadedType } from './load-artifact.ts';
import { assertPathsApart } from './slot-place.ts';

/** A snapshot that passed, to be published as it is: its revision is compared again under the lock. */
export interface PreparedPublish {
  readonly artifact: Artifact;
  readonly loaded: LoadedType;
  readonly dependencies: readonly dependencyRecords.DependencyRow[];
  /** With what the type's hooks derived. */
  readonly properties: JsonObject;
}

/**
 * Runs without a transaction, where none is given: a hook may take seconds, and no connection waits for it.
 * @param incoming where bytes lie that are attached in the transaction which publishes them; the artifact's slots name them already
 * @throws AppError TYPE_UNLOADED, SLOT_MISSING, PATH_TAKEN, DEPENDENCY_INVALID, PROPERTIES_INVALID, BLOB_REFUSED, TYPE_HOOK_FAILED
 */
export async function preparePublish(
  context: OpContext,
  artifact: Artifact,
  incoming: readonly readinessRecords.BlobPlace[] = [],
  sql: Sql = context.db,
): Promise<PreparedPublish> {
  const loaded = loadedType(context, artifact);
  assertSlotsFilled(loaded, artifact);
  // What is published keeps its paths, so only a draft is held to it.
  if (artifact.state === 'draft') assertPathsApart(artifact.slots);
  const dependencies = await dependencyRecords.listDependencies(sql, artifact.id);
  assertDependencyCounts(loaded.version, dependencies);
  const written = callerWritten(loaded, artifact.properties);
  assertWritten(loaded, written);
  const seen = await hookArtifact(context, { ...artifact, properties: written }, dependencies, incoming, sql);
  await inspect(context, loaded, artifact.id, seen);
  const properties = await derive(context, loaded, seen);
  assertProperties(context, loaded.version, properties, { partial: false });
  if (loaded.type.hooks.has.has('beforePublish')) {
    assertNoFaults(await loaded.type.hooks.beforePublish({ ...seen, properties }, context.signal));
  }
  return { artifact, loaded, dependencies, properties };
}

function assertSlotsFilled({ version }: LoadedType, artifact: Artifact): void {
  const faults = Object.entries(version.rule.slots)
    .filter(([slot, rule]) => rule.required && !artifact.slots.some((entry) => entry.slot === slot))
    .map(([slot]) => ({ pointer: `/slots/${slot}`, message: 'is required, and has no blob' }));
  if (faults.length > 0) throw new AppError('SLOT_MISSING', undefined, { faults });
}

/** Without what hooks wrote at an earlier publish: it is derived anew. */
function callerWritten({ version }: LoadedType, properties: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(properties).filter(([name]) => !version.isSystemWritten(name)));
}

/** What callers wrote must be whole; what hooks will write cannot be there yet. */
function assertWritten({ version }: LoadedType, written: JsonObject): void {
  const faults = propertyFaults(version, written, false).filter((fault) => !isSystemWritten(version, fault));
  if (faults.length > 0) throw new AppError('PROPERTIES_INVALID', undefined, { faults });
}

function isSystemWritten(version: LoadedType['version'], { pointer }: Fault): boolean {
  const name = pointer.split('/')[2]?.replaceAll('~1', '/').replaceAll('~0', '~');
  return name !== undefined && version.isSystemWritten(name);
}

async function inspect(context: OpContext, { type }: LoadedType, artifactId: string, seen: HookArtifact): Promise<void> {
  if (type.hooks.has.has('validate')) assertNoFaults(await type.hooks.validate(seen, context.signal));
  if (!type.hooks.has.has('inspectBlob')) return;
  const faults = await type.hooks.inspectBlobs(seen, context.signal);
  const refused = faults.filter((fault) => !isTolerated(context, fault));
  if (refused.length > 0) throw new AppError('BLOB_REFUSED', undefined, { faults: refused });
  if (faults.length > 0) {
    context.log.warn({ artifactId, faults }, 'bytes that are not what they are declared as were taken, as configured');
  }
}

/** What an operator wants to hear of, and not to refuse. */
function isTolerated({ settings }: OpContext, { reason }: Fault): boolean {
  return reason === 'format-mismatch' && settings.image.formatMatch === 'log';
}

/** The properties with what the type derives. A hook that writes what it may not, or badly, is the type's fault. */
async function derive(context: OpContext, { type, version }: LoadedType, seen: HookArtifact): Promise<JsonObject> {
  const derived = type.hooks.has.has('derive') ? await type.hooks.derive(seen, context.signal) : {};
  const foreign = Object.keys(derived).filter((name) => !version.isSystemWritten(name));
  const properties = { ...seen.properties, ...derived };
  const faults = [
    ...foreign.map((name) => ({ pointer: propertyPointer(name), message: 'is not system-written, so derive may not set it' })),
    ...propertyFaults(version, properties, false).filter((fault) => isSystemWritten(version, fault)),
  ];
  if (faults.length > 0) {
    throw new AppError('TYPE_HOOK_FAILED', `The hook derive of the type ${type.manifest.type} gave invalid properties.`, {
      faults,
    });
  }
  return properties;
}
