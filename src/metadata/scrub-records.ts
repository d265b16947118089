/** The order in which stored bytes are read again: what was verified longest ago comes first. */
import type { Sql } from './database.ts';

const startStatement = { text: `SELECT (clock_timestamp() - $1 * interval '1 millisecond')::text AS before` };

/** By the database's clock, with all its digits: what was verified before is due. */
export async function readScrubLimit(sql: Sql, ageMs: number): Promise<string> {
  const [row] = await sql.query<{ before: string }>(startStatement, [ageMs]);
  if (row === undefined) throw new Error('the database has no clock');
  return row.before;
}

/** A live place whose bytes are due to be read again. */
export interface DueScrub {
  readonly id: string;
  readonly blobId: string;
  readonly objectKey: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** PostgreSQL's own text of when it was verified last. */
  readonly verifiedAt: string;
}

const findDueStatement = {
  name: 'scrub-find-due',
  text: `SELECT l.id, l.blob_id AS "blobId", l.object_key AS "objectKey", b.size_bytes AS "sizeBytes", b.digest_value AS sha256,
      coalesce(l.verified_at, '-infinity'::timestamptz)::text AS "verifiedAt"
    FROM location l JOIN blob b ON b.id = l.blob_id
    WHERE l.store = $1 AND l.state = 'live'
      AND (coalesce(l.verified_at, '-infinity'::timestamptz), l.id) > ($2::timestamptz, $3::uuid)
      AND coalesce(l.verified_at, '-infinity'::timestamptz) < $4::timestamptz
    ORDER BY coalesce(l.verified_at, '-infinity'::timestamptz), l.id LIMIT 100`,
};

const beginning = { verifiedAt: '-infinity', id: '00000000-0000-0000-0000-000000000000' };

/** The next places of a store after the given one, verified before the limit. */
export async function findDueScrubs(
  sql: Sql,
  store: string,
  before: string,
  after: Pick<DueScrub, 'verifiedAt' | 'id'> = beginning,
): Promise<readonly DueScrub[]> {
  return sql.query<DueScrub>(findDueStatement, [store, after.verifiedAt, after.id, before]);
}

const countMax = 1_000_000;
const countDueStatement = {
  name: 'scrub-count-due',
  text: `SELECT count(*) AS count FROM (SELECT 1 FROM location WHERE store = $1 AND state = 'live'
    AND coalesce(verified_at, '-infinity'::timestamptz) < $2::timestamptz LIMIT ${countMax + 1}) l`,
};

/** How many are due; null for more than a million. */
export async function countDueScrubs(sql: Sql, store: string, before: string): Promise<number | null> {
  const [row] = await sql.query<{ count: number }>(countDueStatement, [store, before]);
  return row === undefined || row.count > countMax ? null : row.count;
}

const noteVerifiedStatement = {
  name: 'scrub-note-verified',
  text: `UPDATE location SET verified_at = clock_timestamp() WHERE id = ANY($1::uuid[]) AND state = 'live'`,
};

export async function noteVerified(sql: Sql, ids: readonly string[]): Promise<void> {
  await sql.query(noteVerifiedStatement, [ids]);
}
