/**
 * The ways in which a list can come upon a row: own, public, shared with the viewer, community where asked for. Each way is an
 * arm that one index walks in the order of the list; a page merges the arms and takes only as many rows as it needs of each.
 */
import { type ArtifactState, artifactStates, type MemberStatus, type Visibility } from '#core/artifact.ts';
import type { Filter } from '#core/filter.ts';
import { conjunctsOf, someCondition } from '#core/simplify-filter.ts';
import type { FilterScope } from './filter-sql.ts';
import { type FixedColumns, fixedColumns } from './fixed-columns.ts';
import { sqlLiteral } from './sql-values.ts';
import type { Viewer } from './visibility-sql.ts';

export interface ListQuery {
  /** Only artifacts of this type; null: of any. */
  readonly type: string | null;
  readonly filter: Filter | null;
  readonly includeHidden: boolean;
  /** Drafts of the viewer's project too, also where no filter asks for a state; default false. */
  readonly includeDrafts?: boolean | undefined;
  /** Every project's artifacts, where the viewer is an administrator; default false. */
  readonly everyProject?: boolean | undefined;
  /** Which of the artifacts that are shared with the viewer's project, by its answer to the share; default: what it accepted. */
  readonly memberStatuses?: readonly MemberStatus[] | undefined;
}

/** One way to come upon rows: `from` names the artifact `a` (and, for shared ones, the membership `m`). */
export interface Arm {
  readonly from: string;
  readonly where: string;
  /** What the membership `m` has to be; null where there is none. */
  readonly membership: string | null;
  /** All its rows are active or deactivated, and not hidden: what order trees hold. */
  readonly isByDefault: boolean;
}

export interface ListArms {
  readonly arms: readonly Arm[];
  /** All arms as one predicate over `a`, without an order: true for exactly the rows that some arm comes upon. */
  readonly predicate: string;
}

const artifact = 'artifact a';
/** The clause of the partial indexes that lists walk by default; written the same in the migration. */
const listedByDefault = `a.state IN ('active', 'deactivated') AND NOT a.hidden`;
const armsMax = 24;
/** Into how many, by one column, an arm is divided. */
const dividedMax = armsMax / 3;

/** @param isPlanShared whether the statement is planned once for whoever looks; default false: anew for each */
export function listArms(query: ListQuery, viewer: Viewer, scope: FilterScope, isPlanShared = false): ListArms {
  const fixed = fixedColumns(query);
  const widened = namesState(query.filter);
  const hidden = hiddenSql(query);
  const isByDefault = !widened && hidden === notHidden;
  const base = isByDefault
    ? listedByDefault
    : `${widened ? `a.state <> 'deleted'` : `a.state IN ('active', 'deactivated')`}${hidden}`;
  // What is hidden is seldom much, and has walks of its own that no state divides.
  const states = isByDefault || isWalkedHidden(query) ? [null] : statesOf(fixed, widened);
  const scopes = scopesOf(query, viewer, scope, fixed);
  const listed = scopes
    .flatMap((arm) => spread(arm, fixed, states, scope))
    .map((arm) => ({ ...arm, where: `${arm.where} AND ${base}`, isByDefault: isByDefault && arm.membership === null }));
  // Apart from the rest, because the indexes of the rest do without them.
  const drafts = query.includeDrafts === true && !widened ? scopes.filter(({ draftsToo }) => draftsToo) : [];
  const drafted = drafts
    .flatMap((arm) => spread(arm, fixed, ['draft'], scope))
    .map((arm) => ({ ...arm, where: `${arm.where}${hidden}`, isByDefault: false }));
  const arms = [...listed, ...drafted];
  const wheres = arms.map((arm) => predicateOf(arm, isPlanShared));
  return { arms, predicate: wheres.length === 0 ? 'false' : `(${[...new Set(wheres)].join(' OR ')})` };
}

const notHidden = ' AND NOT a.hidden';

