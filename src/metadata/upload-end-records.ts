/** How upload sessions end without a blob, and how they are forgotten: the row goes after the bytes, never before. */
import type { JsonObject } from '#base/json.ts';
import type { Sql } from './database.ts';
import type { UploadKind, UploadState } from './upload-session-records.ts';

/** A session of which something is left to remove. */
export interface EndedUpload {
  readonly id: string;
  readonly kind: UploadKind;
  readonly state: UploadState;
  readonly store: string;
  readonly objectKey: string;
  readonly storeState: JsonObject | null;
}

const endedColumns = `id, kind, state, store, object_key AS "objectKey", store_state AS "storeState"`;
const isUnheld = '(writer IS NULL OR writer_expires_at <= clock_timestamp())';

const abortSql = `UPDATE upload_session SET state = 'aborted', writer = NULL, writer_expires_at = NULL, wanted_by = NULL,
      revision = revision + 1, updated_at = now()`;
const abortStatement = {
  name: 'session-abort',
  text: `${abortSql}
    WHERE id = $1 AND (${isUnheld} OR writer = $2) AND (state IN ('open', 'receiving', 'verifying')
      OR (kind = 'partial' AND state = 'finished' AND joined_into IS NULL))
    RETURNING ${endedColumns}`,
};

/** Ends a session that nobody but `writer` is writing; undefined when there is none such. */
export async function abortSession(sql: Sql, id: string, writer: string): Promise<EndedUpload | undefined> {
  const [row] = await sql.query<EndedUpload>(abortStatement, [id, writer]);
  return row;
}

const abortIdleStatement = {
  name: 'session-abort-idle',
  text: `${abortSql}
    WHERE id = ANY($1::uuid[]) AND ${isUnheld} AND state IN ('open', 'receiving') RETURNING ${endedColumns}`,
};

/** Ends those of the sessions that nobody writes to, and that still lack bytes. */
export async function abortIdleSessions(sql: Sql, ids: readonly string[]): Promise<readonly EndedUpload[]> {
  return sql.query<EndedUpload>(abortIdleStatement, [ids]);
}

const expireStatement = {
  name: 'session-expire',
  text: `UPDATE upload_session SET state = 'expired', writer = NULL, writer_expires_at = NULL, wanted_by = NULL, updated_at = now()
    WHERE id IN (SELECT id FROM upload_session
        WHERE expires_at <= clock_timestamp() AND ${isUnheld}
          AND (state IN ('open', 'receiving') OR (kind = 'partial' AND state = 'finished' AND cleared_at IS NULL
            AND NOT EXISTS (SELECT 1 FROM upload_session f WHERE f.id = upload_session.joined_into AND f.state = 'verifying')))
        ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED)
    RETURNING id`,
};

/**
 * Ends what is past its time and has no writer, whatever its kind; not what is whole: its sender was told so, and waits for nothing
 * but us. @returns how many
 */
export async function expireSessions(sql: Sql, limit: number): Promise<number> {
  return (await sql.query(expireStatement, [limit])).length;
}

const listUnclearedStatement = {
  name: 'session-list-uncleared',
  text: `SELECT ${endedColumns} FROM upload_session
    WHERE state IN ('aborted', 'expired', 'failed') AND cleared_at IS NULL AND id > $1 ORDER BY id LIMIT $2`,
};

/** Those that ended and may have left bytes, by id, after the one given. */
export async function listUncleared(sql: Sql, afterId: string, limit: number): Promise<readonly EndedUpload[]> {
  return sql.query<EndedUpload>(listUnclearedStatement, [afterId, limit]);
}

const clearStatement = {
  name: 'session-clear',
  text: `UPDATE upload_session SET cleared_at = now(), store_state = NULL WHERE id = $1 AND state = 'failed'`,
};
const forgetStatement = {
  name: 'session-forget',
  text: `DELETE FROM upload_session WHERE id = $1 AND state IN ('aborted', 'expired')`,
};

/** Its bytes are gone. What failed is remembered until it expires, for whoever asks; the others are forgotten. */
export async function clearSession(sql: Sql, id: string): Promise<void> {
  await sql.query(clearStatement, [id]);
  await sql.query(forgetStatement, [id]);
}

const forgetPastStatement = {
  name: 'session-forget-past',
  text: `DELETE FROM upload_session WHERE id IN (SELECT id FROM upload_session
    WHERE expires_at <= clock_timestamp() AND kind <> 'single' AND state IN ('finished', 'failed') AND cleared_at IS NOT NULL
    ORDER BY expires_at LIMIT $1) RETURNING id`,
};

/** Forgets what ended long ago and left nothing. @returns how many */
export async function forgetPastSessions(sql: Sql, limit: number): Promise<number> {
  return (await sql.query(forgetPastStatement, [limit])).length;
}

const listStalledStatement = {
  name: 'session-list-stalled',
  text: `SELECT id FROM upload_session WHERE kind <> 'single' AND state = 'verifying' AND ${isUnheld}
    AND updated_at < clock_timestamp() - $1 * interval '1 millisecond' ORDER BY id LIMIT $2`,
};

/** Whole, and nobody has looked at them for so long: their job was lost, or has given up. */
export async function listStalledSessions(sql: Sql, idleMs: number, limit: number): Promise<readonly string[]> {
  return (await sql.query<{ id: string }>(listStalledStatement, [idleMs, limit])).map(({ id }) => id);
}

const clearPartsStatement = {
  name: 'session-clear-parts',
  text: `UPDATE upload_session SET cleared_at = now(), store_state = NULL WHERE id = ANY($1::uuid[]) AND kind = 'partial'`,
};

/** The bytes of partial uploads that were joined are gone; the rows stay a while, for a client that asks again. */
export async function clearParts(sql: Sql, ids: readonly string[]): Promise<void> {
  await sql.query(clearPartsStatement, [ids]);
}
