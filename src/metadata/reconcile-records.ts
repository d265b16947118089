/** What a reconciler compares a store with: rows by object key, objects that no row knows, places that lost their bytes. */
import type { JsonObject } from '#base/json.ts';
import type { Sql } from './database.ts';

const nowStatement = { text: 'SELECT clock_timestamp()::text AS now' };

/** The database's clock, as text with all its digits. */
export async function readClock(sql: Sql): Promise<string> {
  const [row] = await sql.query<{ now: string }>(nowStatement);
  if (row === undefined) throw new Error('the database has no clock');
  return row.now;
}

/** What the database knows of one object. */
export interface KnownObject {
  readonly objectKey: string;
  /** Null where it is no location's. */
  readonly locationId: string | null;
  readonly state: string | null;
  readonly sizeBytes: number | null;
  /** The location is live, and was before the walk began. */
  readonly isCounted: boolean;
  /** An upload that has not ended writes it. */
  readonly isUploading: boolean;
}

/** Its object is no stray: it is still to become a blob, or, of a partial upload, to be joined into one. */
const isUploadsOwn = `(s.state IN ('open', 'receiving', 'verifying')
  OR (s.kind = 'partial' AND s.state = 'finished' AND s.cleared_at IS NULL))`;

/** The session of an object: its key is the object's, or, for a pack, what the keys of its members begin with (pack-records.ts). */
const sessionKeysOf = (key: string) => `(${key}, split_part(${key}, '-', 1))`;

const findKnownStatement = {
  name: 'reconcile-find-known',
  text: `SELECT k.key AS "objectKey", l.id AS "locationId", l.state, b.size_bytes AS "sizeBytes",
      coalesce(l.state = 'live' AND l.created_at < $3::timestamptz, false) AS "isCounted",
      EXISTS (SELECT 1 FROM upload_session s WHERE s.object_key IN ${sessionKeysOf('k.key')} AND s.store = $1
        AND ${isUploadsOwn}) AS "isUploading"
    FROM (SELECT unnest($2::text[]) COLLATE "C" AS key) k
    LEFT JOIN location l ON l.store = $1 AND l.object_key = k.key
    LEFT JOIN blob b ON b.id = l.blob_id`,
};

/** In the order of nothing; one row for each key. Asked after the objects were seen: an upload's session goes with its location's coming. */
export async function findKnownObjects(
  sql: Sql,
  store: string,
  keys: readonly string[],
  before: string,
): Promise<readonly KnownObject[]> {
  return sql.query<KnownObject>(findKnownStatement, [store, keys, before]);
}

