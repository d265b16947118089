/** Pages of artifacts of one type: the ready text of each, or a row with the blob of one slot, as the boot path reads one. */
import { createHash } from 'node:crypto';
import { imageTextSeparator } from '#core/image-text.ts';
import { someCondition } from '#core/simplify-filter.ts';
import { type BootImageRow, toBootImages } from './boot-image-row.ts';
import type { Database, Sql, Statement } from './database.ts';
import { joinTextSql, type LinesRow, linesSql, listImageTuples, readyTextSql } from './image-text-records.ts';
import type { ListQuery } from './list-arms.ts';
import { chooseApproach } from './list-records.ts';
import { listScope, type PageReading, type PageStatement, pageStatement } from './page-statement.ts';
import { type PlainPageRequest, plainPage, usualLimits, walkedOrder } from './plain-image-page.ts';
import { type Sort, sortedPageStatement, sortSql } from './sorted-page.ts';
import { readableSql, type Viewer } from './visibility-sql.ts';

export { walkedOrder } from './plain-image-page.ts';
export type { Sort } from './sorted-page.ts';

export interface ImageListRequest extends ListQuery {
  readonly type: string;
  readonly slot: string;
  /** At least one; the last of several is the id. */
  readonly sorts: readonly Sort[];
  readonly limit: number;
  /** The sort values of the row that the page begins after. */
  readonly marker: readonly string[] | null;
}

export interface ImagePage {
  /** Ready texts (core/image-text.ts), and rows where there are none. */
  readonly images: readonly (string | BootImageRow)[];
  readonly hasMore: boolean;
}

export async function listImages(
  sql: Sql & Pick<Database, 'reads' | 'lists'>,
  viewer: Viewer,
  request: ImageListRequest,
): Promise<ReadyPage | ImagePage> {
  const { statement, values } = await imagePageStatement(sql, viewer, request);
  const kept = keepPlan({ ...statement, text: linesSql(statement.text) }, request);
  const reader = kept.name === undefined ? sql : sql.lists;
  const [row] = await reader.query<LinesRow>(kept, values);
  return readPage(sql, row, request);
}

export interface ReadyPage {
  /** Ready texts, `imageTextSeparator` between. */
  readonly texts: string;
  /** The last of them, if more follow. */
  readonly last: string | undefined;
}

/** As `listImages`, without a filter and in a walked order (`walkedOrder`): one statement, which finds the marker too. */
export async function listPlainImages(
  sql: Sql & Pick<Database, 'reads'>,
  viewer: Viewer,
  request: PlainPageRequest,
): Promise<ReadyPage | ImagePage> {
  const { statement, values } = plainPage(viewer, request);
  // A short walk of each index.
  const [row] = await sql.reads.query<LinesRow>(statement, values);
  return readPage(sql, row, request);
}

/** Where every image has its text nothing is taken apart. */
async function readPage(
  sql: Pick<Database, 'reads'>,
  row: LinesRow | undefined,
  request: Pick<ImageListRequest, 'limit' | 'slot'>,
): Promise<ReadyPage | ImagePage> {
  if (row === undefined || row.page === null) return { images: [], hasMore: false };
  const page = firstLines(row.page, request.limit);
  if (!isBare(page.texts) && !page.texts.includes('\n[')) return page;
  const images = await fillLines(sql.reads, page.texts.split(imageTextSeparator), request.slot);
  return { images, hasMore: page.last !== undefined };
}

function firstLines(page: string, limit: number): ReadyPage {
  let start = 0;
  for (let line = 1; ; line += 1) {
    // Of a separator this is what no line has: looking for the whole would stop at every comma.
    const next = page.indexOf('\n', start) + 1;
    if (next === 0) return { texts: page, last: undefined };
    const end = next - imageTextSeparator.length;
    if (line === limit) return { texts: page.slice(0, end), last: page.slice(start, end) };
    start = next;
  }
}

