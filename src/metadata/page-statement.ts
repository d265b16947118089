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
import type { Driver } from './filter-probes.ts';
import { type FilterScope, filterSql } from './filter-sql.ts';
import { latestOfFamilySql } from './latest-sql.ts';
import { type Arm, type ListQuery, listArms } from './list-arms.ts';
import { type OrderKey, orderBoundSql, orderKey } from './order-sql.ts';
import { treeDistance } from './order-trees.ts';
import { createSqlValues } from './sql-values.ts';
import type { Viewer } from './visibility-sql.ts';

export interface PagePosition {
  readonly limit: number;
  readonly direction: 'forward' | 'backward';
  /** Sort value and id of the row the page begins after (before, going backward). */
  readonly cursor: readonly [string, string] | null;
}

/** How the matches are found. */
export interface Approach {
  /** What collects few matches, if anything can. */
  readonly collect: Collect | null;
  /** What finds many: walks of an order tree (tree-walks.ts). Empty where the arms themselves are walked. */
  readonly trees: readonly string[];
}

/** `few` is the most matches that are collected; 'always' where they are known to be few. */
interface Collect {
  readonly driver: Driver;
  readonly few: number | 'always';
}

export interface PageStatement {
  readonly statement: Statement;
  readonly values: readonly unknown[];
}

/** Where the values of one statement are collected, the viewer's among them. */
export function listScope(viewer: Viewer): FilterScope {
  const values = createSqlValues();
  return { values, viewer: { project: values.add(viewer.project, 'text'), isAdmin: values.add(viewer.isAdmin, 'boolean') } };
}

/** Gives at most `limit + 1` rows: those of the page in the direction asked for, and one that tells whether more follow. */
export function pageStatement(
  query: ListQuery & { readonly order: Order },
  viewer: Viewer,
  position: PagePosition,
  approach: Approach | null,
  scope: FilterScope = listScope(viewer),
): PageStatement {
  const { values } = scope;
  const { arms, predicate } = listArms(query, viewer, scope);
  const key = orderKey(query.order);
  const conjuncts = conjunctsOf(query.filter);
  const filter = filterSql({ kind: 'and', of: conjuncts }, scope);
  const filterBesideLatest = filterSql({ kind: 'and', of: conjuncts.filter(({ kind }) => kind !== 'latest') }, scope);
  const ascending = (query.order.direction === 'asc') === (position.direction === 'forward');
  const { cursor } = position;
  const from = cursor === null ? null : { k: values.add(cursor[0], key.cast), id: values.add(cursor[1], 'uuid') };
  const bounds = conjuncts.map((part) => orderBoundSql(part, query.order, values)).filter((bound) => bound !== undefined);
  const walked = bounds.map((bound) => ` AND ${bound}`).join('');
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
  const onward = candidates({ ...parts, ascending, bound: from === null ? null : { ...from, inclusive: false }, take });
  const backward =
    from === null
      ? 'false'
      : `EXISTS (${candidates({ ...parts, ascending: !ascending, bound: { ...from, inclusive: true }, take: 1 })})`;
  const order = direction(ascending);
  // A row may be come upon twice (own and public), never three times, and that by each walk: so many times the rows hold the page.
  const most = 2 * Math.max(1, approach?.trees.length ?? 0) * take;
  // With a cursor one row comes back even where the page is empty: what lies on the other side is asked all the same.
  const rows =
    from === null ? 'SELECT false AS has_before) AS other JOIN' : `SELECT ${backward} AS has_before) AS other LEFT JOIN`;
  const text = `WITH ${gateSql(approach, query.type, scope)}found AS MATERIALIZED (
  SELECT DISTINCT k, id FROM (${onward} ORDER BY k ${order}, id ${order} LIMIT ${most}) AS u
  ORDER BY k ${order}, id ${order} LIMIT ${take})
SELECT ${artifactColumns('a')}, found.k::text AS cursor_key, other.has_before
FROM (${rows} (found JOIN artifact a ON a.id = found.id) ON true ORDER BY found.k ${order}, found.id ${order}`;
  const finished = values.finish(text);
  return { statement: named(query, key, position, finished.text), values: finished.values };
}

