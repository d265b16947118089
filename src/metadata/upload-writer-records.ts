/** What the writer of an upload session does to it, and how it changes hands. Every change names the writer it is made by. */
import type { JsonObject } from '#base/json.ts';
import type { Sql } from './database.ts';
import {
  sessionColumns,
  sessionLeaseMs,
  type UploadOrigin,
  type UploadSession,
  type UploadState,
} from './upload-session-records.ts';

// A lease that is lost with a crash is no loss: the commit need not wait for the disk.
const unhurried = `unhurried AS (SELECT set_config('synchronous_commit', 'off', true))`;

export interface WriterRequest {
  readonly id: string;
  /** Unique for each request or run. */
  readonly writer: string;
  readonly states: readonly UploadState[];
  /** Only while the session stands at this offset. */
  readonly offset: number | undefined;
  /** Said now for the first time. */
  readonly length?: number | undefined;
  readonly origin?: UploadOrigin | undefined;
  readonly ttlMs: number;
}

const acquireStatement = {
  name: 'session-acquire',
  // Whose bytes are all there has no more time for being verified once more.
  text: `WITH ${unhurried}, s AS (UPDATE upload_session SET state = CASE state WHEN 'open' THEN 'receiving' ELSE state END, writer = $2,
      writer_expires_at = clock_timestamp() + ${sessionLeaseMs} * interval '1 millisecond', wanted_by = NULL,
      length_bytes = coalesce(length_bytes, $5), origin = coalesce($6::jsonb, origin), revision = revision + 1, updated_at = now(),
      expires_at = CASE state WHEN 'verifying' THEN expires_at ELSE greatest(expires_at, clock_timestamp() + $7 * interval '1 millisecond') END
    FROM unhurried WHERE id = $1 AND state = ANY($3::text[]) AND ($4::bigint IS NULL OR offset_bytes = $4)
      AND (writer IS NULL OR writer = $2 OR writer_expires_at <= clock_timestamp())
      AND (expires_at > clock_timestamp() OR state = 'verifying')
    RETURNING upload_session.*) SELECT ${sessionColumns} FROM s`,
};

/** The session as it is under this writer; undefined when it cannot be had, for whatever reason. */
export async function acquireWriter(sql: Sql, request: WriterRequest): Promise<UploadSession | undefined> {
  const [session] = await sql.query<UploadSession>(acquireStatement, [
    request.id,
    request.writer,
    request.states,
    request.offset ?? null,
    request.length ?? null,
    request.origin === undefined ? null : JSON.stringify(request.origin),
    request.ttlMs,
  ]);
  return session;
}

const askStatement = {
  name: 'session-ask',
  text: `WITH ${unhurried} UPDATE upload_session SET wanted_by = $2 FROM unhurried
    WHERE id = $1 AND writer IS NOT NULL AND wanted_by IS NULL`,
};

/** Leaves word that somebody waits; the writer looks for it. */
export async function askWriter(sql: Sql, id: string, newcomer: string): Promise<void> {
  await sql.query(askStatement, [id, newcomer]);
}

const watchStatement = {
  name: 'session-watch',
  text: `SELECT writer = $2 AS "isHeld", wanted_by IS NOT NULL AS "isWanted" FROM upload_session WHERE id = $1`,
};

export interface WriterStanding {
  readonly isHeld: boolean;
  readonly isWanted: boolean;
}

/** Whether the writer still is the one, and whether somebody waits for it. */
export async function watchWriter(sql: Sql, id: string, writer: string): Promise<WriterStanding> {
  const [row] = await sql.query<{ isHeld: boolean | null; isWanted: boolean }>(watchStatement, [id, writer]);
  return { isHeld: row?.isHeld === true, isWanted: row?.isWanted === true };
}

const renewStatement = {
  name: 'session-renew',
  text: `WITH ${unhurried} UPDATE upload_session
    SET writer_expires_at = clock_timestamp() + ${sessionLeaseMs} * interval '1 millisecond', updated_at = now()
    FROM unhurried WHERE id = $1 AND writer = $2 AND state IN ('receiving', 'verifying') RETURNING id`,
};