/** Looks up what has no text; what has just gone is left out. */
async function fillLines(sql: Sql, lines: readonly string[], slot: string): Promise<readonly (string | BootImageRow)[]> {
  const bare = lines.filter(isBare).map((line) => line.slice(1, -1));
  const rows = await toBootImages(sql, await listImageTuples(sql, bare, slot), slot);
  const byId = new Map(rows.map((row) => [row.id, row]));
  return lines.flatMap((line) => (isBare(line) ? (byId.get(line.slice(1, -1)) ?? []) : line));
}

/** An id has brackets, a text is an object. */
function isBare(line: string): boolean {
  return line.startsWith('[');
}

/** By text, those that name a property apart: of such there are as many as callers think of. */
const keptPlans = { ofFields: new Map<string, string>(), ofProperties: new Map<string, string>() };
const keptPlansMax = 60;
/** Beside those of pages without a filter what is asked for to find one, and what clients page by: 20, and one more to know of the next. */
const keptLimits: ReadonlySet<number> = new Set([...usualLimits, 1, 2, 5, 20, 21]);

/**
 * Planning a page with its filter costs several times what finding it does. Values are no part of the text, and whether matches are
 * few is found out by the statement itself, so that one plan serves all values; the first texts keep theirs, of usual limits.
 */
function keepPlan(statement: Statement, { filter, limit }: ImageListRequest): Statement {
  const { text } = statement;
  if (statement.name !== undefined || !keptLimits.has(limit)) return statement;
  const kept = keptPlans[someCondition(filter, ({ kind }) => kind === 'property') ? 'ofProperties' : 'ofFields'];
  const known = kept.get(text);
  if (known !== undefined) return { name: known, text };
  if (kept.size >= keptPlansMax) return statement;
  const name = `image-list ${createHash('sha256').update(text).digest('hex').slice(0, 40)}`;
  kept.set(text, name);
  return { name, text };
}

/**
 * A walk gives a page for what it costs to collect about so many, whether a filter matches more or nearly all. What is this little
 * keeps a page of a single filter near one of none.
 */
const fewBesideWalk = 50;

/** Gives at most `limit + 1` rows in their order: the id of each, and its text where that is ready. */
export async function imagePageStatement(sql: Sql, viewer: Viewer, request: ImageListRequest): Promise<PageStatement> {
  const { limit, marker, sorts } = request;
  const scope = listScope(viewer, request);
  const order = walkedOrder(sorts);
  if (order === undefined) return sortedPageStatement(request, viewer, { take: limit + 1, marker }, scope, reading);
  // Few share a name, and names that are asked for are too many to ask the planner about.
  const looksAtBeginning = !someCondition(request.filter, (part) => part.kind === 'field' && part.field === 'name');
  const query = { ...request, order, fewBesideWalk, looksAtBeginning };
  const approach = await chooseApproach(sql, query, scope);
  const cursor = marker === null ? null : ([marker[0] ?? '', marker.at(-1) ?? ''] as const);
  return pageStatement(query, viewer, { limit, direction: 'forward', cursor }, approach, scope, reading);
}

const reading: PageReading = {
  label: 'images',
  join: joinTextSql,
  columns: (id) => `${id} AS id, ${readyTextSql} AS text`,
  asksBefore: false,
  isPlanShared: true,
};

/** The sort values of an artifact of the type that the viewer may read; undefined where there is none. */
export async function findMarker(
  sql: Sql & Pick<Database, 'reads'>,
  { project, isAdmin }: Viewer,
  { id, type, sorts }: { readonly id: string; readonly type: string; readonly sorts: readonly Sort[] },
): Promise<readonly string[] | undefined> {
  const keys = sorts.map((sort) => `${sortSql(sort).sql}::text`);
  const text = `SELECT json_build_array(${keys.join(', ')}) AS marker FROM artifact a
    WHERE a.id = $3 AND a.type = $4 AND ${readableSql('a', { project: '$1::text', isAdmin: '$2::boolean' })}`;
  // Of the usual orders only: there are hundreds.
  const order = walkedOrder(sorts);
  const [statement, reader] = order === undefined ? [{ text }, sql] : [{ name: `list-marker ${order.key}`, text }, sql.reads];
  const [row] = await reader.query<{ readonly marker: readonly string[] }>(statement, [project, isAdmin, id, type]);
  return row?.marker;
}
