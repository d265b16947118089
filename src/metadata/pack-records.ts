/**
 * Packs: many small blobs of one artifact in one request. While it runs, a pack is one session of kind `single`, whose place is
 * none of the artifact's (no slot, its own id as key) and whose object key is what the keys of its members begin with. What ends
 * it is asked and written for all members at once, so that their number costs no round trips.
 */
import { type BlobBytes, placeAttempts } from './blob-records.ts';
import type { Sql } from './database.ts';
import { writerLeaseMs } from './upload-records.ts';

export interface NewPack {
  readonly id: string;
  /** Of the artifact. */
  readonly project: string;
  readonly createdBy: string;
  readonly artifactId: string;
  readonly store: string;
  /** Keys of members are this one, a dash and a number. */
  readonly objectKey: string;
  readonly limitBytes: number;
  readonly writer: string;
}

const beginStatement = {
  name: 'pack-begin',
  text: `WITH unhurried AS (SELECT set_config('synchronous_commit', 'off', true)),
      t AS (SELECT clock_timestamp() + $9 * interval '1 millisecond' AS at FROM unhurried)
    INSERT INTO upload_session (id, project, created_by, artifact_id, slot, key, path, media_type, store, object_key, state,
      limit_bytes, writer, writer_expires_at, expires_at)
    SELECT $1::uuid, $2, $3, $4, '', $1::uuid::text, '', 'application/x-tar', $5, $6, 'receiving', $7, $8, t.at, t.at FROM t`,
};

/** Its commit does not wait for the disk: a pack whose session a crash of the database loses is not attached (`endUpload`). */
export async function beginPack(sql: Sql, pack: NewPack): Promise<void> {
  await sql.query(beginStatement, [
    pack.id,
    pack.project,
    pack.createdBy,
    pack.artifactId,
    pack.store,
    pack.objectKey,
    pack.limitBytes,
    pack.writer,
    writerLeaseMs,
  ]);
}

const busyPlacesStatement = {
  name: 'pack-busy-places',
  text: `SELECT slot, key FROM upload_session WHERE artifact_id = $1 AND state IN ('open', 'receiving', 'verifying')
    AND CASE kind WHEN 'single' THEN writer_expires_at ELSE expires_at END > clock_timestamp()`,
};

/** Places of the artifact that somebody is sending a blob to. */
export async function readBusyPlaces(
  sql: Sql,
  artifactId: string,
): Promise<readonly { readonly slot: string; readonly key: string }[]> {
  return sql.query<{ slot: string; key: string }>(busyPlacesStatement, [artifactId]);
}

/** Where a store has bytes that are on record, if it is right. */
export interface StoredLocation {
  readonly id: string;
  readonly sha256: string;
  readonly objectKey: string;
  readonly sizeBytes: number;
}

/** From the blobs to their locations, whatever the planner believes: while a store fills, it knows of few, and would look at all. */
const findStoredStatement = {
  name: 'pack-find-stored',
  text: `WITH b AS MATERIALIZED (SELECT id, digest_value, size_bytes FROM blob
      WHERE digest_algorithm = 'sha256' AND digest_value = ANY($1::text[]))
    SELECT l.id, b.digest_value AS sha256, l.object_key AS "objectKey", b.size_bytes AS "sizeBytes"
    FROM b CROSS JOIN LATERAL (SELECT id, object_key FROM location
      WHERE blob_id = b.id AND store = $2 AND state IN ('live', 'condemned') OFFSET 0) l`,
};

export async function findStored(sql: Sql, sha256s: readonly string[], store: string): Promise<readonly StoredLocation[]> {
  return sql.query<StoredLocation>(findStoredStatement, [sha256s, store]);
}

/** In one order, whoever inserts: who waits for another's row holds none that the other waits for. */
const insertBlobsStatement = {
  name: 'pack-insert-blobs',
  text: `INSERT INTO blob (id, digest_algorithm, digest_value, size_bytes)
    SELECT r.id, 'sha256', r.sha256, r."sizeBytes"
    FROM jsonb_to_recordset($1::jsonb) AS r(id uuid, sha256 text, "sizeBytes" bigint) ORDER BY r.sha256 COLLATE "C"
    ON CONFLICT (digest_algorithm, digest_value) DO NOTHING RETURNING id, digest_value AS sha256, size_bytes AS "sizeBytes"`,
};
const lockBlobsStatement = {
  name: 'pack-lock-blobs',
  text: `SELECT id, digest_value AS sha256, size_bytes AS "sizeBytes" FROM blob
    WHERE digest_algorithm = 'sha256' AND digest_value = ANY($1::text[]) ORDER BY id FOR SHARE`,
};

interface HeldBlob {
  readonly id: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}

/**
 * The rows of these bytes by their SHA-256, new or shared, held against collection until the transaction ends.
 * @param blobs different ones, each with an id for a new row
 */
