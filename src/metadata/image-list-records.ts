/** Pages of artifacts of one type, each read as the boot path reads one: a row with the blob of one slot. */
import { createHash } from 'node:crypto';
import type { Filter } from '#core/filter.ts';
import { someCondition } from '#core/simplify-filter.ts';
import { type BootImageRow, type BootImageTuple, bootImageTuple, toBootImages } from './boot-image-row.ts';
import type { Database, Sql, Statement } from './database.ts';
import type { ListQuery } from './list-arms.ts';
import { chooseApproach } from './list-records.ts';
import { listScope, type PageReading, type PageStatement, pageStatement } from './page-statement.ts';
import { type Sort, sortedPageStatement, sortSql } from './sorted-page.ts';
import { sqlLiteral } from './sql-values.ts';
import { readableSql, type Viewer } from './visibility-sql.ts';

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
  readonly images: readonly BootImageRow[];
  readonly hasMore: boolean;
}

/** The whole page is one row: a row costs the driver as much as the tuple in it. */
interface PageRow {
  readonly page: readonly BootImageTuple[] | null;
}

export async function listImages(
  sql: Sql & Pick<Database, 'reads' | 'lists'>,
  viewer: Viewer,
  request: ImageListRequest,
): Promise<ImagePage> {
  const { statement, values } = await pageOf(sql, viewer, request);
  const kept = keepPlan(statement, request.filter);
  // The few shapes without a filter are short walks of an index.
  const reader = statement.name !== undefined ? sql.reads : kept.name !== undefined ? sql.lists : sql;
  const [row] = await reader.query<PageRow>(kept, values);
  const tuples = row?.page ?? [];
  const images = await toBootImages(sql.reads, tuples.slice(0, request.limit), request.slot);
  return { images, hasMore: tuples.length > request.limit };
}

/** By text, those that name a property apart: of such there are as many as callers think of. */
const keptPlans = { ofFields: new Map<string, string>(), ofProperties: new Map<string, string>() };
const keptPlansMax = 60;

/**
 * Planning a page with its filter costs several times what finding it does. Values are no part of the text, and whether matches are
 * few is found out by the statement itself, so that one plan serves all values; the first texts keep theirs.
 */
function keepPlan(statement: Statement, filter: Filter | null): Statement {
  const { text } = statement;
  if (statement.name !== undefined) return statement;
  const kept = keptPlans[someCondition(filter, ({ kind }) => kind === 'property') ? 'ofProperties' : 'ofFields'];
  const known = kept.get(text);
  if (known !== undefined) return { name: known, text };
  if (kept.size >= keptPlansMax) return statement;
  const name = `image-list ${createHash('sha256').update(text).digest('hex').slice(0, 40)}`;
  kept.set(text, name);
  return { name, text };
}

interface PlainPage {
  readonly statement: Statement;
  /** Which of the request's own values each placeholder stands for. */
  readonly places: readonly PlainValue[];
}

const plainValues = ['project', 'isAdmin', 'key', 'id'] as const;
type PlainValue = (typeof plainValues)[number];

/** Without a filter there is nothing that an index could find better: these hold whatever indexes are made later. */
const plainPages = new Map<string, PlainPage>();
const plainPagesMax = 200;

/** As `wholePage`; of lists without a filter, whose texts differ in little, the text is made once. */
async function pageOf(sql: Sql, viewer: Viewer, request: ImageListRequest): Promise<PageStatement> {
  const { filter, marker, sorts, memberStatuses, everyProject, includeDrafts, includeHidden, limit, type, slot } = request;
  if (filter !== null || memberStatuses !== undefined || !isWalked(sorts)) return wholePage(sql, viewer, request);
  const [first] = sorts;
  const flags = [viewer.isAdmin, everyProject, includeDrafts, includeHidden, marker === null].join();
  const shape = `${type} ${slot} ${keyName(first)} ${first?.direction} ${limit} ${flags}`;
  const known = plainPages.get(shape) ?? (await makePlainPage(sql, viewer, request));
  if (plainPages.size < plainPagesMax) plainPages.set(shape, known);
  const values = { project: viewer.project, isAdmin: viewer.isAdmin, key: marker?.[0], id: marker?.at(-1) };
  return { statement: known.statement, values: known.places.map((place) => values[place]) };
}

/** Made for a viewer and a marker whose values are names of themselves, found again among the statement's. */
async function makePlainPage(sql: Sql, viewer: Viewer, request: ImageListRequest): Promise<PlainPage> {
  const marker = request.marker === null ? null : (['key', 'id'] as const);
  const { statement, values } = await wholePage(sql, { ...viewer, project: 'project' }, { ...request, marker });
  const places = values.map((value) => {
    const place = typeof value === 'boolean' ? 'isAdmin' : plainValues.find((name) => name === value);
    if (place === undefined) throw new TypeError('a list without a filter has no values but its own');
    return place;
  });
  return { statement, places };
}

/** Gives one row: at most `limit + 1` tuples in their order. */
async function wholePage(sql: Sql, viewer: Viewer, request: ImageListRequest): Promise<PageStatement> {
  const { statement, values } = await imagePageStatement(sql, viewer, request);
  return { statement: { ...statement, text: `SELECT json_agg(p.tuple) AS page FROM (${statement.text}) AS p` }, values };
}

/**
 * A walk gives a page for what it costs to collect about so many, whether a filter matches more or nearly all. What is this little
 * keeps a page of a single filter near one of none.
 */
const fewBesideWalk = 100;

/** Gives at most `limit + 1` rows. */
export async function imagePageStatement(sql: Sql, viewer: Viewer, request: ImageListRequest): Promise<PageStatement> {
  const { limit, marker, sorts, slot } = request;
  const scope = listScope(viewer);
  const [first] = sorts;
  if (first === undefined) throw new TypeError('a list is sorted by something');
  if (!isWalked(sorts) || (first.key !== 'createdAt' && first.key !== 'updatedAt'))
    return sortedPageStatement(request, viewer, { take: limit + 1, marker }, scope, reading(slot));
  const query = { ...request, order: { key: first.key, direction: first.direction }, fewBesideWalk };
  const approach = await chooseApproach(sql, query, scope);
  const cursor = marker === null ? null : ([marker[0] ?? '', marker.at(-1) ?? ''] as const);
  return pageStatement(query, viewer, { limit, direction: 'forward', cursor }, approach, scope, reading(slot));
}

/** Of a column; a property, which no walked order has, has none here. */
function keyName(sort: Sort | undefined): string {
  return typeof sort?.key === 'string' ? sort.key : '';
}

/** By a time and nothing else but what settles ties, all one way: the orders that have walks and trees of their own. */
function isWalked(sorts: readonly Sort[]): boolean {
  const keys = sorts.map(keyName).join();
  return (
    (keys === 'createdAt,id' || keys === 'updatedAt,createdAt,id') && new Set(sorts.map((sort) => sort.direction)).size === 1
  );
}

const readings = new Map<string, PageReading>();

function reading(slot: string): PageReading {
  const known = readings.get(slot);
  if (known !== undefined) return known;
  const literal = sqlLiteral(slot);
  const made = {
    label: `with ${slot}`,
    columns: `${bootImageTuple(literal)} AS tuple`,
    asksBefore: false,
  };
  readings.set(slot, made);
  return made;
}

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
  const [statement, reader] = isWalked(sorts) ? [{ name: `list-marker ${keyName(sorts[0])}`, text }, sql.reads] : [{ text }, sql];
  const [row] = await reader.query<{ readonly marker: readonly string[] }>(statement, [project, isAdmin, id, type]);
  return row?.marker;
}
