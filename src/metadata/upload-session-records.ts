/**
 * Sessions of uploads that take several requests. One writer at a time holds a session by a short lease that goes by the
 * database's clock; whatever a writer changes names it, so that one who lost the lease changes nothing.
 */
import type { JsonObject } from '#base/json.ts';
import type { Digests } from '#core/artifact.ts';
import type { Sql } from './database.ts';
import type { UploadTarget } from './upload-records.ts';

/** `whole` fills a place; `partial` has none until a `final` joins it with others; `single` lives within one request. */
export type UploadKind = 'single' | 'whole' | 'partial' | 'final';

export type UploadState = 'open' | 'receiving' | 'verifying' | 'finished' | 'aborted' | 'expired' | 'failed';

/** How long a writer is waited for that is not heard of. */
export const sessionLeaseMs = 12_000;

/** Facts of the request that wrote last. */
export interface UploadOrigin {
  readonly requestId: string;
  readonly traceparent: string | null;
  readonly sourceAddress: string | null;
}

export interface UploadSession {
  readonly id: string;
  readonly kind: UploadKind;
  readonly state: UploadState;
  readonly project: string;
  readonly createdBy: string;
  /** Null for a partial upload. */
  readonly artifact: UploadTarget | null;
  readonly slot: string;
  readonly key: string;
  readonly path: string;
  readonly mediaType: string;
  readonly store: string;
  readonly objectKey: string;
  /** Bytes that are durable. */
  readonly offset: number;
  /** Null while it is not known. */
  readonly length: number | null;
  readonly limitBytes: number;
  readonly declared: Partial<Digests> | null;
  /** Of a finished one: what was received. Else what was declared, if it was. */
  readonly sha256: string | null;
  readonly metadata: string | null;
  readonly storeState: JsonObject | null;
  readonly origin: UploadOrigin | null;
  readonly parts: readonly string[] | null;
  readonly joinedInto: string | null;
  readonly errorCode: string | null;
  readonly hasWriter: boolean;
  readonly wantedBy: string | null;
  readonly isPastExpiry: boolean;
  readonly expiresAt: Date;
}

const openStates = `('open', 'receiving', 'verifying')`;

/** Of `upload_session` under the alias `s`: an UploadSession. */
export const sessionColumns = `s.id, s.kind, s.state, s.project, s.created_by AS "createdBy", s.slot, s.key, s.path, s.media_type AS "mediaType",
  s.store, s.object_key AS "objectKey", s.offset_bytes AS "offset", s.length_bytes AS length, s.limit_bytes AS "limitBytes",
  s.declared, s.digest_value AS sha256, s.metadata, s.store_state AS "storeState", s.origin, s.parts, s.joined_into AS "joinedInto",
  s.error_code AS "errorCode", s.wanted_by AS "wantedBy", s.expires_at AS "expiresAt", s.expires_at <= clock_timestamp() AS "isPastExpiry",
  s.writer IS NOT NULL AND s.writer_expires_at > clock_timestamp() AS "hasWriter",
  (SELECT json_build_object('id', a.id, 'project', a.project, 'type', a.type, 'typeVersion', a.type_version, 'state', a.state,
    'visibility', a.visibility, 'revision', a.revision) FROM artifact a WHERE a.id = s.artifact_id) AS artifact`;

const findStatement = { name: 'session-find', text: `SELECT ${sessionColumns} FROM upload_session s WHERE s.id = $1` };

export async function findSession(sql: Sql, id: string): Promise<UploadSession | undefined> {
  const [row] = await sql.query<UploadSession>(findStatement, [id]);
  return row;
}

const listStatement = {
  name: 'session-list',
  text: `SELECT ${sessionColumns} FROM upload_session s WHERE s.id = ANY($1::uuid[])`,
};

/** In no order; those that are not there are left out. */
export async function listSessions(sql: Sql, ids: readonly string[]): Promise<readonly UploadSession[]> {
  return sql.query<UploadSession>(listStatement, [ids]);
}

const lockPartsStatement = {
  name: 'session-lock-parts',
  text: `SELECT ${sessionColumns} FROM upload_session s WHERE s.id = ANY($1::uuid[]) ORDER BY s.id FOR UPDATE`,
};

/** The same, locked until the transaction ends. */
export async function lockSessions(sql: Sql, ids: readonly string[]): Promise<readonly UploadSession[]> {
  return sql.query<UploadSession>(lockPartsStatement, [ids]);
}

