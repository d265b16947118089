/** The ways in which a page's statement finds its rows, each ordered and limited: walks of arms, walks of trees, collections. */
import type { Driver } from './filter-probes.ts';
import type { FilterScope } from './filter-sql.ts';
import { latestOfFamilySql } from './latest-sql.ts';
import type { Arm } from './list-arms.ts';
import type { OrderKey } from './order-sql.ts';
import { treeDistance } from './order-trees.ts';

/** How the matches are found. */
export interface Approach {
  /** What collects few matches, if anything can. */
  readonly collect: Collect | null;
  /** What finds many: walks of an order tree (tree-walks.ts). Empty where the arms themselves are walked. */
  readonly trees: readonly string[];
  /** Whether the list's beginning is looked at before trees are walked. */
  readonly beginning?: boolean;
}

/** `few` is the most matches that are collected; 'always' where they are known to be few. */
interface Collect {
  readonly driver: Driver;
  readonly few: number | 'always';
}

export interface Candidates {
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
  /** Whether the statement has `beginningSql`. */
  readonly hasBeginning: boolean;
  readonly scope: FilterScope;
  readonly ascending: boolean;
  readonly bound: { readonly k: string; readonly id: string; readonly inclusive: boolean } | null;
  readonly take: number;
}

/** All ways to find rows, each ordered and limited; only some of them run. */
export function candidates(parts: Candidates): string {
  const { approach, arms, hasBeginning } = parts;
  const beginning = hasBeginning ? ['SELECT k, id FROM beginning WHERE fits AND (SELECT enough FROM begun)'] : [];
  const trees = approach?.trees ?? [];
  const collect = approach === null || approach.collect === null ? [] : [collectSql(parts, approach.collect)];
  // Trees hold what is listed by default, and no memberships: the rest is walked.
  const walk =
    approach?.collect?.few === 'always'
      ? []
      : arms.flatMap((arm) =>
          !arm.isByDefault || trees.length === 0 ? [walkSql(parts, arm)] : trees.map((tree) => treeSql(parts, arm, tree)),
        );
  const all = [...collect, ...beginning, ...walk];
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

/**
 * The list's beginning, whatever matches: where the filter passes nearly everything the page lies in it, and walks of plain indexes
 * cost a fraction of those of trees, or of a look at how many match.
 */
export function beginningSql(parts: Candidates): string {
  if (!parts.hasBeginning) return '';
  const { arms, filter, ascending, take } = parts;
  const order = direction(ascending);
  // Of each five rows four match.
  const rows = take + Math.ceil(take / 4);
  const walks = arms.map(
    (arm) => `(${armSql(parts, arm, `, ${idOf(parts, arm)} AS id, ${unjudged(filter)} AS fits`, '')} LIMIT ${rows})`,
  );
  return `beginning AS MATERIALIZED (
  SELECT k, id, fits FROM (${walks.join('\n  UNION ALL ')}) AS w ORDER BY k ${order}, id ${order} LIMIT ${rows}),
begun AS MATERIALIZED (SELECT count(DISTINCT id) FILTER (WHERE fits) >= ${take} OR count(*) < ${rows} AS enough FROM beginning),
`;
}

/** One arm in its order. The filter stands outside of the ordered walk. */
function walkSql(parts: Candidates, arm: Arm): string {
  const { filter, ascending, take } = parts;
  const gate = walkGateOf(parts);
  if (filter === 'true') return `${armSql(parts, arm, `, ${idOf(parts, arm)} AS id`, gate)} LIMIT ${take}`;
  const order = direction(ascending);
  return `SELECT k, id FROM (${armSql(parts, arm, ', a.*', gate)} ${fence}) AS a
      WHERE ${unjudged(filter)} ORDER BY k ${order}, id ${order} LIMIT ${take}`;
}

function armSql(parts: Candidates, arm: Arm, columns: string, gate: string): string {
  const { walked, key, bound, ascending } = parts;
  const order = direction(ascending);
  const k = arm.membership !== null && key.memberSql !== null ? key.memberSql : key.sql('a');
  const id = idOf(parts, arm);
  return `SELECT ${k} AS k${columns} FROM ${arm.from} WHERE ${arm.where}${walked}${boundSql(k, id, bound, ascending)}${gate}
      ORDER BY ${k} ${order}, ${id} ${order}`;
}

/** That of the membership where the membership is what is walked. */
function idOf({ key }: Candidates, { membership }: Arm): string {
  return membership !== null && key.memberSql !== null ? 'm.artifact_id' : 'a.id';
}

/** The matches of one walk of a tree in one arm, nearest first. */
function treeSql(parts: Candidates, { where }: Arm, tree: string): string {
  const { filter, walked, key, ascending, bound, take } = parts;
  const order = direction(ascending);
  const k = key.sql('a');
  const near = bound === null ? '' : ` AND ${k} ${ascending ? '>' : '<'}= ${bound.k}`;
  const within = `${where} AND ${tree}${walked}${near}${boundSql(k, 'a.id', bound, ascending)}${walkGateOf(parts)}`;
  // Of one distance is what is of one time: with all of the last, nothing is left to be sorted on the way.
  return `SELECT k, id FROM (SELECT k, id FROM (SELECT ${k} AS k, ${treeDistance(k, ascending)} AS d, a.* FROM ${artifact} WHERE ${within}
      ORDER BY d ${fence}) AS a WHERE ${unjudged(filter)}
      ORDER BY d FETCH FIRST ${take} ROWS WITH TIES) AS t
    ORDER BY k ${order}, id ${order} LIMIT ${take}`;
}

const artifact = 'artifact a';

function gateOf(approach: Approach | null): string {
  return typeof approach?.collect?.few === 'number' ? ' AND NOT (SELECT few FROM gate)' : '';
}

/** Whether the beginning is enough is asked first: what comes behind is then not even looked at. */
function beginningGateOf({ hasBeginning }: Candidates): string {
  return hasBeginning ? ' AND NOT (SELECT enough FROM begun)' : '';
}

function walkGateOf(parts: Candidates): string {
  return `${beginningGateOf(parts)}${gateOf(parts.approach)}`;
}

/** Every match of the driving condition that the viewer has listed and that passes the whole filter, sorted. */
function collectSql(parts: Candidates, { driver, few }: Collect): string {
  const { predicate, filter, filterBesideLatest, key, ascending, bound, take, scope } = parts;
  const order = direction(ascending);
  const k = key.sql('a');
  const gate = few === 'always' ? '' : `${beginningGateOf(parts)} AND (SELECT few FROM gate)`;
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

export function direction(ascending: boolean): 'ASC' | 'DESC' {
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
export function gateSql(approach: Approach | null, type: string | null, scope: FilterScope): string {
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
