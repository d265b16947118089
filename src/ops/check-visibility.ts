/** Who may make an artifact visible to whom, and that nobody sees it who may not see what it needs. */
import { AppError } from '#base/app-error.ts';
import type { Visibility } from '#core/artifact.ts';
import { audienceContains } from '#core/audience.ts';
import type { Sql } from '#metadata/database.ts';
import { artifactRecords, memberRecords } from '#metadata/metadata.ts';
import type { Resource } from '#policy/policy.ts';
import type { OpContext } from './context.ts';
import { inputFault } from './name-artifact.ts';

const descriptionLengthMax = 10_000;

/** Public and community are asked for apart: they reach beyond the project. @throws AppError FORBIDDEN */
export function authoriseVisibility(context: OpContext, artifact: Resource, visibility: Visibility): void {
  if (visibility === 'public') context.policy.authorise(context.caller, 'artifact:publicize', { ...artifact, visibility });
  if (visibility === 'community') context.policy.authorise(context.caller, 'artifact:communitize', { ...artifact, visibility });
}

export interface Shown {
  readonly id: string;
  readonly project: string;
  readonly visibility: Visibility;
}

/**
 * Everyone who may read `artifact` may read each of what it is pinned to. All of them must be locked by this transaction.
 * Tombstones are left out: who deletes a dependency does not thereby forbid its dependents to be shown.
 * @param adding a project that is about to become a member of the artifact
 * @throws AppError AUDIENCE_TOO_WIDE, naming what the caller may see
 */
export async function assertAudience(
  tx: Sql,
  context: OpContext,
  artifact: Shown,
  pinned: readonly artifactRecords.LockedArtifact[],
  adding: readonly string[] = [],
): Promise<void> {
  const dependencies = pinned.filter(({ state }) => state !== 'deleted');
  if (dependencies.length === 0) return;
  const members = await membersOf(tx, [artifact, ...dependencies]);
  const audience = (shown: Shown, more: readonly string[] = []) => ({
    project: shown.project,
    visibility: shown.visibility,
    members: [...(members.get(shown.id) ?? []), ...more],
  });
  const inner = audience(artifact, adding);
  const narrow = dependencies.filter((dependency) => !audienceContains(audience(dependency), inner));
  if (narrow.length === 0) return;
  const ids = narrow.map(({ id }) => id);
  const named = await artifactRecords.findReadableArtifacts(tx, context.caller, ids);
  throw new AppError('AUDIENCE_TOO_WIDE', undefined, {
    details: {
      dependencies: named
        .map(({ id, project, type, name, version, visibility }) => ({ id, project, type, name, version, visibility }))
        .sort((a, b) => (a.id < b.id ? -1 : 1)),
      unnamedCount: narrow.length - named.length,
    },
  });
}

/** Whether somebody could read the artifact when it is shown so who cannot now. Narrowing is nobody's to refuse. */
export async function isWidened(tx: Sql, artifact: Shown, shown: Pick<Shown, 'project' | 'visibility'>): Promise<boolean> {
  const listed = await memberRecords.listMembers(tx, [artifact.id]);
  const members = listed.map(({ project }) => project);
  return !audienceContains({ ...artifact, members }, { ...shown, members });
}

/** @throws AppError INPUT_INVALID */
export function checkDescription(description: string | undefined): string | undefined {
  if (description === undefined) return undefined;
  if (description.length > descriptionLengthMax)
    throw inputFault('/description', `is longer than ${descriptionLengthMax} characters`);
  if (description.includes('\u0000') || !description.isWellFormed()) throw inputFault('/description', 'is not plain text');
  return description;
}

/** Members by artifact; asked for only where sharing makes them count. */
async function membersOf(tx: Sql, shown: readonly Shown[]): Promise<ReadonlyMap<string, readonly string[]>> {
  const shared = shown.filter(({ visibility }) => visibility === 'shared').map(({ id }) => id);
  if (shared.length === 0) return new Map();
  const members = await memberRecords.listMembers(tx, shared);
  const byArtifact = Map.groupBy(members, ({ artifactId }) => artifactId);
  return new Map([...byArtifact].map(([id, list]) => [id, list.map(({ project }) => project)]));
}