const findAtStatement = {
  name: 'session-find-at-place',
  text: `SELECT ${sessionColumns} FROM upload_session s
    WHERE s.artifact_id = $1 AND s.slot = $2 AND s.key = $3 AND s.state IN ${openStates}`,
};
const lockAtStatement = { name: 'session-lock-at-place', text: `${findAtStatement.text} FOR UPDATE` };

/** Whoever is on record as filling the place, of any kind, also past its time. */
export async function findSessionAt(
  sql: Sql,
  place: { readonly artifactId: string; readonly slot: string; readonly key: string },
  isLocked = false,
): Promise<UploadSession | undefined> {
  const statement = isLocked ? lockAtStatement : findAtStatement;
  const [row] = await sql.query<UploadSession>(statement, [place.artifactId, place.slot, place.key]);
  return row;
}

const lockProjectStatement = {
  name: 'session-lock-project',
  text: `SELECT pg_advisory_xact_lock(hashtextextended('upload_session ' || $1, 0))::text`,
};
const countOpenStatement = {
  name: 'session-count-open',
  text: `SELECT count(*)::integer AS count FROM upload_session WHERE project = $1 AND kind <> 'single' AND state IN ${openStates}
    AND expires_at > clock_timestamp()`,
};

/** Open sessions of the project; no other is begun before the transaction ends. */
export async function countOpenSessions(sql: Sql, project: string): Promise<number> {
  await sql.query(lockProjectStatement, [project]);
  const [row] = await sql.query<{ count: number }>(countOpenStatement, [project]);
  return row?.count ?? 0;
}

export interface NewSession {
  readonly id: string;
  readonly kind: 'whole' | 'partial' | 'final';
  readonly project: string;
  readonly createdBy: string;
  readonly artifactId: string | null;
  readonly slot: string;
  readonly key: string;
  readonly path: string;
  readonly mediaType: string;
  readonly store: string;
  readonly objectKey: string;
  readonly length: number | null;
  readonly limitBytes: number;
  readonly declared: Partial<Digests> | null;
  readonly metadata: string | null;
  readonly origin: UploadOrigin;
  readonly parts: readonly string[] | null;
  readonly ttlMs: number;
}

const insertStatement = {
  name: 'session-insert',
  text: `INSERT INTO upload_session (id, kind, state, project, created_by, artifact_id, slot, key, path, media_type, store, object_key,
      length_bytes, limit_bytes, declared, digest_algorithm, digest_value, metadata, origin, parts, expires_at)
    VALUES ($1, $2, CASE WHEN $2 = 'final' THEN 'verifying' ELSE 'open' END, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14::jsonb,
      CASE WHEN $15::text IS NULL THEN NULL ELSE 'sha256' END, $15, $16, $17::jsonb, $18::uuid[],
      clock_timestamp() + $19 * interval '1 millisecond')
    ON CONFLICT (artifact_id, slot, key) WHERE state IN ${openStates} DO NOTHING RETURNING id`,
};

/** A session without a writer; a `final` one has nothing to receive. False where another took the place just now. */
export async function insertSession(sql: Sql, session: NewSession): Promise<boolean> {
  const rows = await sql.query(insertStatement, [
    session.id,
    session.kind,
    session.project,
    session.createdBy,
    session.artifactId,
    session.slot,
    session.key,
    session.path,
    session.mediaType,
    session.store,
    session.objectKey,
    session.length,
    session.limitBytes,
    session.declared === null ? null : JSON.stringify(session.declared),
    session.declared?.sha256 ?? null,
    session.metadata,
    JSON.stringify(session.origin),
    session.parts,
    session.ttlMs,
  ]);
  return rows.length > 0;
}

const prolongStatement = {
  name: 'session-prolong',
  text: `UPDATE upload_session SET expires_at = greatest(expires_at, clock_timestamp() + $2 * interval '1 millisecond'), updated_at = now()
    WHERE id = $1 AND state IN ${openStates}`,
};

/** Somebody goes on with it: it expires so much later than now. */
export async function prolongSession(sql: Sql, id: string, ttlMs: number): Promise<void> {
  await sql.query(prolongStatement, [id, ttlMs]);
}

const joinStatement = {
  name: 'session-join',
  text: `UPDATE upload_session SET joined_into = $2, updated_at = now(),
      expires_at = greatest(expires_at, clock_timestamp() + $3 * interval '1 millisecond') WHERE id = ANY($1::uuid[])`,
};

/** Partial uploads that a final one joins now; null: they are free again. */
export async function joinSessions(sql: Sql, ids: readonly string[], into: string | null, ttlMs: number): Promise<void> {
  await sql.query(joinStatement, [ids, into, ttlMs]);
}
