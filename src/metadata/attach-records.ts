/**
 * The end of an upload of bytes that nobody had before, in one statement: session, blob, digests, location, place, placement,
 * revision, event and audit row. Most uploads end so, and under the lock of their artifact, which others wait for.
 */
import { foldPath } from '#core/names.ts';
import type { BlobBytes } from './blob-records.ts';
import type { Sql } from './database.ts';
import type { ChangeRow } from './event-records.ts';
import { nearPathsSql, type Occupancy, type SlotPlace } from './upload-records.ts';

export interface NewBlobAttachment extends SlotPlace {
  readonly mediaType: string;
  readonly store: string;
  readonly objectKey: string;
  readonly blobId: string;
  readonly locationId: string;
  readonly bytes: BlobBytes;
  /** The session of one request that ends with it; null where the session was ended before. */
  readonly session: { readonly id: string; readonly writer: string } | null;
  readonly change: Omit<ChangeRow, 'revision'>;
}

export interface NewBlobOutcome extends Occupancy {
  /** False: the session is not this writer's any more. */
  readonly isEnded: boolean;
  /** False: nothing was written, because there is no room, or because somebody else has inserted the blob meanwhile. */
  readonly isNew: boolean;
  readonly revision: number | null;
}

const attachNewStatement = {
  name: 'attach-new-blob',
  text: `WITH other AS (SELECT slot, path FROM artifact_blob WHERE artifact_id = $1 AND (slot, key) <> ($2, $3)),
    ended AS (DELETE FROM upload_session WHERE id = $15 AND state = 'receiving' AND writer = $16 RETURNING id),
    allowed AS (SELECT 1 WHERE $15::uuid IS NULL OR EXISTS (SELECT 1 FROM ended)),
    b AS (
      INSERT INTO blob (id, digest_algorithm, digest_value, size_bytes) SELECT $9, 'sha256', $11, $14 FROM allowed
      WHERE NOT EXISTS (SELECT 1 FROM other WHERE other.path = $4)
      ON CONFLICT (digest_algorithm, digest_value) DO NOTHING RETURNING id),
    digests AS (
      INSERT INTO blob_digest (blob_id, algorithm, value)
      SELECT b.id, d.algorithm, d.value FROM b, (VALUES ('sha512', $12::text), ('md5', $13::text)) AS d(algorithm, value)),
    located AS (
      INSERT INTO location (id, blob_id, store, object_key, state, verified_at) SELECT $10, b.id, $7, $8, 'live', now() FROM b),
    attached AS (
      INSERT INTO artifact_blob (artifact_id, slot, key, path, media_type, blob_id) SELECT $1, $2, $3, $4, $6, b.id FROM b
      ON CONFLICT (artifact_id, slot, key) DO UPDATE SET path = excluded.path, media_type = excluded.media_type,
        blob_id = excluded.blob_id, created_at = now()),
    placed AS (
      INSERT INTO placement (artifact_id, slot, store) SELECT $1, $2, $7 FROM b ON CONFLICT DO NOTHING),
    moved AS (
      DELETE FROM placement USING b WHERE artifact_id = $1 AND slot = $2 AND store <> $7
        AND NOT EXISTS (SELECT 1 FROM other WHERE other.slot = $2)),
    touched AS (
      UPDATE artifact SET revision = revision + 1, updated_at = now() FROM b WHERE artifact.id = $1 RETURNING revision),
    event AS (
      INSERT INTO event (kind, project, subject_type, subject_id, revision, payload, request_id, traceparent)
      SELECT $17, $18, $19, $1, revision, $20, $21, $22 FROM touched),
    audit AS (
      INSERT INTO audit (caller, project, action, subject_type, subject_id, revision, source_address, detail, request_id, traceparent)
      SELECT $23, $18, $24, $19, $1, revision, $25, $26, $21, $22 FROM touched)
    SELECT EXISTS (SELECT 1 FROM allowed) AS "isEnded", EXISTS (SELECT 1 FROM b) AS "isNew", (SELECT revision FROM touched) AS revision,
      (SELECT count(*) FROM other WHERE slot = $2)::integer AS others,
      (SELECT array_agg(path) FILTER (WHERE ${nearPathsSql('$5')}) FROM other) AS near`,
};

/**
 * In a transaction that holds the artifact's lock, and is to be rolled back unless the outcome is good: it is written before
 * it is known whether there is room for it.
 */
export async function attachNewBlob(sql: Sql, attachment: NewBlobAttachment): Promise<NewBlobOutcome> {
  const { bytes, change, session } = attachment;
  const [row] = await sql.query<Omit<NewBlobOutcome, 'near'> & { near: readonly string[] | null }>(attachNewStatement, [
    attachment.artifactId,
    attachment.slot,
    attachment.key,
    attachment.path,
    foldPath(attachment.path),
    attachment.mediaType,
    attachment.store,
    attachment.objectKey,
    attachment.blobId,
    attachment.locationId,
    bytes.sha256,
    bytes.sha512,
    bytes.md5,
    bytes.sizeBytes,
    session?.id ?? null,
    session?.writer ?? null,
    change.kind,
    change.project,
    change.subjectType,
    JSON.stringify(change.payload),
    change.requestId,
    change.traceparent,
    change.caller,
    change.action,
    change.sourceAddress,
    JSON.stringify(change.detail),
  ]);
  if (row === undefined) throw new Error('a statement that always answers did not');
  return { ...row, near: row.near ?? [] };
}
