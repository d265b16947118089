/** What an update would make of an artifact: the whole next content, or every reason why its state does not allow it. */
import { AppError, type Fault } from '#base/app-error.ts';
import type { JsonObject } from '#base/json.ts';
import type { Artifact, DependencyInput, Visibility } from '#core/artifact.ts';
import { canonicalJson } from '#core/canonical-json.ts';
import { assertProject, assertTags } from '#core/names.ts';
import { assertVersion } from '#core/version.ts';
import type { artifactRecords, dependencyRecords } from '#metadata/metadata.ts';
import type { TypeVersion } from '#types/type-registry.ts';
import { readDependencies } from './check-dependencies.ts';
import { assertCallerProperties, assertProperties, mergeProperties, propertyPointer } from './check-properties.ts';
import type { OpContext } from './context.ts';
import { type ArtifactName, readName } from './name-artifact.ts';

export interface UpdateArtifactInput {
  readonly id: string;
  /** Only of this type: others are not found. */
  readonly type?: string | undefined;
  readonly expectedRevision?: number | undefined;
  /** Until it is published under a version; null takes the name away. */
  readonly name?: string | null | undefined;
  /** Of a draft, or the one that freezes an unversioned artifact. */
  readonly version?: string | null | undefined;
  /** Where the artifact is to belong; what is published under a version stays where it is. */
  readonly project?: string | undefined;
  readonly visibility?: Visibility | undefined;
  readonly hidden?: boolean | undefined;
  readonly protected?: boolean | undefined;
  /** Merged: null removes a property. */
  readonly properties?: JsonObject | undefined;
  /** In place of all that callers wrote, a null the same as leaving out; before `properties` is merged. */
  readonly replaceProperties?: JsonObject | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly addTags?: readonly string[] | undefined;
  readonly removeTags?: readonly string[] | undefined;
  /** In place of all; of a draft only. */
  readonly dependencies?: readonly DependencyInput[] | undefined;
}

export interface UpdatePlan {
  readonly named: ArtifactName;
  readonly content: Omit<artifactRecords.ArtifactContent, 'familyId' | 'name' | 'version'>;
  /** Undefined: they stay, as nothing was said of them or just what they are. */
  readonly dependencies: readonly dependencyRecords.NewDependency[] | undefined;
  /** An active, unversioned artifact is given its version: from now on it is frozen. */
  readonly isFreeze: boolean;
  /** Names of what differs, for the audit trail; empty when nothing does. */
  readonly changed: readonly string[];
}

/**
 * @param current the dependencies as they are, where the input has any
 * @throws AppError NAME_INVALID, VERSION_INVALID, TAG_INVALID, PROPERTIES_INVALID, PROPERTY_IMMUTABLE,
 *   PROPERTY_SYSTEM_WRITTEN, DEPENDENCY_INVALID, STATE_CONFLICT, LIMIT_EXCEEDED, INPUT_INVALID
 */
export function planUpdate(
  context: OpContext,
  version: TypeVersion,
  artifact: Artifact,
  current: readonly dependencyRecords.NewDependency[],
  input: UpdateArtifactInput,
): UpdatePlan {
  const isDraft = artifact.state === 'draft';
  const isFrozen = !isDraft && artifact.version !== null;
  const named = planName(artifact, input, isFrozen);
  const project = planProject(artifact, input, isFrozen);
  const properties = planProperties(version, artifact, input);
  // First what bounds them: what is nested without end can neither be compared nor written out.
  assertProperties(context, version, properties, { partial: true });
  if (isFrozen) assertOnlyMutable(version, artifact.properties, properties);
  if (!isDraft) assertProperties(context, version, properties, { partial: false });
  if (input.dependencies !== undefined && !isDraft) {
    throw new AppError('STATE_CONFLICT', 'A published artifact keeps its dependencies.', { details: { state: artifact.state } });
  }
  const content = {
    project,
    visibility: input.visibility ?? artifact.visibility,
    hidden: input.hidden ?? artifact.hidden,
    protected: input.protected ?? artifact.protected,
    properties,
    tags: planTags(context, artifact, input),
  };
  const given = input.dependencies === undefined ? undefined : readDependencies(context, version, input.dependencies);
  const dependencies = given !== undefined && isSame(given.map(written), current.map(written)) ? undefined : given;
  return {
    named,
    content,
    dependencies,
    isFreeze: !isDraft && artifact.version === null && named.version !== null,
    changed: changedParts(artifact, { ...content, name: named.name, version: named.version?.text ?? null }, dependencies),
  };
}