export async function holdBlobs(
  sql: Sql,
  blobs: readonly (Pick<BlobBytes, 'sha256' | 'sizeBytes'> & { readonly id: string })[],
): Promise<ReadonlyMap<string, string>> {
  const held = new Map<string, string>();
  const meant = new Map(blobs.map(({ sha256, sizeBytes }) => [sha256, sizeBytes]));
  const note = (rows: readonly HeldBlob[]): void => {
    for (const { id, sha256, sizeBytes } of rows) {
      if (meant.get(sha256) !== sizeBytes) throw new Error(`blob sha256:${sha256} is known with another size`);
      held.set(sha256, id);
    }
  };
  // Twice at most: between the insert that found rows and the lock, a collector may have removed some.
  for (let attempt = 0; attempt < 2 && held.size < blobs.length; attempt += 1) {
    const rest = blobs.filter(({ sha256 }) => !held.has(sha256)).map(({ id, sha256, sizeBytes }) => ({ id, sha256, sizeBytes }));
    note(await sql.query<HeldBlob>(insertBlobsStatement, [JSON.stringify(rest)]));
    const shared = rest.map(({ sha256 }) => sha256).filter((sha256) => !held.has(sha256));
    if (shared.length > 0) note(await sql.query<HeldBlob>(lockBlobsStatement, [shared]));
  }
  if (held.size < blobs.length) throw new Error('blobs of a pack are removed as often as they are inserted');
  return held;
}

const retireStatement = {
  name: 'pack-retire-locations',
  text: `UPDATE location SET state = 'deleting' WHERE id = ANY($1::uuid[]) AND state IN ('live', 'condemned')`,
};
const placeStatement = {
  name: 'pack-place-blobs',
  text: `WITH r AS (SELECT * FROM jsonb_to_recordset($2::jsonb)
        AS r("blobId" uuid, "locationId" uuid, "objectKey" text, sha512 text, md5 text)),
    digests AS (
      INSERT INTO blob_digest (blob_id, algorithm, value)
      SELECT r."blobId", d.algorithm, d.value FROM r CROSS JOIN LATERAL (VALUES ('sha512', r.sha512), ('md5', r.md5)) AS d(algorithm, value)
      ORDER BY r."blobId" ON CONFLICT DO NOTHING)
    INSERT INTO location (id, blob_id, store, object_key, state, verified_at, generation)
    SELECT r."locationId", r."blobId", $1, r."objectKey", 'live', now(),
      1 + coalesce((SELECT max(generation) FROM location l WHERE l.blob_id = r."blobId" AND l.store = $1), 0)
    FROM r ORDER BY r."blobId"
    ON CONFLICT (blob_id, store) WHERE state IN ('live', 'condemned') DO NOTHING RETURNING blob_id AS "blobId", object_key AS "objectKey"`,
};
const reviveStatement = {
  name: 'pack-revive-locations',
  text: `UPDATE location SET state = 'live', condemned_at = NULL
    WHERE blob_id = ANY($1::uuid[]) AND store = $2 AND state IN ('live', 'condemned') RETURNING blob_id AS "blobId"`,
};

/** One for each blob of a pack. */
export interface PackedLocation {
  readonly blobId: string;
  readonly locationId: string;
  readonly objectKey: string;
  readonly sha512: string;
  readonly md5: string;
}

/**
 * The keys of the objects that are their blobs' locations now; of the other blobs the store had one already, which is revived.
 * @param brokenIds current locations whose objects are missing or of another size: replaced, and left to a collector
 */
export async function placeBlobs(
  sql: Sql,
  store: string,
  locations: readonly PackedLocation[],
  brokenIds: readonly string[],
): Promise<ReadonlySet<string>> {
  if (brokenIds.length > 0) await sql.query(retireStatement, [brokenIds]);
  const placed = new Set<string>();
  let rest = locations;
  // What stood in the way of one may be quarantined before it is revived, as `placeBlob` says.
  for (let attempt = 0; attempt < placeAttempts && rest.length > 0; attempt += 1) {
    const inserted = await sql.query<{ blobId: string; objectKey: string }>(placeStatement, [store, JSON.stringify(rest)]);
    for (const { objectKey } of inserted) placed.add(objectKey);
    rest = without(rest, inserted);
    if (rest.length === 0) break;
    rest = without(rest, await sql.query<{ blobId: string }>(reviveStatement, [rest.map(({ blobId }) => blobId), store]));
  }
  if (rest.length > 0) throw new Error(`blobs have locations in ${store} whenever some are inserted, and none to revive`);
  return placed;
}

function without(locations: readonly PackedLocation[], found: readonly { readonly blobId: string }[]): readonly PackedLocation[] {
  const ids = new Set(found.map(({ blobId }) => blobId));
  return locations.filter(({ blobId }) => !ids.has(blobId));
}
