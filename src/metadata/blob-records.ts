/** Blobs, where they physically are, and which place of which artifact refers to them. */
import type { ArtifactState, Digests, SlotEntry, Visibility } from '#core/artifact.ts';
import type { Sql } from './database.ts';
import type { SlotPlace } from './upload-records.ts';
import { readableSql, type Viewer } from './visibility-sql.ts';

/** A place bytes can be read from. */
export interface BlobLocation {
  readonly store: string;
  readonly objectKey: string;
}

/** What a download needs to know: the artifact, and the entry with its locations where there is one. */
export interface DownloadRow {
  readonly project: string;
  readonly type: string;
  readonly state: ArtifactState;
  readonly visibility: Visibility;
  readonly entry: (SlotEntry & { readonly attachedAt: Date; readonly locations: readonly BlobLocation[] }) | undefined;
}

interface RawDownload {
  readonly project: string;
  readonly type: string;
  readonly state: ArtifactState;
  readonly visibility: Visibility;
  readonly path: string | null;
  readonly media_type: string;
  readonly attached_at: Date;
  readonly size_bytes: number;
  readonly sha256: string;
  readonly sha512: string | null;
  readonly md5: string | null;
  readonly locations: readonly (readonly [string, string])[] | null;
}

/** The locations of `b`, those the owner asked for first; as pairs of store and key. */
const locationsSql = `(SELECT json_agg(json_build_array(l.store, l.object_key) ORDER BY p.store IS NULL, l.created_at)
  FROM location l LEFT JOIN placement p ON p.artifact_id = ab.artifact_id AND p.slot = ab.slot AND p.store = l.store
  WHERE l.blob_id = b.id AND l.state = 'live')`;

const findDownloadStatement = {
  name: 'blob-find-download',
  text: `SELECT a.project, a.type, a.state, a.visibility, ab.path, ab.media_type, ab.created_at AS attached_at, b.size_bytes,
      b.digest_value AS sha256,
      (SELECT d.value FROM blob_digest d WHERE d.blob_id = b.id AND d.algorithm = 'sha512') AS sha512,
      (SELECT d.value FROM blob_digest d WHERE d.blob_id = b.id AND d.algorithm = 'md5') AS md5,
      ${locationsSql} AS locations
    FROM artifact a
    LEFT JOIN artifact_blob ab ON ab.artifact_id = a.id AND ab.slot = $4 AND ab.key = $5
    LEFT JOIN blob b ON b.id = ab.blob_id
    WHERE a.id = $3 AND ($6::text IS NULL OR a.type = $6)
      AND ${readableSql('a', { project: '$1::text', isAdmin: '$2::boolean' })}`,
};

export interface DownloadQuery {
  readonly artifactId: string;
  readonly slot: string;
  readonly key: string;
  /** Only an artifact of this type; null: of any. */
  readonly type: string | null;
}

/** One statement: may this viewer read the artifact, and where are the bytes? Undefined for what it may not read. */
export async function findDownload(
  sql: Sql,
  { project, isAdmin }: Viewer,
  query: DownloadQuery,
): Promise<DownloadRow | undefined> {
  const values = [project, isAdmin, query.artifactId, query.slot, query.key, query.type];
  const [row] = await sql.query<RawDownload>(findDownloadStatement, values);
  if (row === undefined) return undefined;
  const { type, state, visibility } = row;
  return { project: row.project, type, state, visibility, entry: toEntry(row, query) };
}

function toEntry(row: RawDownload, query: DownloadQuery): DownloadRow['entry'] {
  if (row.path === null) return undefined;
  return {
    slot: query.slot,
    key: query.key,
    path: row.path,
    mediaType: row.media_type,
    sizeBytes: row.size_bytes,
    sha256: row.sha256,
    sha512: row.sha512 ?? '',
    md5: row.md5 ?? '',
    attachedAt: row.attached_at,
    locations: (row.locations ?? []).map(([store, objectKey]) => ({ store, objectKey })),
  };
}

