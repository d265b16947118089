/**
 * What an upload is checked against, and the sessions of uploads that live in one request: one writer for each place in an
 * artifact, held by a lease that goes by the database's clock. Those that outlive a request: upload-session-records.ts.
 */
import type { ArtifactState, Visibility } from '#core/artifact.ts';
import { foldPath } from '#core/names.ts';
import type { Sql } from './database.ts';
import { readableSql, type Viewer } from './visibility-sql.ts';

/** How long a writer holds its place without a word: who sends again after its node died waits for so long. */
export const writerLeaseMs = 15_000;

/** What an upload is checked against before a byte of it is taken. */
export interface UploadTarget {
  readonly id: string;
  readonly project: string;
  readonly type: string;
  readonly typeVersion: string;
  readonly state: ArtifactState;
  readonly visibility: Visibility;
  readonly revision: number;
}

const findTargetStatement = {
  name: 'upload-find-target',
  text: `SELECT a.id, a.project, a.type, a.type_version AS "typeVersion", a.state, a.visibility, a.revision
    FROM artifact a WHERE a.id = $3 AND ${readableSql('a', { project: '$1::text', isAdmin: '$2::boolean' })}`,
};

/** The artifact if the viewer may read it. */
export async function findUploadTarget(sql: Sql, { project, isAdmin }: Viewer, id: string): Promise<UploadTarget | undefined> {
  const [row] = await sql.query<UploadTarget>(findTargetStatement, [project, isAdmin, id]);
  return row;
}

/** One place in an artifact. */
export interface SlotPlace {
  readonly artifactId: string;
  readonly slot: string;
  readonly key: string;
  readonly path: string;
}

/** True for rows with a `path` whose fold may be the folded path, or lie above or below it: beyond ASCII that is the caller's to tell. */
export function nearPathsSql(folded: string): string {
  return `octet_length(path) <> char_length(path)
        OR lower(path) = ${folded} OR starts_with(lower(path), ${folded} || '/') OR starts_with(${folded}, lower(path) || '/')`;
}

const entriesStatement = {
  name: 'upload-entries-near',
  text: `WITH other AS (SELECT slot, path FROM artifact_blob WHERE artifact_id = $1 AND (slot, key) <> ($2, $3))
    SELECT count(*) FILTER (WHERE slot = $2)::integer AS others, array_agg(path) FILTER (WHERE ${nearPathsSql('$4')}) AS near
    FROM other`,
};
const othersSql = (artifactId: string, slot: string, key: string) => `other AS (
      SELECT slot, key, path FROM artifact_blob WHERE artifact_id = ${artifactId} AND (slot, key) <> (${slot}, ${key})
      UNION
      SELECT slot, key, path FROM upload_session WHERE artifact_id = ${artifactId} AND (slot, key) <> (${slot}, ${key})
        AND state IN ('open', 'receiving', 'verifying')
        AND CASE kind WHEN 'single' THEN writer_expires_at ELSE expires_at END > clock_timestamp())`;
const occupancyStatement = {
  name: 'upload-occupancy',
  text: `WITH ${othersSql('$1', '$2', '$3')}
    SELECT count(*) FILTER (WHERE slot = $2)::integer AS others,
      array_agg(path) FILTER (WHERE ${nearPathsSql('$4')}) AS near
    FROM other`,
};

/** What else the artifact holds or is being sent. */
export interface Occupancy {
  /** How many other entries of the slot. */
  readonly others: number;
  /** Paths, in any slot, among which is every one whose fold is the path's, or lies above or below it. */
  readonly near: readonly string[];
}

/**
 * In the database lower() knows ASCII only, the columns being of collation "C": paths beyond it are told apart by the caller.
 * @param of `entries` leaves out what is only being sent: among uploads that end, the first one gets the place
 */
export async function readOccupancy(sql: Sql, place: SlotPlace, of: 'entries' | 'all' = 'all'): Promise<Occupancy> {
  const values = [place.artifactId, place.slot, place.key, foldPath(place.path)];
  const statement = of === 'all' ? occupancyStatement : entriesStatement;
  const [row] = await sql.query<{ others: number; near: readonly string[] | null }>(statement, values);
  return { others: row?.others ?? 0, near: row?.near ?? [] };
}

export interface NewUpload extends SlotPlace {
  readonly id: string;
  readonly project: string;
  readonly createdBy: string;
  readonly mediaType: string;
  readonly store: string;
  readonly objectKey: string;
  readonly lengthBytes: number | null;
  readonly limitBytes: number;
  readonly declaredSha256: string | null;
  readonly writer: string;
}

export interface BegunUpload extends Occupancy {
  /** False where it was not begun: for want of room, for another session on record, or because it takes more to tell. */
  readonly isBegun: boolean;
}

/**
 * Takes a free place, in one statement whose commit does not wait for the disk: a session that a crash of the database loses
 * leaves an object that nobody refers to, and those are found (reconcile).
 */
export async function beginUploadUnhurried(sql: Sql, upload: NewUpload, maxEntries: number): Promise<BegunUpload> {
  const values = [...beginValues(upload), foldPath(upload.path), maxEntries];
  const [row] = await sql.query<{ isBegun: boolean; others: number; near: readonly string[] | null }>(
    beginUnhurriedStatement,
    values,
  );
  if (row === undefined) throw new Error('a statement that always answers did not');
  return { ...row, near: row.near ?? [] };
}

