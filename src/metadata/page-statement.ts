/**
 * The one statement of a page. Either it walks the arms of the list in order, merged, and stops at the page's end, through a tree
 * that passes over what does not match where there is one; or, where one condition has few matches and an index knows them, it
 * collects those and sorts. Which of the two is decided inside the statement, by trying to find one match more than "few". The
 * rows themselves are fetched last, for the page only.
 */
import type { Filter, Order } from '#core/filter.ts';
import { conjunctsOf } from '#core/simplify-filter.ts';
import { artifactColumns } from './artifact-row.ts';
import { compareTime } from './compare-sql.ts';
import type { Statement } from './database.ts';
import { type FilterScope, filterSql, listFilterSql } from './filter-sql.ts';
import { fixedColumns } from './fixed-columns.ts';
import { type Arm, type ListQuery, listArms } from './list-arms.ts';
import { type OrderKey, orderBoundSql, orderKey } from './order-sql.ts';
import { type Approach, beginningSql, type Candidates, candidates, direction, gateSql } from './page-candidates.ts';
import { shortApproach } from './short-approach.ts';
import { createSqlValues } from './sql-values.ts';
import type { Viewer } from './visibility-sql.ts';

export interface PagePosition {
  readonly limit: number;
  readonly direction: 'forward' | 'backward';
  /** Sort value and id of the row the page begins after (before, going backward). */
  readonly cursor: readonly [string, string] | null;
}

export interface PageStatement {
  readonly statement: Statement;
  readonly values: readonly unknown[];
}

/** What is read of each row of a page. */
export interface PageReading {
  /** Distinguishes statements in their names. */
  readonly label: string;
  /** What `found` is joined with, given its columns of the id, and of the time of creation where it has that. */
  readonly join: (id: string, createdAt: string | null) => string;
  /** Over the join, given the column of the id. */
  readonly columns: (id: string) => string;
  /** Whether it is asked, with a cursor, what lies before the page. */
  readonly asksBefore: boolean;
  /** Whether its statements are planned once for whoever looks. */
  readonly isPlanShared: boolean;
}

const wholeArtifact: PageReading = {
  label: '',
  join: (id) => `JOIN artifact a ON a.id = ${id}`,
  columns: () => artifactColumns('a'),
  asksBefore: true,
  isPlanShared: false,
};

/**
 * Where the values of one statement are collected, the viewer's among them. An administrator is one only to lists that reach every
 * version of a project: elsewhere a private version, which is not listed, would keep the latest of those that are from being it.
 */
export function listScope(viewer: Viewer, query: Pick<ListQuery, 'type' | 'filter' | 'everyProject'>): FilterScope {
  const values = createSqlValues();
  const isWhole = query.everyProject === true || fixedColumns(query).projects !== null;
  const isAdmin = viewer.isAdmin && isWhole;
  return { values, viewer: { project: values.add(viewer.project, 'text'), isAdmin: values.add(isAdmin, 'boolean') } };
}