const insertBlobStatement = {
  name: 'blob-insert',
  text: `INSERT INTO blob (id, digest_algorithm, digest_value, size_bytes) VALUES ($1, 'sha256', $2, $3)
    ON CONFLICT (digest_algorithm, digest_value) DO NOTHING`,
};
const lockBlobStatement = {
  name: 'blob-lock-shared',
  text: `SELECT id, size_bytes FROM blob WHERE digest_algorithm = 'sha256' AND digest_value = $1 FOR SHARE`,
};
const insertDigestsStatement = {
  name: 'blob-insert-digests',
  text: `INSERT INTO blob_digest (blob_id, algorithm, value) VALUES ($1, 'sha512', $2), ($1, 'md5', $3) ON CONFLICT DO NOTHING`,
};

export interface BlobBytes extends Digests {
  readonly sizeBytes: number;
}

/**
 * The row of these bytes, new or shared, held against collection until the transaction ends (a collector takes FOR UPDATE).
 * @param newId for a new row
 */
export async function holdBlob(sql: Sql, newId: string, bytes: BlobBytes): Promise<string> {
  // Twice at most: between the insert that found a row and the lock, a collector may have removed it.
  for (let attempt = 0; attempt < 2; attempt += 1) {
    await sql.query(insertBlobStatement, [newId, bytes.sha256, bytes.sizeBytes]);
    const [row] = await sql.query<{ id: string; size_bytes: number }>(lockBlobStatement, [bytes.sha256]);
    if (row === undefined) continue;
    if (row.size_bytes !== bytes.sizeBytes) throw new Error(`blob sha256:${bytes.sha256} is known with another size`);
    await sql.query(insertDigestsStatement, [row.id, bytes.sha512, bytes.md5]);
    return row.id;
  }
  throw new Error(`blob sha256:${bytes.sha256} is removed as often as it is inserted`);
}

/** Bytes on record, and their one location in a store that counts: live, or condemned and still to be revived. */
export interface StoredBlob {
  readonly blobId: string;
  readonly location: { readonly id: string; readonly objectKey: string } | null;
}

const findStoredStatement = {
  name: 'blob-find-stored',
  text: `SELECT b.id AS "blobId", l.id AS "locationId", l.object_key AS "objectKey"
    FROM blob b LEFT JOIN location l ON l.blob_id = b.id AND l.store = $2 AND l.state IN ('live', 'condemned')
    WHERE b.digest_algorithm = 'sha256' AND b.digest_value = $1`,
};

/** What the database knows of these bytes, and where the store has them, if it is right; undefined for new ones. */
export async function findStoredBlob(sql: Sql, sha256: string, store: string): Promise<StoredBlob | undefined> {
  const [row] = await sql.query<{ blobId: string; locationId: string | null; objectKey: string | null }>(findStoredStatement, [
    sha256,
    store,
  ]);
  if (row === undefined) return undefined;
  const { blobId, locationId, objectKey } = row;
  return { blobId, location: locationId === null || objectKey === null ? null : { id: locationId, objectKey } };
}

const retireStatement = {
  name: 'location-retire',
  text: `UPDATE location SET state = 'deleting' WHERE id = $1 AND state IN ('live', 'condemned')`,
};
const insertLocationStatement = {
  name: 'location-insert',
  text: `INSERT INTO location (id, blob_id, store, object_key, state, verified_at, generation)
    SELECT $1, $2, $3, $4, 'live', now(), 1 + coalesce((SELECT max(generation) FROM location WHERE blob_id = $2 AND store = $3), 0)
    ON CONFLICT (blob_id, store) WHERE state IN ('live', 'condemned') DO NOTHING RETURNING id`,
};
const reviveStatement = {
  name: 'location-revive',
  text: `UPDATE location SET state = 'live', condemned_at = NULL WHERE blob_id = $1 AND store = $2 AND state IN ('live', 'condemned')
    RETURNING id`,
};

/** How often a place is tried to be given beside who takes places away. */
export const placeAttempts = 5;

