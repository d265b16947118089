/** What publish asks of an artifact's bytes: is anything still coming, and is every blob where it should be. */
import type { Sql } from './database.ts';

const openSessionsStatement = {
  name: 'readiness-open-uploads',
  text: `SELECT slot, path FROM upload_session
    WHERE artifact_id = $1 AND (state = 'verifying' OR (state IN ('open', 'receiving') AND expires_at > now())) ORDER BY slot, path`,
};

/** Uploads into the artifact that have neither ended nor expired; what is whole does not expire. */
export async function listOpenUploads(
  sql: Sql,
  artifactId: string,
): Promise<readonly { readonly slot: string; readonly path: string }[]> {
  return sql.query<{ slot: string; path: string }>(openSessionsStatement, [artifactId]);
}

/** Blob by blob: while a store fills, the planner knows of few locations, and would read them all. */
const locationsStatement = {
  name: 'readiness-blob-locations',
  text: `SELECT ab.path, l.store, l.object_key AS "objectKey" FROM artifact_blob ab
    CROSS JOIN LATERAL (SELECT id, store, object_key, created_at FROM location WHERE blob_id = ab.blob_id AND state = 'live' OFFSET 0) l
    WHERE ab.artifact_id = $1 ORDER BY l.created_at, l.id`,
};

/** A place that one blob of an artifact can be read from. */
export interface BlobPlace {
  /** Of the blob in its artifact. */
  readonly path: string;
  readonly store: string;
  readonly objectKey: string;
}

/** Every place of every blob of an artifact, the oldest first. */
export async function listBlobPlaces(sql: Sql, artifactId: string): Promise<readonly BlobPlace[]> {
  return sql.query<BlobPlace>(locationsStatement, [artifactId]);
}

/** One blob of an artifact, with a place it can be read from; `store` is null where it has none. */
export interface BlobSource {
  readonly slot: string;
  readonly path: string;
  readonly store: string | null;
  readonly objectKey: string | null;
}

const sourcesSql = `SELECT ab.slot, ab.path, l.store, l.object_key AS "objectKey"
  FROM artifact_blob ab JOIN blob b ON b.id = ab.blob_id
  LEFT JOIN LATERAL (SELECT store, object_key FROM location WHERE blob_id = b.id AND state = 'live'
    ORDER BY created_at LIMIT 1) l ON true
  WHERE ab.artifact_id = $1 ORDER BY ab.blob_id`;

// The weakest lock that will do: who publishes the same bytes, or writes down where they are, does not wait.
const lockSourcesStatement = { name: 'readiness-lock-blobs', text: `${sourcesSql} FOR KEY SHARE OF b` };

/** All blobs of an artifact; a collector (which takes FOR UPDATE) waits until this transaction ends. */
export async function lockBlobSources(sql: Sql, artifactId: string): Promise<readonly BlobSource[]> {
  return sql.query<BlobSource>(lockSourcesStatement, [artifactId]);
}