/** Gives at most `limit + 1` rows: those of the page in the direction asked for, and one that tells whether more follow. */
export function pageStatement(
  query: ListQuery & { readonly order: Order },
  viewer: Viewer,
  position: PagePosition,
  chosen: Approach | null,
  scope: FilterScope = listScope(viewer, query),
  reading: PageReading = wholeArtifact,
): PageStatement {
  const { values } = scope;
  const { arms, predicate } = listArms(query, viewer, scope, reading.isPlanShared);
  const key = orderKey(query.order);
  const conjuncts = conjunctsOf(query.filter);
  const filter = listFilterSql(conjuncts, arms, scope);
  const filterBesideLatest = filterSql({ kind: 'and', of: conjuncts.filter(({ kind }) => kind !== 'latest') }, scope);
  const ascending = (query.order.direction === 'asc') === (position.direction === 'forward');
  const { cursor } = position;
  const from = cursor === null ? null : { k: values.add(cursor[0], key.cast), id: values.add(cursor[1], 'uuid') };
  const bounds = conjuncts.map((part) => orderBoundSql(part, query.order, values)).filter((bound) => bound !== undefined);
  const walked = bounds.map((bound) => ` AND ${bound}`).join('');
  const approach = shortApproach(chosen, { arms, predicate, filter, walked });
  const parts = {
    walked,
    arms: withMemberTimes(arms, query.filter, scope),
    predicate,
    filter,
    filterBesideLatest,
    type: query.type,
    key,
    approach,
    scope,
  };
  const take = position.limit + 1;
  const forward: Candidates = {
    ...parts,
    ascending,
    bound: from === null ? null : { ...from, inclusive: false },
    take,
    hasBeginning: approach?.beginning === true && approach.trees.length > 0 && arms.length > 0,
  };
  const onward = candidates(forward);
  const backward =
    from === null || !reading.asksBefore
      ? 'false'
      : `EXISTS (${candidates({ ...parts, ascending: !ascending, bound: { ...from, inclusive: true }, take: 1, hasBeginning: false })})`;
  const order = direction(ascending);
  // A row may be come upon twice (own and public), never three times, and that by each walk: so many times the rows hold the page.
  const most = 2 * Math.max(1, approach?.trees.length ?? 0) * take;
  // With a cursor one row comes back even where the page is empty: what lies on the other side is asked all the same.
  const rows =
    from === null || !reading.asksBefore
      ? 'SELECT false AS has_before) AS other JOIN'
      : `SELECT ${backward} AS has_before) AS other LEFT JOIN`;
  const text = `WITH ${gateSql(approach, query.type, scope)}${beginningSql(forward)}found AS MATERIALIZED (
  SELECT DISTINCT k, id FROM (${onward} ORDER BY k ${order}, id ${order} LIMIT ${most}) AS u
  ORDER BY k ${order}, id ${order} LIMIT ${take})
SELECT ${reading.columns('found.id')}, found.k::text AS cursor_key, other.has_before
FROM (${rows} (found ${reading.join('found.id', query.order.key === 'createdAt' ? 'found.k' : null)}) ON true ORDER BY found.k ${order}, found.id ${order}`;
  const finished = values.finish(text);
  return { statement: named(query, key, position, reading, finished.text), values: finished.values };
}

/** Lists without a filter have few texts, so their plans are kept by the connection. With what is hidden no index has their order. */
function named(query: ListQuery, key: OrderKey, { limit, cursor }: PagePosition, reading: PageReading, text: string): Statement {
  const isFixed = query.filter === null && !query.includeHidden && !key.label.startsWith('property') && keptLimits.has(limit);
  if (!isFixed) return { text };
  const orderText = /ORDER BY k (\w+)/.exec(text)?.[1] ?? '';
  const shape = [
    query.type ?? '*',
    key.label,
    orderText,
    limit,
    cursor === null ? 'start' : 'on',
    query.includeDrafts === true ? 'drafts' : '',
    query.everyProject === true ? 'every' : '',
    query.memberStatuses?.join() ?? '',
    reading.label,
  ];
  const name = `list ${shape.join(' ')}`;
  // PostgreSQL cuts longer names, and two that are cut alike would be taken for one statement.
  if (name.length > 63 || (keptNames.size >= keptNamesMax && !keptNames.has(name))) return { text };
  keptNames.add(name);
  return { name, text };
}

/** Each connection keeps the plans of all: of lists that nobody asks for twice there are thousands. */
const keptNames = new Set<string>();
const keptNamesMax = 500;

const keptLimits: ReadonlySet<number> = new Set([1, 5, 10, 15, 20, 25, 30, 50, 100]);

/** Memberships carry a copy of the creation time: a bound on it bounds the walk over them as well. */
function withMemberTimes(arms: readonly Arm[], filter: Filter | null, { values }: FilterScope): readonly Arm[] {
  const bounds = conjunctsOf(filter).flatMap((part) =>
    part.kind === 'field' && part.field === 'createdAt' && part.operator !== 'exists'
      ? [compareTime('m.artifact_created_at', part.field, part.operator, part.value, values)]
      : [],
  );
  if (bounds.length === 0) return arms;
  return arms.map((arm) => (arm.membership === null ? arm : { ...arm, where: `${arm.where} AND ${bounds.join(' AND ')}` }));
}