const releaseExpiredStatement = {
  name: 'upload-release-expired',
  text: `UPDATE upload_session SET state = 'expired', updated_at = now()
    WHERE artifact_id = $1 AND slot = $2 AND key = $3 AND state IN ('open', 'receiving', 'verifying') AND kind = 'single'
      AND writer_expires_at <= clock_timestamp()`,
};

/** @param from what else is selected from, and its condition */
const beginSql = (from: string) => `INSERT INTO upload_session (id, project, created_by, artifact_id, slot, key, path, media_type,
      store, object_key, state, length_bytes, limit_bytes, digest_algorithm, digest_value, writer, writer_expires_at, expires_at)
    SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'receiving', $11, $12, CASE WHEN $13::text IS NULL THEN NULL ELSE 'sha256' END,
      $13, $14, t.at, t.at FROM (SELECT clock_timestamp() + $15 * interval '1 millisecond' AS at) t${from}
    ON CONFLICT (artifact_id, slot, key) WHERE state IN ('open', 'receiving', 'verifying') DO NOTHING
    RETURNING id`;
const beginStatement = { name: 'upload-begin', text: beginSql('') };
const beginUnhurriedStatement = {
  name: 'upload-begin-unhurried',
  text: `WITH unhurried AS (SELECT set_config('synchronous_commit', 'off', true)),
    ${othersSql('$4', '$5', '$6')},
    room AS (SELECT count(*) FILTER (WHERE slot = $5)::integer AS others, array_agg(path) FILTER (WHERE ${nearPathsSql('$16')}) AS near
      FROM other),
    begun AS (${beginSql(', unhurried, room WHERE room.near IS NULL AND room.others < $17')})
    SELECT others, near, EXISTS (SELECT 1 FROM begun) AS "isBegun" FROM room`,
};

/** Takes the place, also from a writer whose lease has run out; false while another holds it. */
export async function beginUpload(sql: Sql, upload: NewUpload): Promise<boolean> {
  await sql.query(releaseExpiredStatement, [upload.artifactId, upload.slot, upload.key]);
  return (await sql.query(beginStatement, beginValues(upload))).length > 0;
}

function beginValues(upload: NewUpload): readonly unknown[] {
  return [
    upload.id,
    upload.project,
    upload.createdBy,
    upload.artifactId,
    upload.slot,
    upload.key,
    upload.path,
    upload.mediaType,
    upload.store,
    upload.objectKey,
    upload.lengthBytes,
    upload.limitBytes,
    upload.declaredSha256,
    upload.writer,
    writerLeaseMs,
  ];
}

const renewStatement = {
  name: 'upload-renew',
  text: `UPDATE upload_session SET writer_expires_at = t.at, expires_at = t.at, updated_at = now()
    FROM (SELECT clock_timestamp() + $3 * interval '1 millisecond' AS at) t
    WHERE id = $1 AND writer = $2 AND state = 'receiving' RETURNING id`,
};

/** False when the place is lost: the lease ran out and another took it. */
export async function renewUpload(sql: Sql, id: string, writer: string): Promise<boolean> {
  return (await sql.query(renewStatement, [id, writer, writerLeaseMs])).length > 0;
}

const endStatement = {
  name: 'upload-end',
  text: `DELETE FROM upload_session WHERE id = $1 AND state = 'receiving' AND writer = $2 RETURNING id`,
};

/** Removes the session, in the transaction that finishes it; false when it is not this writer's any more. */
export async function endUpload(sql: Sql, id: string, writer: string): Promise<boolean> {
  return (await sql.query(endStatement, [id, writer])).length > 0;
}

const abandonStatement = {
  name: 'upload-abandon',
  text: `UPDATE upload_session SET state = 'expired', updated_at = now()
    WHERE id = $1 AND state IN ('receiving', 'expired') RETURNING id`,
};

/**
 * Ends the session for good; false when it is gone, which is to say finished. Waits for a transaction that is finishing it, so
 * that `true` proves that none has nor ever will, and that nothing refers to its object.
 */
export async function abandonUpload(sql: Sql, id: string): Promise<boolean> {
  return (await sql.query(abandonStatement, [id])).length > 0;
}

export interface AbandonedUpload {
  readonly id: string;
  readonly store: string;
  readonly objectKey: string;
}

const releaseOthersStatement = {
  name: 'upload-release-others',
  text: `UPDATE upload_session SET state = 'expired', updated_at = now()
    WHERE state IN ('open', 'receiving', 'verifying') AND kind = 'single' AND writer <> $1
    RETURNING id, store, object_key AS "objectKey"`,
};

/** For a node that knows itself to be the only one: ends every upload in one request of another writer, for it is dead. */
export async function releaseUploadsOfOthers(sql: Sql, writer: string): Promise<readonly AbandonedUpload[]> {
  return sql.query<AbandonedUpload>(releaseOthersStatement, [writer]);
}

const forgetStatement = {
  name: 'upload-forget',
  text: `DELETE FROM upload_session WHERE id = $1 AND state = 'expired'`,
};

/** Drops an expired session whose object was removed. */
export async function forgetUpload(sql: Sql, id: string): Promise<void> {
  await sql.query(forgetStatement, [id]);
}
