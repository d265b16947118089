/** What a negotiation of uploads asks and writes: always for all places at once, so that their number costs no round trips. */
import type { Digests, Visibility } from '#core/artifact.ts';
import type { Sql } from './database.ts';
import type { SlotPlace } from './upload-records.ts';
import { readableSql, type Viewer } from './visibility-sql.ts';

/** An entry that the artifact has. */
export interface HeldEntry {
  readonly slot: string;
  readonly key: string;
  readonly path: string;
  readonly mediaType: string;
  readonly blobId: string;
}

const readEntriesStatement = {
  name: 'negotiation-read-entries',
  text: `SELECT slot, key, path, media_type AS "mediaType", blob_id AS "blobId" FROM artifact_blob WHERE artifact_id = $1`,
};

/** All entries of an artifact. */
export async function readEntries(sql: Sql, artifactId: string): Promise<readonly HeldEntry[]> {
  return sql.query<HeldEntry>(readEntriesStatement, [artifactId]);
}

/** An upload that its sender can go on with. */
export interface OpenSession {
  readonly id: string;
  readonly slot: string;
  readonly key: string;
  readonly path: string;
  readonly mediaType: string;
  /** Null where its sender did not say it. */
  readonly sha256: string | null;
  /** Null while its sender has not said it. */
  readonly sizeBytes: number | null;
  readonly offset: number;
}

const readSessionsStatement = {
  name: 'negotiation-read-sessions',
  text: `SELECT id, slot, key, path, media_type AS "mediaType", digest_value AS sha256, length_bytes AS "sizeBytes", offset_bytes AS "offset"
    FROM upload_session WHERE artifact_id = $1 AND created_by = $2 AND project = $3
      AND kind = 'whole' AND state IN ('open', 'receiving', 'verifying') AND expires_at > clock_timestamp()`,
};

/** The resumable uploads into an artifact that this caller began. */
export async function readSessions(
  sql: Sql,
  artifactId: string,
  createdBy: string,
  project: string,
): Promise<readonly OpenSession[]> {
  return sql.query<OpenSession>(readSessionsStatement, [artifactId, createdBy, project]);
}

/** Known bytes, and through which artifact the viewer could read them. */
export interface KnownBlob {
  readonly id: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly project: string;
  readonly type: string;
  readonly visibility: Visibility;
  /** Null where one row stands for all artifacts of its kind. */
  readonly artifactId: string | null;
}

/**
 * Bytes of great popularity are referred to without number, mostly from where the viewer may not look. What is not found
 * among so many is sent once more: a negotiation stays cheap, and hardly slower for bytes that others have.
 */
const referencesMax = 100;

const findKnownStatement = (name: string, artifactSql: string) => ({
  name,
  text: `SELECT b.id, b.digest_value AS sha256, b.size_bytes AS "sizeBytes", a.project, a.type, a.visibility, a."artifactId"
    FROM blob b
    CROSS JOIN LATERAL (SELECT DISTINCT a.project, a.type, a.visibility, ${artifactSql} AS "artifactId"
      FROM (SELECT artifact_id FROM artifact_blob WHERE blob_id = b.id LIMIT ${referencesMax}) ab
      JOIN artifact a ON a.id = ab.artifact_id
      WHERE ${readableSql('a', { project: '$1::text', isAdmin: '$2::boolean' })} AND a.state <> 'pending_delete'
        AND (a.state <> 'deactivated' OR $2)
      LIMIT 5) a
    WHERE b.digest_algorithm = 'sha256' AND b.digest_value = ANY($3::text[])`,
});
const findKnownByKindStatement = findKnownStatement('negotiation-find-known', 'NULL::uuid');
const findKnownByEachStatement = findKnownStatement('negotiation-find-known-each', 'a.id');

/**
 * The blobs of these digests in artifacts that the viewer may read.
 * @param isEach a row for each of the artifacts they are in, a few at most; else for each kind of them
 */
