/** What publish pins: each dependency to one artifact, locked so that it stays what it is until the transaction ends. */
import { AppError } from '#base/app-error.ts';
import type { JsonObject } from '#base/json.ts';
import type { ResolvedPin } from '#core/artifact.ts';
import { formatArtifactRef } from '#core/artifact-ref.ts';
import type { ProblemKind } from '#core/closure.ts';
import type { Sql } from '#metadata/database.ts';
import { artifactRecords, type dependencyRecords, resolutionRecords } from '#metadata/metadata.ts';
import type { TypeVersion } from '#types/type-registry.ts';
import { targetRef } from './check-dependencies.ts';
import type { OpContext } from './context.ts';
import { findFamily, resolveRange, type Unresolved, type Viewer } from './resolve-name.ts';

export interface PinnedDependency extends dependencyRecords.NewDependency {
  readonly pin: ResolvedPin;
}

/** One dependency without an answer, as `details.problems` of DEPENDENCY_UNRESOLVED carries it. */
export interface DependencyProblem {
  readonly kind: ProblemKind;
  readonly alias: string;
  readonly slot: string;
  readonly ref: string;
  readonly message: string;
  readonly candidates: readonly string[];
}

export interface Resolution {
  readonly pins: readonly PinnedDependency[];
  readonly locked: readonly artifactRecords.LockedArtifact[];
}

/** Rounds of resolve, lock, resolve again. Each further one means that somebody changed just what was chosen. */
const roundsMax = 10;

/**
 * Resolves for the consumer's project, not for the caller: an administrator who publishes gives nobody a pin they may not see.
 * @param preferred by alias: a version within its range that is taken before higher ones, if a range finds it at all
 * @throws AppError DEPENDENCY_UNRESOLVED with every problem, DEPENDENCY_INVALID for an id of a type the slot does not take
 */
export async function resolveDependencies(
  tx: Sql,
  context: OpContext,
  consumer: { readonly project: string },
  version: TypeVersion,
  dependencies: readonly dependencyRecords.NewDependency[],
  preferred: ReadonlyMap<string, string>,
): Promise<Resolution> {
  if (dependencies.length === 0) return { pins: [], locked: [] };
  const viewer: Viewer = { project: consumer.project, isAdmin: false };
  const locked = new Map<string, artifactRecords.LockedArtifact>();
  for (let round = 0; round < roundsMax; round += 1) {
    const pins = await resolveEach(tx, context, viewer, version, dependencies, preferred);
    // Chosen by a statement that began after the lock: nothing that mattered to the choice can change any more.
    if (pins.every(({ pin }) => locked.has(pin.id))) return { pins, locked: pickLocked(locked, pins) };
    const fresh = [...new Set(pins.map(({ pin }) => pin.id))].filter((id) => !locked.has(id));
    for (const row of await artifactRecords.lockArtifactsShared(tx, fresh)) locked.set(row.id, row);
  }
  throw new AppError('DEPENDENCY_UNRESOLVED', 'The dependencies changed faster than they could be resolved.');
}

async function resolveEach(
  tx: Sql,
  context: OpContext,
  viewer: Viewer,
  version: TypeVersion,
  dependencies: readonly dependencyRecords.NewDependency[],
  preferred: ReadonlyMap<string, string>,
): Promise<readonly PinnedDependency[]> {
  const problems: DependencyProblem[] = [];
  const pins: PinnedDependency[] = [];
  for (const dependency of dependencies) {
    const found = await resolveOne(tx, context, viewer, dependency, preferred.get(dependency.alias));
    if ('problem' in found) problems.push(toProblem(dependency, found));
    else pins.push({ ...dependency, pin: toPin(found) });
  }
  if (problems.length > 0) throw unresolved(problems);
  assertTargets(version, pins);
  return pins;
}

async function resolveOne(
  tx: Sql,
  context: OpContext,
  viewer: Viewer,
  dependency: dependencyRecords.NewDependency,
  preferred: string | undefined,
): Promise<resolutionRecords.ResolutionRow | Unresolved> {
  const ref = targetRef(dependency);
  if (ref.kind === 'range') {
    const family = await findFamily(tx, context, viewer, ref);
    if (family === undefined) return missing;
    const agreed = preferred === undefined ? undefined : await resolveRange(tx, viewer, family, preferred, null);
    // What was pinned elsewhere may be yanked by now, or not be listed here: then the highest match stays.
    return agreed === undefined || 'problem' in agreed ? resolveRange(tx, viewer, family, ref.range, ref.exact) : agreed;
  }
  const found = await resolutionRecords.findById(tx, viewer, ref.id);
  if (found === undefined) return missing;
  if (found.state !== 'active') return { problem: 'DEACTIVATED', candidates: [] };
  return found.yanked ? { problem: 'YANKED', candidates: [] } : found;
}

const missing: Unresolved = { problem: 'NOT_FOUND', candidates: [] };

/** @throws AppError DEPENDENCY_UNRESOLVED */
export function unresolved(problems: readonly DependencyProblem[]): AppError {
  return new AppError('DEPENDENCY_UNRESOLVED', problems.map(({ message }) => message).join(' '), {
    details: { problems: problems.map((problem): JsonObject => ({ ...problem })) },
  });
}

const problemWords: Readonly<Record<Unresolved['problem'], string>> = {
  NOT_FOUND: 'is not there',
  NO_MATCH: 'has no version in the range',
  DEACTIVATED: 'is deactivated',
  YANKED: 'was yanked',
};

function toProblem(dependency: dependencyRecords.NewDependency, { problem, candidates }: Unresolved): DependencyProblem {
  const { alias, slot } = dependency;
  const ref = formatArtifactRef(targetRef(dependency));
  return { kind: problem, alias, slot, ref, candidates, message: `${ref} (${alias}) ${problemWords[problem]}.` };
}

function toPin(row: resolutionRecords.ResolutionRow): ResolvedPin {
  const { id, project, type, name, version } = row;
  return { id, project, type, name, version, digest: row.digest_value === null ? null : `sha256:${row.digest_value}` };
}

/** A family's type was checked when it was written; what an id points at is known only now. */
function assertTargets(version: TypeVersion, pins: readonly PinnedDependency[]): void {
  const faults = pins.flatMap(({ slot, alias, pin, targetId }) => {
    const targets = version.rule.dependencies[slot]?.targets ?? [];
    if (targetId === null || targets.includes(pin.type)) return [];
    return [{ pointer: '/dependencies', message: `${alias} must point at ${targets.join(' or ')}, not ${pin.type}` }];
  });
  if (faults.length > 0) throw new AppError('DEPENDENCY_INVALID', undefined, { faults });
}

function pickLocked(
  locked: ReadonlyMap<string, artifactRecords.LockedArtifact>,
  pins: readonly PinnedDependency[],
): readonly artifactRecords.LockedArtifact[] {
  const ids = new Set(pins.map(({ pin }) => pin.id));
  return [...locked.values()].filter(({ id }) => ids.has(id));
}