export interface NewLocation {
  readonly id: string;
  readonly blobId: string;
  readonly store: string;
  readonly objectKey: string;
  /** A current location whose object is missing or of another size: replaced by this one, and left to a collector. */
  readonly brokenId: string | null;
}

/** True when the new object is the blob's location now; false when the store had one already, which is revived, and the new one is redundant. */
export async function placeBlob(sql: Sql, location: NewLocation): Promise<boolean> {
  if (location.brokenId !== null) await sql.query(retireStatement, [location.brokenId]);
  const values = [location.id, location.blobId, location.store, location.objectKey];
  // What stood in the way may be quarantined before it is revived, for which nobody waits for whoever holds the blob.
  for (let attempt = 0; attempt < placeAttempts; attempt += 1) {
    if ((await sql.query(insertLocationStatement, values)).length > 0) return true;
    if ((await sql.query(reviveStatement, [location.blobId, location.store])).length > 0) return false;
  }
  throw new Error(`blob ${location.blobId} has a location in ${location.store} whenever one is inserted, and none to revive`);
}

const attachStatement = {
  name: 'artifact-blob-attach',
  text: `INSERT INTO artifact_blob (artifact_id, slot, key, path, media_type, blob_id) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (artifact_id, slot, key) DO UPDATE SET path = excluded.path, media_type = excluded.media_type,
      blob_id = excluded.blob_id, created_at = now()`,
};
const movePlacementStatement = {
  name: 'placement-move',
  text: `DELETE FROM placement WHERE artifact_id = $1 AND slot = $2 AND store <> $3
    AND (SELECT count(*) FROM artifact_blob WHERE artifact_id = $1 AND slot = $2) = 1`,
};
const insertPlacementStatement = {
  name: 'placement-insert',
  text: 'INSERT INTO placement (artifact_id, slot, store) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
};

export interface Attachment extends SlotPlace {
  readonly mediaType: string;
  readonly blobId: string;
  readonly store: string;
}

/** Refers the place to the blob, instead of what it held, and notes the store that was asked for. */
export async function attachBlob(sql: Sql, place: Attachment): Promise<void> {
  await sql.query(attachStatement, [place.artifactId, place.slot, place.key, place.path, place.mediaType, place.blobId]);
  await sql.query(insertPlacementStatement, [place.artifactId, place.slot, place.store]);
  await sql.query(movePlacementStatement, [place.artifactId, place.slot, place.store]);
}

const detachStatement = {
  name: 'artifact-blob-detach',
  text: `DELETE FROM artifact_blob ab USING blob b WHERE ab.artifact_id = $1 AND ab.slot = $2 AND ab.key = $3 AND b.id = ab.blob_id
    RETURNING ab.path, b.digest_value AS sha256`,
};
const dropPlacementStatement = {
  name: 'placement-drop-empty',
  text: `DELETE FROM placement WHERE artifact_id = $1 AND slot = $2
    AND NOT EXISTS (SELECT 1 FROM artifact_blob WHERE artifact_id = $1 AND slot = $2)`,
};

/** What the place held, or undefined when it held nothing. The blob stays until a collector finds that nobody refers to it. */
export async function detachBlob(
  sql: Sql,
  artifactId: string,
  slot: string,
  key: string,
): Promise<{ readonly path: string; readonly sha256: string } | undefined> {
  const [row] = await sql.query<{ path: string; sha256: string }>(detachStatement, [artifactId, slot, key]);
  if (row !== undefined) await sql.query(dropPlacementStatement, [artifactId, slot]);
  return row;
}

const touchStatement = {
  name: 'artifact-touch',
  text: 'UPDATE artifact SET revision = revision + 1, updated_at = now() WHERE id = $1 RETURNING revision',
};

/** Counts a change of an artifact's slots; the new revision. */
export async function touchArtifact(sql: Sql, artifactId: string): Promise<number> {
  const [row] = await sql.query<{ revision: number }>(touchStatement, [artifactId]);
  if (row === undefined) throw new Error('an artifact that was locked is gone');
  return row.revision;
}
