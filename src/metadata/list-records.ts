/** Pages of artifacts: chooses how the matches are found, runs the one statement of the page, maps its rows. */
import type { Artifact } from '#core/artifact.ts';
import type { Filter, Order } from '#core/filter.ts';
import { conjunctsOf } from '#core/simplify-filter.ts';
import { type ArtifactRow, toArtifact } from './artifact-row.ts';
import type { Sql } from './database.ts';
import { type Driver, driverOf } from './filter-probes.ts';
import { type FilterScope, filterSql } from './filter-sql.ts';
import { isHidden, isListedByDefault, isWalkedHidden, type ListQuery } from './list-arms.ts';
import { orderBoundSql } from './order-sql.ts';
import { isTreeOrder } from './order-trees.ts';
import type { Approach } from './page-candidates.ts';
import { listScope, type PagePosition, pageStatement } from './page-statement.ts';
import { listPropertyIndexes } from './property-indexes.ts';
import { treeWalks } from './tree-walks.ts';
import type { Viewer } from './visibility-sql.ts';

export { assertFilterSize } from './filter-size.ts';

export interface ArtifactPage {
  readonly rows: readonly { readonly artifact: Artifact; readonly cursor: readonly [string, string] }[];
  /** More rows follow in the direction of the page. */
  readonly hasMore: boolean;
  /** Rows lie on the other side of the page; false without a cursor. */
  readonly hasBefore: boolean;
}

interface PageRow extends ArtifactRow {
  /** Null in the one row of an empty page. */
  readonly cursor_key: string | null;
  readonly has_before: boolean;
}

export interface ListRequest extends ListQuery {
  readonly order: Order;
  /** How many matches are few; default by the size of the table. */
  readonly few?: number | undefined;
  /** How many are few where many are walked as well as few are collected; default: as many as elsewhere. */
  readonly fewBesideWalk?: number | undefined;
  /** Whether matches that are nearly everything are looked for at the list's beginning first: the planner is asked whether they are. */
  readonly looksAtBeginning?: boolean | undefined;
}

/** A page in list order, whichever direction it was asked in. */
export async function listArtifacts(
  sql: Sql & { readonly reads?: Sql },
  viewer: Viewer,
  request: ListRequest,
  position: PagePosition,
): Promise<ArtifactPage> {
  const scope = listScope(viewer, request);
  const approach = await chooseApproach(sql, request, scope);
  const { statement, values } = pageStatement(request, viewer, position, approach, scope);
  // The few shapes that keep a plan are short walks of an index.
  const reader = statement.name === undefined ? sql : (sql.reads ?? sql);
  const found = await reader.query<PageRow>(statement, values);
  const rows = found.flatMap((row) =>
    row.cursor_key === null ? [] : [{ artifact: toArtifact(row), cursor: [row.cursor_key, row.id] as const }],
  );
  const hasMore = rows.length > position.limit;
  const page = rows.slice(0, position.limit);
  if (position.direction === 'backward') page.reverse();
  return { rows: page, hasMore, hasBefore: found[0]?.has_before ?? false };
}

/** One condition, and what can find its matches: an index that collects them, trees that walk among them. */
interface Way {
  readonly part: Filter;
  readonly driver: Driver | undefined;
  readonly trees: readonly string[] | undefined;
  /** A page of its matches costs little, however many there are: trees find it, or the arms themselves are walks of them. */
  readonly isWalked: boolean;
}

/** Null: walk the list in its order. */
export async function chooseApproach(sql: Sql, request: ListRequest, scope: FilterScope): Promise<Approach | null> {
  const ways = await waysOf(sql, request, scope);
  const [only] = ways;
  if (only === undefined) return null;
  const few = request.few ?? (await fewOf(sql));
  const isSure = only.driver === undefined || !isUnordered(only.driver);
  const looksAtBeginning = request.looksAtBeginning === true && ways.some(({ trees }) => trees !== undefined);
  // Of one condition nothing needs to be known beforehand: the statement itself finds out.
  const sizes =
    ways.length === 1 && isSure && !looksAtBeginning ? [0] : await Promise.all(ways.map((way) => estimate(sql, way, scope)));
  const sorted = ways
    .map((way, index) => ({ ...way, rows: sizes[index] ?? 0 }))
    .toSorted((left, right) => left.rows - right.rows);
  const trees = sorted.find((way) => way.trees !== undefined)?.trees ?? [];
  const [best] = sorted;
  const beginning = looksAtBeginning && sizes.every((rows) => rows > few);
  if (best?.driver !== undefined) {
    const { driver, rows, isWalked } = best;
    const most = isWalked ? Math.min(few, request.fewBesideWalk ?? few) : few;
    const isFew = rows <= most;
    if (isUnordered(driver) && isFew) return { collect: { driver, few: 'always' }, trees: [] };
    if (!isUnordered(driver) && (isFew || !isWalked))
      return { collect: { driver, few: fewOfKind(driver, most) }, trees, beginning };
  }
  return trees.length === 0 ? null : { collect: null, trees, beginning };
}