/** Lists without a filter have few texts, so their plans are kept by the connection. */
function named(query: ListQuery, key: OrderKey, { limit, cursor }: PagePosition, text: string): Statement {
  const isFixed = query.filter === null && !key.label.startsWith('property') && keptLimits.has(limit);
  if (!isFixed) return { text };
  const orderText = /ORDER BY k (\w+)/.exec(text)?.[1] ?? '';
  const shape = [
    query.type ?? '*',
    key.label,
    orderText,
    limit,
    cursor === null ? 'start' : 'on',
    query.includeHidden ? 'all' : '',
  ];
  return { name: `list ${shape.join(' ')}`.slice(0, 63), text };
}

const keptLimits: ReadonlySet<number> = new Set([10, 20, 25, 50, 100]);

interface Candidates {
  readonly arms: readonly Arm[];
  readonly predicate: string;
  readonly filter: string;
  /** The part of the filter that bounds the walk itself: conditions on what the list is ordered by. */
  readonly walked: string;
  /** The filter without its `latest`: for rows that are known to be it. */
  readonly filterBesideLatest: string;
  readonly type: string | null;
  readonly key: OrderKey;
  readonly approach: Approach | null;
  readonly scope: FilterScope;
  readonly ascending: boolean;
  readonly bound: { readonly k: string; readonly id: string; readonly inclusive: boolean } | null;
  readonly take: number;
}

/** All ways to find rows, each ordered and limited; only some of them run. */
function candidates(parts: Candidates): string {
  const { approach, arms } = parts;
  const trees = approach?.trees ?? [];
  const collect = approach === null || approach.collect === null ? [] : [collectSql(parts, approach.collect)];
  // A membership has no tree: what is shared with one project is walked.
  const walk =
    approach?.collect?.few === 'always'
      ? []
      : arms.flatMap((arm) =>
          arm.isMember || trees.length === 0 ? [walkSql(parts, arm)] : trees.map((tree) => treeSql(parts, arm, tree)),
        );
  const all = [...collect, ...walk];
  return all.length === 0
    ? nothing(parts.key)
    : `SELECT k, id FROM (${all.map((text) => `(${text})`).join('\n  UNION ALL ')}) AS w`;
}

function nothing({ cast }: OrderKey): string {
  return `SELECT NULL::${cast} AS k, NULL::uuid AS id WHERE false`;
}

/**
 * Around what is walked. A planner that expects few matches would otherwise read the whole arm by whatever index, and sort: the
 * limit, larger than any table, keeps the filter outside and tells the planner that beginning early counts.
 */
const fence = 'LIMIT 1000000000';

/** A condition whose share of matches the planner does not guess at, but takes for a half. */
function unjudged(filter: string): string {
  return filter === 'true' ? filter : `coalesce(${filter}, false)`;
}

/** One arm in its order. The filter stands outside of the ordered walk. */
function walkSql({ filter, walked, key, approach, ascending, bound, take }: Candidates, { from, where, isMember }: Arm): string {
  const order = direction(ascending);
  const [k, id] = isMember && key.memberSql !== null ? [key.memberSql, 'm.artifact_id'] : [key.sql('a'), 'a.id'];
  const gate = gateOf(approach);
  const within = `${where}${walked}${boundSql(k, id, bound, ascending)}${gate}`;
  if (filter === 'true')
    return `SELECT ${k} AS k, ${id} AS id FROM ${from} WHERE ${within} ORDER BY ${k} ${order}, ${id} ${order} LIMIT ${take}`;
  return `SELECT k, id FROM (SELECT ${k} AS k, a.* FROM ${from} WHERE ${within}
      ORDER BY ${k} ${order}, ${id} ${order} ${fence}) AS a WHERE ${unjudged(filter)} ORDER BY k ${order}, id ${order} LIMIT ${take}`;
}

/** The matches of one walk of a tree in one arm, nearest first. */
function treeSql({ filter, walked, key, approach, ascending, bound, take }: Candidates, { where }: Arm, tree: string): string {
  const order = direction(ascending);
  const k = key.sql('a');
  const near = bound === null ? '' : ` AND ${k} ${ascending ? '>' : '<'}= ${bound.k}`;
  const within = `${where} AND ${tree}${walked}${near}${boundSql(k, 'a.id', bound, ascending)}${gateOf(approach)}`;
  return `SELECT k, id FROM (SELECT k, id FROM (SELECT ${k} AS k, ${treeDistance(k, ascending)} AS d, a.* FROM ${artifact} WHERE ${within}
      ORDER BY d, k ${order}, id ${order} ${fence}) AS a WHERE ${unjudged(filter)}
      ORDER BY d, k ${order}, id ${order} LIMIT ${take}) AS t
    ORDER BY k ${order}, id ${order}`;
}

