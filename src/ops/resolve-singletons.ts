/** Singleton slots: of the families behind them a closure has one version, as far as what is pinned already allows. */
import type { Artifact } from '#core/artifact.ts';
import { formatArtifactRef } from '#core/artifact-ref.ts';
import { compareVersions, parseVersion } from '#core/version.ts';
import type { Sql } from '#metadata/database.ts';
import { artifactRecords, dependencyRecords } from '#metadata/metadata.ts';
import type { TypeVersion } from '#types/type-registry.ts';
import { targetRef } from './check-dependencies.ts';
import type { OpContext } from './context.ts';
import {
  type DependencyProblem,
  type PinnedDependency,
  type Resolution,
  resolveDependencies,
  unresolved,
} from './resolve-dependencies.ts';
import { isSingletonSlot, takesVersion } from './singleton-rule.ts';

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

/** Rounds of bringing the own pins in line: each can change what lies below them. */
const roundsMax = 8;

/**
 * Resolves the dependencies, looks through everything they are pinned to, and takes for a singleton family the version that
 * is pinned below already, where the own range has it too. Versions that are pinned below are frozen: they agree where one
 * of them lies in every range. Any singleton edge into a family binds all edges into it.
 * @throws AppError DEPENDENCY_UNRESOLVED with a problem CONFLICT for each family without such a version, and what
 *   resolveDependencies throws
 */
export async function resolveWithSingletons(
  tx: Sql,
  context: OpContext,
  artifact: Pick<Artifact, 'type' | 'typeVersion' | 'project'>,
  version: TypeVersion,
  dependencies: readonly dependencyRecords.NewDependency[],
): Promise<Resolution> {
  const preferred = new Map<string, string>();
  for (let round = 1; ; round += 1) {
    const resolution = await resolveDependencies(tx, context, artifact, version, dependencies, preferred);
    const groups = await singletonFamilies(tx, context, artifact, resolution.pins);
    const conflicts = groups.filter((edges) => commonVersion(edges) === undefined);
    if (conflicts.length > 0) {
      throw unresolved(
        await Promise.all(conflicts.map((edges) => describeConflict(tx, artifact.project, edges, resolution.pins))),
      );
    }
    const before = preferred.size;
    for (const edges of groups) preferCommon(edges, preferred);
    if (preferred.size === before || round === roundsMax) return resolution;
  }
}

/** The edges into each family that has several versions in the closure although a singleton slot points at it. */
async function singletonFamilies(
  tx: Sql,
  context: OpContext,
  artifact: Pick<Artifact, 'type' | 'typeVersion'>,
  pins: readonly PinnedDependency[],
): Promise<readonly (readonly FamilyEdge[])[]> {
  const below = await dependencyRecords.listClosureEdges(tx, [...new Set(pins.map(({ pin }) => pin.id))]);
  const edges = [
    ...pins.flatMap((dependency) => ownEdge(context, artifact, dependency)),
    ...below.flatMap((edge) => edgeBelow(context, edge)),
  ];
  const groups = [...Map.groupBy(edges, ({ family }) => family).values()];
  return groups.filter(
    (group) => group.some(({ isSingleton }) => isSingleton) && new Set(group.map(({ version }) => version)).size > 1,
  );
}

/** From the next round on the own edges by range prefer what all agree on. An alias is decided once, so that rounds end. */
function preferCommon(edges: readonly FamilyEdge[], preferred: Map<string, string>): void {
  const common = commonVersion(edges);
  if (common === undefined) return;
  for (const { alias, isById, version } of edges) {
    if (alias !== null && !isById && version !== common && !preferred.has(alias)) preferred.set(alias, common);
  }
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

/** A version that lies in the range of every edge: one that is pinned below before others, then the highest. */
function commonVersion(edges: readonly FamilyEdge[]): string | undefined {
  const below = new Set(edges.filter(({ alias }) => alias === null).map(({ version }) => version));
  const versions = [...new Set(edges.map(({ version }) => version))].flatMap((text) => parseVersion(text) ?? []);
  const fitting = versions.filter((version) => edges.every((edge) => takesVersion(edge, version)));
  const [best] = fitting.toSorted((a, b) => Number(below.has(b.text)) - Number(below.has(a.text)) || compareVersions(b, a));
  return best?.text;
}

/** Says which versions only to who may see them: what lies deeper may be another project's secret by now. */
async function describeConflict(
  tx: Sql,
  project: string,
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
      ? `Versions ${versions.join(' and ')} of ${edges[0]?.family} are needed at once, and a singleton slot allows one.`
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