function planName(artifact: Artifact, input: UpdateArtifactInput, isFrozen: boolean): ArtifactName {
  const name = input.name === undefined ? artifact.name : input.name;
  const version = input.version === undefined ? artifact.version : input.version;
  if (name === artifact.name && version === artifact.version) {
    return { name, version: version === null ? null : assertVersion(version) };
  }
  if (isFrozen) {
    throw new AppError('STATE_CONFLICT', 'A published version keeps its name and version.', {
      details: { state: artifact.state },
    });
  }
  return readName(name, version);
}

function planProject(artifact: Artifact, input: UpdateArtifactInput, isFrozen: boolean): string {
  if (input.project === undefined || input.project === artifact.project) return artifact.project;
  if (isFrozen) {
    const { state } = artifact;
    throw new AppError('STATE_CONFLICT', 'A published version stays in its project.', { details: { state } });
  }
  return assertProject(input.project);
}

function planProperties(version: TypeVersion, artifact: Artifact, input: UpdateArtifactInput): JsonObject {
  if (input.replaceProperties !== undefined) assertCallerProperties(version, input.replaceProperties);
  if (input.properties !== undefined) assertCallerProperties(version, input.properties);
  const derived = Object.entries(artifact.properties).filter(([name]) => version.isSystemWritten(name));
  const base =
    input.replaceProperties === undefined
      ? artifact.properties
      : mergeProperties(Object.fromEntries(derived), input.replaceProperties);
  return mergeProperties(base, input.properties ?? {});
}

/** Compared in canonical form: the database keeps members in an order of its own. */
function assertOnlyMutable(version: TypeVersion, current: JsonObject, next: JsonObject): void {
  const names = [...new Set([...Object.keys(current), ...Object.keys(next)])];
  const faults: readonly Fault[] = names
    .filter((name) => !version.isMutable(name) && !isSame(current[name], next[name]))
    .map((name) => ({ pointer: propertyPointer(name), message: 'cannot change after publish' }));
  if (faults.length > 0) throw new AppError('PROPERTY_IMMUTABLE', undefined, { faults });
}

function planTags(context: OpContext, artifact: Artifact, input: UpdateArtifactInput): readonly string[] {
  const { tags, addTags, removeTags } = input;
  if (tags === undefined && addTags === undefined && removeTags === undefined) return artifact.tags;
  const removed = new Set(removeTags);
  const next = [...(tags ?? artifact.tags), ...(addTags ?? [])].filter((tag) => !removed.has(tag));
  // Who had more before the limit was lowered may take some away.
  return assertTags(next, Math.max(context.settings.maxTags, artifact.tags.length));
}

type Comparable = Pick<Artifact, 'project' | 'name' | 'version' | 'visibility' | 'hidden' | 'protected' | 'properties' | 'tags'>;

function changedParts(current: Comparable, next: Comparable, dependencies: unknown): readonly string[] {
  const parts = ['project', 'name', 'version', 'visibility', 'hidden', 'protected', 'properties', 'tags'] as const;
  const changed: string[] = parts.filter((part) => !isSame(current[part], next[part]));
  return dependencies === undefined ? changed : [...changed, 'dependencies'];
}

/** A dependency as it was written, whatever else its row has. */
function written(dependency: dependencyRecords.NewDependency): readonly (string | null)[] {
  const { slot, alias, targetProject, targetType, targetName, targetId, range, parameter } = dependency;
  return [slot, alias, targetProject, targetType, targetName, targetId, range, parameter];
}

function isSame(a: Parameters<typeof canonicalJson>[0] | undefined, b: Parameters<typeof canonicalJson>[0] | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return canonicalJson(a) === canonicalJson(b);
}
