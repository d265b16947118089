/** From a name and a range to one version: the rule of projects, the highest match, and what to say where there is none. */
import type { ProblemKind } from '#core/closure.ts';
import { parseRange } from '#core/range.ts';
import type { Version } from '#core/version.ts';
import type { Sql } from '#metadata/database.ts';
import { familyRecords, resolutionRecords } from '#metadata/metadata.ts';
import type { OpContext } from './context.ts';

/** Whoever the resolution is for: what they may see decides. */
export interface Viewer {
  readonly project: string;
  readonly isAdmin: boolean;
}

export interface NameRef {
  readonly project: string | null;
  readonly type: string;
  readonly name: string;
}

export const candidatesMax = 20;

/** Why a reference has no answer. */
export interface Unresolved {
  readonly problem: Extract<ProblemKind, 'NOT_FOUND' | 'NO_MATCH' | 'DEACTIVATED' | 'YANKED'>;
  /** Visible versions, newest first. */
  readonly candidates: readonly string[];
}

/**
 * The family a name means: in the named project; without one in the viewer's own, then in the trusted projects in their
 * order. The first that has it decides alone, so that no stranger's higher version is ever taken instead.
 */
export async function findFamily(
  sql: Sql,
  context: Pick<OpContext, 'settings'>,
  viewer: Viewer,
  { project, type, name }: NameRef,
): Promise<resolutionRecords.FamilyTarget | undefined> {
  const projects = project === null ? [...new Set([viewer.project, ...context.settings.trustedProjects])] : [project];
  const family = await familyRecords.findReadableFamily(sql, viewer, projects, type, name);
  return family === undefined ? undefined : { familyId: family.id, isProjectNamed: project !== null };
}

/** The highest version that a range finds: listed for the viewer, active, not yanked. */
export async function resolveRange(
  sql: Sql,
  viewer: Viewer,
  family: resolutionRecords.FamilyTarget,
  range: string,
  exact: Version | null,
): Promise<resolutionRecords.ResolutionRow | Unresolved> {
  const highest = await resolutionRecords.findHighest(sql, viewer, family, parseRange(range));
  if (highest !== undefined) return highest;
  const meant = exact === null ? undefined : await resolutionRecords.findExact(sql, viewer, family, exact.key);
  if (meant !== undefined) return { problem: meant.state === 'active' ? 'YANKED' : 'DEACTIVATED', candidates: [] };
  return { problem: 'NO_MATCH', candidates: await resolutionRecords.listCandidates(sql, viewer, family, candidatesMax) };
}
