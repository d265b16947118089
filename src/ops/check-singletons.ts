/** Singleton slots: of the families behind them a closure has one version, or versions that one would do for. */
import type { Artifact } from '#core/artifact.ts';
import { formatArtifactRef } from '#core/artifact-ref.ts';
import { parseRange, satisfies } from '#core/range.ts';
import { parseVersion } from '#core/version.ts';
import type { Sql } from '#metadata/database.ts';
import { artifactRecords, dependencyRecords } from '#metadata/metadata.ts';
import { targetRef } from './check-dependencies.ts';
import type { OpContext } from './context.ts';
import { type DependencyProblem, type PinnedDependency, unresolved } from './resolve-dependencies.ts';

/** An edge of the closure into a family, from the artifact itself or from something below it. */
interface FamilyEdge {
  readonly isSingleton: boolean;
  readonly range: string;
  readonly isById: boolean;
  readonly toId: string;
  readonly family: string;
  readonly version: string;
  /** Of the artifact's own dependencies; null below. */
  readonly alias: string | null;
}

/**
 * Looks through the pins and through everything they are pinned to. Versions of one family agree where one of them lies in
 * every range; any singleton edge into a family demands that of all edges into it.
 * @throws AppError DEPENDENCY_UNRESOLVED with a problem CONFLICT for each family that has none
 */
export async function assertSingletons(
  tx: Sql,
  context: OpContext,
  artifact: Pick<Artifact, 'type' | 'typeVersion' | 'project'>,
  pins: readonly PinnedDependency[],
): Promise<void> {
  if (pins.length === 0) return;
  const below = await dependencyRecords.listClosureEdges(tx, [...new Set(pins.map(({ pin }) => pin.id))]);
  const edges = [
    ...pins.flatMap((dependency) => ownEdge(context, artifact, dependency)),
    ...below.flatMap((edge) => edgeBelow(context, edge)),
  ];
  const problems: DependencyProblem[] = [];
  for (const [family, group] of Map.groupBy(edges, (edge) => edge.family)) {
    if (!group.some(({ isSingleton }) => isSingleton) || haveCommonVersion(group)) continue;
    problems.push(await describeConflict(tx, artifact.project, family, group, pins));
  }
  if (problems.length > 0) throw unresolved(problems);
}

function ownEdge(
  context: OpContext,
  consumer: Pick<Artifact, 'type' | 'typeVersion'>,
  { slot, range, targetId, pin, alias }: PinnedDependency,
): readonly FamilyEdge[] {
  if (pin.name === null || pin.version === null) return [];
  const isSingleton = isSingletonSlot(context, consumer.type, consumer.typeVersion, slot);
  const family = familyKey(pin.project, pin.type, pin.name);
  return [{ isSingleton, range, isById: targetId !== null, toId: pin.id, family, version: pin.version, alias }];
}

function edgeBelow(context: OpContext, edge: dependencyRecords.PinnedEdge): readonly FamilyEdge[] {
  if (edge.to_name === null || edge.to_version === null) return [];
  return [
    {
      isSingleton: isSingletonSlot(context, edge.from_type, edge.from_type_version, edge.slot),
      range: edge.range,
      isById: edge.target_id !== null,
      toId: edge.to_id,
      family: familyKey(edge.to_project, edge.to_type, edge.to_name),
      version: edge.to_version,
      alias: null,
    },
  ];
}

function isSingletonSlot(context: OpContext, type: string, typeVersion: string, slot: string): boolean {
  return context.types.types.get(type)?.versions.get(typeVersion)?.rule.dependencies[slot]?.singleton ?? false;
}

function haveCommonVersion(edges: readonly FamilyEdge[]): boolean {
  return [...new Set(edges.map(({ version }) => version))].some((text) => {
    const version = parseVersion(text);
    return (
      version !== undefined &&
      edges.every((edge) => edge.version === text || (!edge.isById && satisfies(version, parseRange(edge.range))))
    );
  });
}

/** Says which versions only to who may see them: what lies deeper may be another project's secret by now. */
async function describeConflict(
  tx: Sql,
  project: string,
  family: string,
  edges: readonly FamilyEdge[],
  pins: readonly PinnedDependency[],
): Promise<DependencyProblem> {
  const own = edges.find(({ alias }) => alias !== null);
  const dependency = pins.find(({ alias }) => alias === own?.alias) ?? pins[0];
  const ids = [...new Set(edges.map(({ toId }) => toId))];
  const seen = await artifactRecords.findReadableArtifacts(tx, { project, isAdmin: false }, ids);
  const versions = seen.flatMap(({ version }) => version ?? []).sort();
  const message =
    seen.length === ids.length
      ? `Versions ${versions.join(' and ')} of ${family} are needed at once, and a singleton slot allows one.`
      : 'Several versions of one artifact are needed at once, and a singleton slot allows one.';
  return {
    kind: 'CONFLICT',
    alias: dependency?.alias ?? '',
    slot: dependency?.slot ?? '',
    ref: dependency === undefined ? '' : formatArtifactRef(targetRef(dependency)),
    message,
    candidates: seen.length === ids.length ? versions : [],
  };
}

function familyKey(project: string, type: string, name: string): string {
  return `${project}/${type}/${name}`;
}