/** A live location as a walk over the rows of a store meets it. */
export interface LiveRow {
  readonly id: string;
  readonly blobId: string;
  readonly objectKey: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

const listLiveStatement = {
  name: 'reconcile-list-live',
  text: `SELECT l.id, l.blob_id AS "blobId", l.object_key AS "objectKey", b.size_bytes AS "sizeBytes", b.digest_value AS sha256
    FROM (SELECT * FROM location WHERE store = $1 AND object_key > $2 AND object_key < $3 ORDER BY object_key LIMIT 2000) l
    JOIN blob b ON b.id = l.blob_id
    WHERE l.state = 'live' AND l.created_at < $4::timestamptz ORDER BY l.object_key`,
};
const lastKeyStatement = {
  name: 'reconcile-last-key',
  text: `SELECT max(object_key) AS key FROM (SELECT object_key FROM location WHERE store = $1 AND object_key > $2 AND object_key < $3
    ORDER BY object_key LIMIT 2000) l`,
};

export interface LivePage {
  readonly rows: readonly LiveRow[];
  /** Where the next page begins; null after the last row. */
  readonly last: string | null;
}

/** Live locations of a store that were there before the walk, by key, between two keys that are not themselves meant. */
export async function listLive(
  sql: Sql,
  store: string,
  range: { readonly after: string; readonly below: string },
  before: string,
): Promise<LivePage> {
  const rows = await sql.query<LiveRow>(listLiveStatement, [store, range.after, range.below, before]);
  const [end] = await sql.query<{ key: string | null }>(lastKeyStatement, [store, range.after, range.below]);
  return { rows, last: end?.key ?? null };
}

const isLiveStatement = { name: 'reconcile-is-live', text: `SELECT 1 FROM location WHERE id = $1 AND state = 'live'` };

export async function isLive(sql: Sql, locationId: string): Promise<boolean> {
  return (await sql.query(isLiveStatement, [locationId])).length > 0;
}

const noteStraysStatement = {
  name: 'reconcile-note-strays',
  text: `INSERT INTO stray_object (store, object_key, size_bytes, seen_by)
    SELECT $1, k.key, k.size, $2 FROM unnest($3::text[], $4::bigint[]) AS k (key, size)
    ON CONFLICT (store, object_key) DO UPDATE SET seen_by = excluded.seen_by, size_bytes = excluded.size_bytes`,
};

export interface StrayObject {
  readonly key: string;
  readonly sizeBytes: number;
}

/** Notes objects that no row knows; those noted before keep the time they were first seen at. */
export async function noteStrays(sql: Sql, store: string, walk: string, strays: readonly StrayObject[]): Promise<void> {
  const values = [store, walk, strays.map(({ key }) => key), strays.map(({ sizeBytes }) => sizeBytes)];
  await sql.query(noteStraysStatement, values);
}

const dropOthersStatement = {
  name: 'reconcile-drop-unseen',
  text: `DELETE FROM stray_object WHERE (store, object_key) IN (
    SELECT store, object_key FROM stray_object WHERE store = $1 AND seen_by <> $2 LIMIT 5000) RETURNING 1`,
};

/** Forgets strays that a whole walk did not meet. */
export async function dropUnseenStrays(sql: Sql, store: string, walk: string): Promise<void> {
  while ((await sql.query(dropOthersStatement, [store, walk])).length > 0);
}

const countStraysStatement = {
  name: 'reconcile-count-strays',
  text: `SELECT count(*) AS count, coalesce(sum(size_bytes), 0)::bigint AS bytes,
      count(*) FILTER (WHERE first_seen_at <= clock_timestamp() - $2 * interval '1 millisecond') AS due
    FROM stray_object WHERE store = $1`,
};
const firstStraysStatement = {
  name: 'reconcile-first-strays',
  text: `SELECT object_key AS key, size_bytes AS "sizeBytes", first_seen_at AS "firstSeenAt" FROM stray_object
    WHERE store = $1 ORDER BY object_key LIMIT $2`,
};

export interface StrayCount {
  readonly count: number;
  readonly bytes: number;
  /** Known for long enough to be removed. */
  readonly due: number;
  readonly first: readonly { readonly key: string; readonly sizeBytes: number; readonly firstSeenAt: string }[];
}

export async function countStrays(sql: Sql, store: string, ageMs: number, named: number): Promise<StrayCount> {
  const [counts] = await sql.query<{ count: number; bytes: number; due: number }>(countStraysStatement, [store, ageMs]);
  const first = await sql.query<{ key: string; sizeBytes: number; firstSeenAt: Date }>(firstStraysStatement, [store, named]);
  return {
    ...(counts ?? { count: 0, bytes: 0, due: 0 }),
    first: first.map((stray) => ({ ...stray, firstSeenAt: stray.firstSeenAt.toISOString() })),
  };
}

const findDueStatement = {
  name: 'reconcile-find-due-strays',
  text: `SELECT t.object_key AS key, t.size_bytes AS "sizeBytes" FROM stray_object t
    WHERE t.store = $1 AND t.object_key > $2 AND t.first_seen_at <= clock_timestamp() - $3 * interval '1 millisecond'
      AND NOT EXISTS (SELECT 1 FROM location l WHERE l.store = t.store AND l.object_key = t.object_key)
      AND NOT EXISTS (SELECT 1 FROM upload_session s WHERE s.object_key IN ${sessionKeysOf('t.object_key')} AND ${isUploadsOwn})
    ORDER BY t.object_key LIMIT 200`,
};

/** Strays that were known for long enough, and still belong to nothing. */
export async function findDueStrays(sql: Sql, store: string, after: string, ageMs: number): Promise<readonly StrayObject[]> {
  return sql.query<StrayObject>(findDueStatement, [store, after, ageMs]);
}

const forgetStraysStatement = {
  name: 'reconcile-forget-strays',
  text: 'DELETE FROM stray_object WHERE store = $1 AND object_key = ANY($2::text[])',
};

export async function forgetStrays(sql: Sql, store: string, keys: readonly string[]): Promise<void> {
  await sql.query(forgetStraysStatement, [store, keys]);
}

const beginReportStatement = {
  text: 'INSERT INTO storage_report (id, kind) VALUES ($1, $2)',
};
const finishReportStatement = {
  text: 'UPDATE storage_report SET finished_at = clock_timestamp(), report = $2 WHERE id = $1',
};
const dropReportsStatement = {
  text: `DELETE FROM storage_report WHERE started_at < clock_timestamp() - interval '90 days'`,
};

export type ReportKind = 'check' | 'repair' | 'scrub';

export async function beginReport(sql: Sql, id: string, kind: ReportKind): Promise<void> {
  await sql.query(dropReportsStatement);
  await sql.query(beginReportStatement, [id, kind]);
}

export async function finishReport(sql: Sql, id: string, report: JsonObject): Promise<void> {
  await sql.query(finishReportStatement, [id, JSON.stringify(report)]);
}