const artifact = 'artifact a';

function gateOf(approach: Approach | null): string {
  return typeof approach?.collect?.few === 'number' ? ' AND NOT (SELECT few FROM gate)' : '';
}

/** Every match of the driving condition that the viewer has listed and that passes the whole filter, sorted. */
function collectSql(parts: Candidates, { driver, few }: Collect): string {
  const { predicate, filter, filterBesideLatest, key, ascending, bound, take, scope } = parts;
  const order = direction(ascending);
  const k = key.sql('a');
  const gate = few === 'always' ? '' : ' AND (SELECT few FROM gate)';
  const passes = driver.kind === 'families' ? filterBesideLatest : filter;
  const where = `${predicate} AND ${passes}${boundSql(k, 'a.id', bound, ascending)}${gate}`;
  const matches = driverRows(driver, parts.type, scope).map(({ from, where: match, order: walk }) => {
    // The inner order and limit keep the planner on the one index that was found to have few matches.
    const fence = walk === null || few === 'always' ? ' OFFSET 0' : ` ORDER BY ${walk} LIMIT ${few}`;
    return `(SELECT ${k} AS k, a.id FROM (SELECT a.* FROM ${from} WHERE ${match}${fence}) AS a WHERE ${where})`;
  });
  const union = matches.length === 0 ? nothing(key) : matches.join(' UNION ');
  return `SELECT k, id FROM (${union}) AS c ORDER BY k ${order}, id ${order} LIMIT ${take}`;
}

function boundSql(k: string, id: string, bound: Candidates['bound'], ascending: boolean): string {
  return bound === null
    ? ''
    : ` AND (${k}, ${id}) ${ascending ? '>' : '<'}${bound.inclusive ? '=' : ''} (${bound.k}, ${bound.id})`;
}

function direction(ascending: boolean): 'ASC' | 'DESC' {
  return ascending ? 'ASC' : 'DESC';
}

interface DriverRows {
  readonly from: string;
  /** What the gate counts instead, where that is cheaper. */
  readonly gate?: string;
  readonly where: string;
  readonly order: string | null;
}

/** Families give one candidate each: their highest release that the viewer has listed. */
function driverRows({ kind, probes }: Driver, type: string | null, { values, viewer }: FilterScope): readonly DriverRows[] {
  if (kind === 'rows') return probes.map(({ where, order }) => ({ from: 'artifact a', where, order }));
  return [
    {
      from: `family f CROSS JOIN LATERAL ${latestOfFamilySql(viewer)} a`,
      gate: 'family f',
      where: type === null ? 'true' : `f.type = ${values.add(type, 'text')}`,
      order: type === null ? 'f.id' : 'f.type, f.id',
    },
  ];
}

/** Whether the driving condition has few matches: looks for one more than that, in the index alone, and stops there. */
function gateSql(approach: Approach | null, type: string | null, scope: FilterScope): string {
  if (approach?.collect == null || approach.collect.few === 'always') return '';
  const { driver, few } = approach.collect;
  const parts = driverRows(driver, type, scope).map(
    ({ from, gate, where, order }) =>
      `(SELECT 1 FROM ${gate ?? from} WHERE ${where}${order === null ? '' : ` ORDER BY ${order}`} LIMIT ${few + 1})`,
  );
  const all = parts.length === 0 ? 'SELECT 1 WHERE false' : parts.join(' UNION ALL ');
  return `gate AS MATERIALIZED (SELECT NOT EXISTS (SELECT 1 FROM (${all}) AS g OFFSET ${few}) AS few),
`;
}

/** Memberships carry a copy of the creation time: a bound on it bounds the walk over them as well. */
function withMemberTimes(arms: readonly Arm[], filter: Filter | null, { values }: FilterScope): readonly Arm[] {
  const bounds = conjunctsOf(filter).flatMap((part) =>
    part.kind === 'field' && part.field === 'createdAt' && part.operator !== 'exists'
      ? [compareTime('m.artifact_created_at', part.field, part.operator, part.value, values)]
      : [],
  );
  if (bounds.length === 0) return arms;
  return arms.map((arm) => (arm.isMember ? { ...arm, where: `${arm.where} AND ${bounds.join(' AND ')}` } : arm));
}