/** A clause that the planner can hold against those of partial indexes; '' where hidden ones and others are listed together. */
function hiddenSql({ filter, includeHidden }: ListQuery): string {
  if (conjunctsOf(filter).some(isHidden)) return ' AND a.hidden';
  return includeHidden || mentionsHidden(filter) ? '' : notHidden;
}

/** The condition that leaves nothing but what is hidden. */
export function isHidden(part: Filter): boolean {
  return part.kind === 'field' && part.field === 'hidden' && part.operator === 'eq' && part.value === true;
}

/** True where the arms are walks of what is hidden alone: indexes know that by type, in order of creation. */
export function isWalkedHidden({ type, filter }: ListQuery): boolean {
  return type !== null && !namesState(filter) && conjunctsOf(filter).some(isHidden);
}

/** True where only what is active or deactivated, and not hidden, is come upon: all that most indexes of lists hold. */
export function isListedByDefault({ filter, includeHidden }: ListQuery): boolean {
  return !namesState(filter) && !includeHidden && !mentionsHidden(filter);
}

function namesState(filter: Filter | null): boolean {
  return someCondition(filter, (part) => part.kind === 'field' && part.field === 'state');
}

/** A filter that asks for what is not hidden, and says no more of it, asks for the default. */
function mentionsHidden(filter: Filter | null): boolean {
  return conjunctsOf(filter).some((part) => {
    const isDefault = part.kind === 'field' && part.field === 'hidden' && part.operator === 'eq' && part.value === false;
    return !isDefault && someCondition(part, (inner) => inner.kind === 'field' && inner.field === 'hidden');
  });
}

/**
 * With nothing but the membership in the subquery the planner may read all of the viewer's once, where they are few, instead of
 * asking for each row. A plan for all viewers does not know how few they are: there the row's own columns keep it from that.
 */
function predicateOf({ where, membership }: Found, isPlanShared: boolean): string {
  if (membership === null) return `(${where})`;
  const exists = (more: string): string => `EXISTS (SELECT 1 FROM member m WHERE m.artifact_id = a.id AND ${membership}${more})`;
  return isPlanShared ? `(${exists(` AND ${where}`)})` : `(${where} AND ${exists('')})`;
}

interface ScopeArm extends Omit<Found, 'from'> {
  /** Which further columns its indexes are divided by. */
  readonly byVisibility: boolean;
  readonly draftsToo: boolean;
}

function scopesOf(query: ListQuery, viewer: Viewer, scope: FilterScope, fixed: FixedColumns): readonly ScopeArm[] {
  const { values } = scope;
  if (query.everyProject === true && viewer.isAdmin && fixed.projects === null)
    return [{ where: 'true', membership: null, byVisibility: true, draftsToo: true }];
  const may = (visibility: Visibility): boolean => fixed.visibilities?.includes(visibility) ?? true;
  const ownOnes = ownProjects(viewer, fixed);
  const own = ofProjects(ownOnes, viewer, scope, fixed).map((where) => ({
    where,
    membership: null,
    byVisibility: true,
    draftsToo: true,
  }));
  const others = fixed.projects?.filter((project) => !ownOnes.includes(project));
  // A project's public artifacts have an index of their own; without a project the whole public index is walked.
  const projects = others === undefined ? [''] : ofProjects(others, viewer, scope, fixed).map((where) => ` AND ${where}`);
  const wide = (visibility: 'public' | 'community', project: string): ScopeArm => ({
    where: `a.visibility = '${visibility}'${project}`,
    membership: null,
    byVisibility: false,
    draftsToo: false,
  });
  const community =
    someCondition(query.filter, (part) => part.kind === 'field' && part.field === 'visibility' && namesCommunity(part.value)) &&
    may('community');
  const memberOf = (status: MemberStatus): ScopeArm => ({
    where: `a.visibility = 'shared'${others === undefined ? '' : ` AND a.project = ANY(${values.add(others, 'text[]')})`}`,
    membership: `m.project = ${scope.viewer.project} AND m.status = '${status}'`,
    byVisibility: false,
    draftsToo: false,
  });
  return [
    ...own,
    ...(may('public') ? projects.map((project) => wide('public', project)) : []),
    ...(community ? projects.map((project) => wide('community', project)) : []),
    ...(may('shared') && others?.length !== 0 ? (query.memberStatuses ?? ['accepted']).map(memberOf) : []),
  ];
}