/** False when the session is another's now, or has ended. */
export async function renewWriter(sql: Sql, id: string, writer: string): Promise<boolean> {
  return (await sql.query(renewStatement, [id, writer])).length > 0;
}

export interface Progress {
  readonly offset: number;
  readonly storeState: JsonObject;
  /** All bytes are there: what is left is verification, also when this writer dies. */
  readonly isComplete: boolean;
}

const advanceStatement = {
  name: 'session-advance',
  text: `UPDATE upload_session SET offset_bytes = $3, store_state = $4::jsonb, state = CASE WHEN $5 THEN 'verifying' ELSE state END,
      writer_expires_at = clock_timestamp() + ${sessionLeaseMs} * interval '1 millisecond', updated_at = now()
    WHERE id = $1 AND writer = $2 AND state IN ('receiving', 'verifying') AND offset_bytes <= $3 RETURNING id`,
};

/** Records what is durable; false when the session is another's now, or has ended. */
export async function advanceSession(sql: Sql, id: string, writer: string, progress: Progress): Promise<boolean> {
  const { offset, storeState, isComplete } = progress;
  return (await sql.query(advanceStatement, [id, writer, offset, JSON.stringify(storeState), isComplete])).length > 0;
}

const releaseStatement = {
  name: 'session-release',
  text: `WITH ${unhurried} UPDATE upload_session SET writer = NULL, writer_expires_at = NULL, wanted_by = NULL, updated_at = now(),
      state = CASE state WHEN 'receiving' THEN 'open' ELSE state END
    FROM unhurried WHERE id = $1 AND writer = $2`,
};

export async function releaseWriter(sql: Sql, id: string, writer: string): Promise<void> {
  await sql.query(releaseStatement, [id, writer]);
}

const releaseAllStatement = {
  name: 'session-release-all',
  text: `UPDATE upload_session SET writer = NULL, writer_expires_at = NULL, wanted_by = NULL,
      state = CASE state WHEN 'receiving' THEN 'open' ELSE state END
    WHERE kind <> 'single' AND writer IS NOT NULL AND state IN ('open', 'receiving', 'verifying')`,
};

/** For a node that knows itself to be the only one, at its start: whoever wrote is dead, and none of it is lost. */
export async function releaseAllWriters(sql: Sql): Promise<void> {
  await sql.query(releaseAllStatement);
}

const finishStatement = {
  name: 'session-finish',
  text: `UPDATE upload_session SET state = 'finished', digest_algorithm = CASE WHEN $3::text IS NULL THEN digest_algorithm ELSE 'sha256' END,
      digest_value = coalesce($3, digest_value), cleared_at = CASE WHEN kind = 'partial' THEN NULL ELSE now() END,
      writer = NULL, writer_expires_at = NULL, wanted_by = NULL, revision = revision + 1, updated_at = now()
    WHERE id = $1 AND writer = $2 AND state = 'verifying' RETURNING id`,
};

/** In the transaction that attaches the bytes; a partial upload only becomes readable. False when it is not this writer's any more. */
export async function finishSession(sql: Sql, id: string, writer: string, sha256: string | null): Promise<boolean> {
  return (await sql.query(finishStatement, [id, writer, sha256])).length > 0;
}

const failStatement = {
  name: 'session-fail',
  text: `UPDATE upload_session SET state = 'failed', error_code = $3, writer = NULL, writer_expires_at = NULL, wanted_by = NULL,
      revision = revision + 1, updated_at = now()
    WHERE id = $1 AND writer = $2 AND state IN ('receiving', 'verifying') RETURNING id`,
};

/** For good; its bytes are still to be removed. */
export async function failSession(sql: Sql, id: string, writer: string, errorCode: string): Promise<boolean> {
  return (await sql.query(failStatement, [id, writer, errorCode])).length > 0;
}
