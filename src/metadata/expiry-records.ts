/** What is past its time by the database's clock: drafts and idempotency keys. */
import type { Sql } from './database.ts';

/** Before every id. */
export const firstId = '00000000-0000-0000-0000-000000000000';

const isExpired = `a.state = 'draft' AND NOT a.protected AND a.expires_at IS NOT NULL AND a.expires_at <= clock_timestamp()`;

const isWrittenTo = `EXISTS (SELECT FROM upload_session s WHERE s.artifact_id = a.id AND s.state IN ('open', 'receiving', 'verifying')
  AND (s.state = 'verifying' OR greatest(s.expires_at, s.writer_expires_at) > clock_timestamp()))`;

const listStatement = {
  name: 'expiry-list-drafts',
  text: `SELECT a.id FROM artifact a WHERE ${isExpired} AND NOT ${isWrittenTo} AND a.id > $1 ORDER BY a.id LIMIT $2`,
};

/** In the order of their ids. */
export async function listExpiredDrafts(sql: Sql, afterId: string, limit: number): Promise<readonly string[]> {
  return (await sql.query<{ id: string }>(listStatement, [afterId, limit])).map(({ id }) => id);
}

const findStatement = {
  name: 'expiry-find-draft',
  text: `SELECT a.project FROM artifact a WHERE a.id = $1 AND ${isExpired} AND NOT ${isWrittenTo}`,
};

/** Its project, if it still is an expired draft that nobody writes to. */
export async function lockExpiredDraft(sql: Sql, id: string): Promise<string | undefined> {
  // Asked by a statement of its own: one that waits for a lock goes on with what it saw before.
  await sql.query({ name: 'expiry-lock-artifact', text: 'SELECT FROM artifact WHERE id = $1 FOR UPDATE' }, [id]);
  const [row] = await sql.query<{ project: string }>(findStatement, [id]);
  return row?.project;
}

const deleteKeysStatement = {
  name: 'expiry-delete-keys',
  text: `DELETE FROM idempotency_key k USING (SELECT project, caller, operation, key FROM idempotency_key
      WHERE expires_at <= now() LIMIT $1 FOR UPDATE SKIP LOCKED) gone
    WHERE (k.project, k.caller, k.operation, k.key) = (gone.project, gone.caller, gone.operation, gone.key)
    RETURNING k.key`,
};

/** At most `limit` of them; how many it were. */
export async function deleteExpiredKeys(sql: Sql, limit: number): Promise<number> {
  return (await sql.query(deleteKeysStatement, [limit])).length;
}