export async function findKnownBlobs(
  sql: Sql,
  { project, isAdmin }: Viewer,
  sha256s: readonly string[],
  isEach: boolean,
): Promise<readonly KnownBlob[]> {
  return sql.query<KnownBlob>(isEach ? findKnownByEachStatement : findKnownByKindStatement, [project, isAdmin, sha256s]);
}

const lockBlobsStatement = {
  name: 'negotiation-lock-blobs',
  text: 'SELECT id FROM blob WHERE id = ANY($1::uuid[]) ORDER BY id FOR SHARE',
};
const readLiveStatement = {
  name: 'negotiation-read-live',
  text: `SELECT b.id, b.digest_value AS sha256, b.size_bytes AS "sizeBytes", l.store,
      (SELECT d.value FROM blob_digest d WHERE d.blob_id = b.id AND d.algorithm = 'sha512') AS sha512,
      (SELECT d.value FROM blob_digest d WHERE d.blob_id = b.id AND d.algorithm = 'md5') AS md5
    FROM blob b
    CROSS JOIN LATERAL (SELECT store FROM location WHERE blob_id = b.id AND state = 'live' AND store = ANY($3::text[])
      ORDER BY store <> $2, created_at LIMIT 1) l
    WHERE b.id = ANY($1::uuid[])`,
};

export interface LiveBlob extends Digests {
  readonly id: string;
  readonly sizeBytes: number;
  /** A store that has the bytes. */
  readonly store: string;
}

/**
 * Holds the blobs against collection until the transaction ends (a collector takes FOR UPDATE), and answers those that are
 * live in one of the stores then: looked at after the lock, because a collector may have condemned them while it was waited for.
 */
export async function holdLiveBlobs(
  sql: Sql,
  ids: readonly string[],
  { preferred, all }: { readonly preferred: string; readonly all: readonly string[] },
): Promise<readonly LiveBlob[]> {
  await sql.query(lockBlobsStatement, [ids]);
  return sql.query<LiveBlob>(readLiveStatement, [ids, preferred, all]);
}

export interface NegotiatedAttachment extends SlotPlace {
  readonly mediaType: string;
  readonly blobId: string;
  readonly store: string;
}

const attachStatement = {
  name: 'negotiation-attach',
  text: `WITH r AS (SELECT * FROM jsonb_to_recordset($2::jsonb)
        AS r(slot text, key text, path text, "mediaType" text, "blobId" uuid, store text)),
    attached AS (
      INSERT INTO artifact_blob (artifact_id, slot, key, path, media_type, blob_id)
      SELECT $1, slot, key, path, "mediaType", "blobId" FROM r
      ON CONFLICT (artifact_id, slot, key) DO UPDATE SET path = excluded.path, media_type = excluded.media_type,
        blob_id = excluded.blob_id, created_at = now())
    INSERT INTO placement (artifact_id, slot, store) SELECT DISTINCT $1::uuid, slot, store FROM r ON CONFLICT DO NOTHING`,
};
const movePlacementsStatement = {
  name: 'negotiation-move-placements',
  text: `DELETE FROM placement p USING (SELECT DISTINCT slot, store FROM jsonb_to_recordset($2::jsonb) AS r(slot text, store text)) r
    WHERE p.artifact_id = $1 AND p.slot = r.slot AND p.store <> r.store
      AND (SELECT count(*) FROM artifact_blob ab WHERE ab.artifact_id = $1 AND ab.slot = r.slot) = 1`,
};

/** Refers each place to its blob, instead of what it held; as `blobRecords.attachBlob` does for one. */
export async function attachBlobs(sql: Sql, artifactId: string, attachments: readonly NegotiatedAttachment[]): Promise<void> {
  const rows = JSON.stringify(attachments);
  await sql.query(attachStatement, [artifactId, rows]);
  await sql.query(movePlacementsStatement, [artifactId, rows]);
}
