/**
 * The page of images that is asked for most: no filter, in order of a time. One statement is all of it, the place that it begins
 * after included: the walks are of indexes only, and of an image whose text is ready no row is read.
 */
import { createHash } from 'node:crypto';
import type { Order } from '#core/filter.ts';
import type { Statement } from './database.ts';
import { joinTextSql, linesSql, readyTextSql } from './image-text-records.ts';
import { type Arm, type ListQuery, listArms } from './list-arms.ts';
import { type OrderKey, orderKey } from './order-sql.ts';
import { direction } from './page-candidates.ts';
import type { Sort } from './sorted-page.ts';
import { createSqlValues, sqlLiteral } from './sql-values.ts';
import { readableSql, type Viewer, type ViewerParameters } from './visibility-sql.ts';

/** An order that has walks and trees of its own. */
export interface WalkedOrder {
  readonly key: 'createdAt' | 'updatedAt';
  readonly direction: Order['direction'];
}

export interface PlainPageRequest extends Pick<ListQuery, 'includeHidden' | 'includeDrafts' | 'everyProject'> {
  readonly type: string;
  readonly slot: string;
  readonly order: WalkedOrder;
  readonly limit: number;
  /** Id of the artifact that the page begins after; an empty page where the viewer may not read it. */
  readonly after: string | null;
}

/** By a time and nothing else but what settles ties, all one way. */
export function walkedOrder(sorts: readonly Sort[]): WalkedOrder | undefined {
  const [first] = sorts;
  const keys = sorts.map(({ key }) => (typeof key === 'string' ? key : '')).join();
  const isWalked = keys === 'createdAt,id' || keys === 'updatedAt,createdAt,id';
  if (!isWalked || first === undefined || sorts.some((sort) => sort.direction !== first.direction)) return undefined;
  return { key: keys === 'createdAt,id' ? 'createdAt' : 'updatedAt', direction: first.direction };
}

interface PlainPage {
  readonly statement: Statement;
  /** Which of a request's own values each placeholder stands for. */
  readonly places: readonly unknown[];
}

const pages = new Map<string, PlainPage>();
const pagesMax = 200;

/**
 * Gives one row (`LinesRow` of image-text-records.ts), none where the viewer may not read the marker: at least `limit + 1` lines in
 * their order, where there are as many. The statements differ in little, and are made once.
 */
export function plainPage(viewer: Viewer, request: PlainPageRequest): { statement: Statement; values: readonly unknown[] } {
  const { type, order, includeHidden, includeDrafts, everyProject, after } = request;
  const limit = usualLimits.find((each) => each >= request.limit) ?? request.limit;
  const flags = [viewer.isAdmin && everyProject, includeDrafts, includeHidden, after === null].join();
  const shape = `${type} ${order.key} ${order.direction} ${limit} ${flags}`;
  const known = pages.get(shape) ?? makePage(viewer, { ...request, limit });
  if (pages.size < pagesMax) pages.set(shape, known);
  const values = new Map<unknown, unknown>([
    ['project', viewer.project],
    ['isAdmin', viewer.isAdmin],
    ['after', after],
  ]);
  return { statement: known.statement, values: known.places.map((place) => values.get(place)) };
}

/** A statement is planned once for each of these; what is asked for is taken from the next larger. */
export const usualLimits: readonly number[] = [10, 25, 50, 100, 200, 400, 700, 1000];

/** Written with the names of its values in their places. */
function makePage(viewer: Viewer, request: PlainPageRequest): PlainPage {
  const { type, order, limit } = request;
  const values = createSqlValues();
  const by = { project: values.add('project', 'text'), isAdmin: values.add('isAdmin', 'boolean') };
  const query = { ...request, filter: null };
  const key = orderKey(order);
  const after = request.after === null ? null : values.add('after', 'uuid');
  const ascending = order.direction === 'asc';
  const { arms } = listArms(query, viewer, { values, viewer: by });
  const walks = arms.map((arm) => `(${walkSql(arm, { key, ascending, after, take: limit + 1 })})`);
  const way = direction(ascending);
  // A row may be come upon twice (own and public), never three times.
  const found = `SELECT DISTINCT k, id FROM (${walks.join('\n  UNION ALL ')}
  ORDER BY k ${way}, id ${way} LIMIT ${2 * (limit + 1)}) AS walked ORDER BY k ${way}, id ${way} LIMIT ${limit + 1}`;
  const images = `SELECT found.id, ${readyTextSql} AS text FROM (${found}) AS found
  ${joinTextSql('found.id', order.key === 'createdAt' ? 'found.k' : null)}
  ORDER BY found.k ${way}, found.id ${way}`;
  const page = linesSql(images);
  const finished = values.finish(after === null ? page : afterMarkerSql(page, markerSql(type, key, after, by)));
  const name = `image-page ${createHash('sha256').update(finished.text).digest('hex').slice(0, 40)}`;
  return { statement: { name, text: finished.text }, places: finished.values };
}

/** Where the page begins. */
function markerSql(type: string, key: OrderKey, after: string, by: ViewerParameters): string {
  return `SELECT ${key.sql('a')} AS k FROM artifact a
  WHERE a.id = ${after} AND a.type = ${sqlLiteral(type)} AND ${readableSql('a', by)}`;
}

/** Found once, beside the whole page: were each walk to look it up, the plan would have parts for that, set up with every page. */
function afterMarkerSql(page: string, marker: string): string {
  return `SELECT page.page FROM (${marker}) AS marker CROSS JOIN LATERAL (${page}) AS page`;
}

interface Walk {
  readonly key: OrderKey;
  readonly ascending: boolean;
  readonly after: string | null;
  readonly take: number;
}

function walkSql({ from, where, membership }: Arm, { key, ascending, after, take }: Walk): string {
  const way = direction(ascending);
  const [k, id] = membership !== null && key.memberSql !== null ? [key.memberSql, 'm.artifact_id'] : [key.sql('a'), 'a.id'];
  const bound = after === null ? '' : ` AND (${k}, ${id}) ${ascending ? '>' : '<'} (marker.k, ${after})`;
  return `SELECT ${k} AS k, ${id} AS id FROM ${from} WHERE ${where}${bound} ORDER BY ${k} ${way}, ${id} ${way} LIMIT ${take}`;
}