/** The planner is asked about each, which costs as much as a page; one of the first is nearly always selective enough. */
const waysMax = 8;

async function waysOf(sql: Sql, request: ListRequest, scope: FilterScope): Promise<readonly Way[]> {
  const parts = conjunctsOf(request.filter).filter((part) => orderBoundSql(part, request.order, scope.values) === undefined);
  if (parts.length === 0) return [];
  const indexed = await listPropertyIndexes(sql);
  const hasTrees = isTreeOrder(request.order) && isListedByDefault(request);
  const walksHidden = isWalkedHidden(request) && request.order.key === 'createdAt';
  const treeScope = { ...scope, indexed, type: request.type, order: request.order };
  return parts
    .map((part) => {
      const trees = hasTrees ? treeWalks(part, treeScope) : undefined;
      const isWalked = trees !== undefined || (walksHidden && isHidden(part));
      return { part, driver: driverOf(part, scope, indexed), trees, isWalked };
    })
    .filter(({ driver, trees }) => driver !== undefined || trees !== undefined)
    .slice(0, waysMax);
}

function isUnordered({ kind, probes }: Driver): boolean {
  return kind === 'rows' && probes.some(({ order }) => order === null);
}

interface Estimate {
  readonly rows: number;
  readonly until: number;
}

const estimates = new WeakMap<Sql, Map<string, Estimate>>();
const estimatesMax = 500;
const estimateLengthMax = 2_000;
/** The statistics behind an estimate change as seldom as the table is analysed. */
const knownForMs = 60_000;

/** How many rows the planner expects a condition to match; reads none. Planning costs as much as a page, so it is asked once. */
async function estimate(sql: Sql, { part, driver }: Way, scope: FilterScope): Promise<number> {
  const texts = driver === undefined ? [`SELECT 1 FROM artifact a WHERE ${filterSql(part, scope)}`] : matchesOf(driver);
  if (texts.length === 0) return 0;
  const { text, values } = scope.values.finish(`EXPLAIN (FORMAT JSON) ${texts.join(' UNION ALL ')}`);
  const known = estimates.get(sql) ?? new Map<string, Estimate>();
  estimates.set(sql, known);
  const key = JSON.stringify([text, values]);
  const kept = known.get(key);
  if (kept !== undefined && kept.until > Date.now()) return kept.rows;
  const [row] = await sql.query<PlanRow>({ text }, values);
  const rows = row?.['QUERY PLAN'][0]?.Plan['Plan Rows'] ?? 0;
  known.delete(key);
  if (known.size >= estimatesMax) known.clear();
  if (key.length <= estimateLengthMax) known.set(key, { rows, until: Date.now() + knownForMs });
  return rows;
}

function matchesOf({ kind, probes }: Driver): readonly string[] {
  return kind === 'families' ? ['SELECT 1 FROM family'] : probes.map(({ where }) => `SELECT 1 FROM artifact a WHERE ${where}`);
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
  // In steps, because it stands in the text of statements whose plans are kept.
  const few = 400 * Math.round(Math.min(2_000, Math.max(400, (row?.rows ?? 0) * 0.08)) / 400);
  sizes.set(sql, { few, until: Date.now() + knownForMs });
  return few;
}

/** A family costs a row of its own, one for each way its latest release can be listed, and the release. */
function fewOfKind({ kind }: Driver, few: number): number {
  return kind === 'families' ? Math.min(Math.round(few * 0.6), 1_400) : few;
}