/** One condition for each project, while that stays a handful: each has its part of the indexes. */
function ofProjects(projects: readonly string[], viewer: Viewer, scope: FilterScope, { types }: FixedColumns): readonly string[] {
  const typesOfEach = types === null || types.length > dividedMax ? 1 : types.length;
  const divided = projects.length <= 1 || (projects.length <= dividedMax && projects.length * typesOfEach <= armsMax);
  if (!divided) return [`a.project = ANY(${scope.values.add(projects, 'text[]')})`];
  return projects.map(
    (project) => `a.project = ${project === viewer.project ? scope.viewer.project : scope.values.add(project, 'text')}`,
  );
}

/** Administrators list as everybody does, and everything of the projects that the filter names. */
function ownProjects(viewer: Viewer, { projects }: FixedColumns): readonly string[] {
  if (projects === null) return [viewer.project];
  return viewer.isAdmin ? projects : projects.filter((project) => project === viewer.project);
}

function namesCommunity(value: unknown): boolean {
  return value === 'community' || (Array.isArray(value) && value.includes('community'));
}

/** Multiplies an arm by the values of the columns its indexes are divided by, while that stays a handful. */
function spread(arm: ScopeArm, fixed: FixedColumns, states: readonly (string | null)[], scope: FilterScope): readonly Found[] {
  const allowed = states.filter((state) => arm.draftsToo || (state !== 'draft' && state !== 'pending_delete'));
  const shown = arm.byVisibility ? (fixed.visibilities ?? [null]) : [null];
  const clauses = product([
    allowed.map((state) => (state === null ? '' : ` AND a.state = '${state}'`)),
    shown.map((visibility) => (visibility === null ? '' : ` AND a.visibility = '${visibility}'`)),
  ]);
  const { types } = fixed;
  if (types === null) return clauses.map((clause) => toArm(arm, clause));
  const divided = types.length * clauses.length <= dividedMax;
  // A literal, because the indexes on properties are partial: the planner must see that the type is theirs.
  const ofTypes = divided
    ? types.map((type) => `type = ${sqlLiteral(type)}`)
    : [`type = ANY(${scope.values.add(types, 'text[]')})`];
  return clauses.flatMap((clause) => ofTypes.map((ofType) => toArm(arm, clause, ofType)));
}

type Found = Omit<Arm, 'isByDefault'>;

/** @param ofType on a column that memberships have a copy of, so that a walk of them passes over no other types */
function toArm(arm: ScopeArm, clause: string, ofType?: string): Found {
  const where = `${arm.where}${clause}${ofType === undefined ? '' : ` AND a.${ofType}`}`;
  if (arm.membership === null) return { from: artifact, where, membership: null };
  const membership = `${arm.membership}${ofType === undefined ? '' : ` AND m.${ofType}`}`;
  return { from: `member m JOIN artifact a ON a.id = m.artifact_id AND ${membership}`, where, membership };
}

function product(parts: readonly (readonly string[])[]): readonly string[] {
  return parts.reduce<readonly string[]>((texts, part) => texts.flatMap((text) => part.map((next) => text + next)), ['']);
}

function statesOf({ states }: FixedColumns, widened: boolean): readonly ArtifactState[] {
  const possible = artifactStates.filter((state) => state !== 'deleted');
  if (!widened) return ['active', 'deactivated'];
  return states === null ? possible : possible.filter((state) => states.includes(state));
}
