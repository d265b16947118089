/** Pages of artifacts: chooses how the matches are found, runs the one statement of the page, maps its rows. */
import type { Artifact } from '#core/artifact.ts';
import type { Filter, Order } from '#core/filter.ts';
import { conjunctsOf } from '#core/simplify-filter.ts';
import { type ArtifactRow, toArtifact } from './artifact-row.ts';
import type { Sql } from './database.ts';
import { type Driver, driverOf, type IndexedProperties } from './filter-probes.ts';
import type { FilterScope } from './filter-sql.ts';
import type { ListQuery } from './list-arms.ts';
import { type Approach, listScope, type PagePosition, pageStatement } from './page-statement.ts';
import type { Viewer } from './visibility-sql.ts';

export interface ArtifactPage {
  readonly rows: readonly { readonly artifact: Artifact; readonly cursor: readonly [string, string] }[];
  /** More rows follow in the direction of the page. */
  readonly hasMore: boolean;
  /** Rows lie on the other side of the cursor; false without one. Undefined where the page is empty. */
  readonly hasBefore: boolean | undefined;
}

interface PageRow extends ArtifactRow {
  readonly cursor_key: string;
  readonly has_before: boolean;
}

export interface ListRequest extends ListQuery {
  readonly order: Order;
  readonly indexed: IndexedProperties;
}

/** A page in list order, whichever direction it was asked in. */
export async function listArtifacts(
  sql: Sql,
  viewer: Viewer,
  request: ListRequest,
  position: PagePosition,
): Promise<ArtifactPage> {
  const scope = listScope(viewer);
  const approach = await chooseApproach(sql, request, scope);
  const { statement, values } = pageStatement(request, viewer, position, approach, scope);
  const found = await sql.query<PageRow>(statement, values);
  const rows = found.slice(0, position.limit).map((row) => ({
    artifact: toArtifact(row),
    cursor: [row.cursor_key, row.id] as const,
  }));
  if (position.direction === 'backward') rows.reverse();
  return { rows, hasMore: found.length > position.limit, hasBefore: found[0]?.has_before };
}

/** Null: walk the list in its order. */
export async function chooseApproach(sql: Sql, request: ListRequest, scope: FilterScope): Promise<Approach | null> {
  const drivers = conjunctsOf(request.filter)
    .filter((part) => !isOrder(part, request.order))
    .map((part) => driverOf(part, scope, request.indexed))
    .filter((driver) => driver !== undefined);
  const [only] = drivers;
  if (only === undefined) return null;
  const few = await fewOf(sql);
  if (drivers.length === 1 && !isUnordered(only)) return { driver: only, few: only.kind === 'rows' ? few : Math.ceil(few / 2) };
  const estimates = await Promise.all(drivers.map((driver) => estimate(sql, driver, scope)));
  const least = estimates.indexOf(Math.min(...estimates));
  const best = drivers[least] ?? only;
  if (!isUnordered(best)) return { driver: best, few: best.kind === 'rows' ? few : Math.ceil(few / 2) };
  return (estimates[least] ?? 0) <= few ? { driver: best, few: 'always' } : null;
}

/** A condition on what the list is ordered by bounds the walk itself. */
function isOrder(part: Filter, { key }: Order): boolean {
  return part.kind === 'field' && part.field === 'createdAt' && key === 'createdAt' && part.operator !== 'ne';
}

function isUnordered({ kind, probes }: Driver): boolean {
  return kind === 'rows' && probes.some(({ order }) => order === null);
}

/** How many rows the planner expects a condition to match; reads none. */
async function estimate(sql: Sql, { kind, probes }: Driver, { values }: FilterScope): Promise<number> {
  const texts =
    kind === 'families' ? ['SELECT 1 FROM family'] : probes.map(({ where }) => `SELECT 1 FROM artifact a WHERE ${where}`);
  if (texts.length === 0) return 0;
  const explain = values.finish(`EXPLAIN (FORMAT JSON) ${texts.join(' UNION ALL ')}`);
  const [row] = await sql.query<PlanRow>({ text: explain.text }, explain.values);
  return row?.['QUERY PLAN'][0]?.Plan['Plan Rows'] ?? 0;
}

interface PlanRow {
  readonly 'QUERY PLAN': readonly { readonly Plan: { readonly 'Plan Rows': number } }[];
}

const sizes = new WeakMap<Sql, { readonly few: number; readonly until: number }>();
const sizeStatement = {
  name: 'list-size',
  text: `SELECT greatest(reltuples, 0) AS rows FROM pg_class WHERE oid = 'artifact'::regclass`,
};

/**
 * How many matches are few. Collecting costs the matches twice; walking costs, for a page of 25 and matches that are spread
 * evenly, 26 rows divided by their share. The two meet near this share of the table.
 */
async function fewOf(sql: Sql): Promise<number> {
  const known = sizes.get(sql);
  if (known !== undefined && known.until > Date.now()) return known.few;
  const [row] = await sql.query<{ readonly rows: number }>(sizeStatement);
  const few = Math.round(Math.min(2_000, Math.max(400, (row?.rows ?? 0) * 0.08)));
  sizes.set(sql, { few, until: Date.now() + 60_000 });
  return few;
}
