/** Places whose bytes are not the blob's: kept from readers until the right bytes come again. */
import type { Sql } from './database.ts';

/** No object, one of another size, one with other bytes. */
export type LocationFault = 'missing' | 'size' | 'digest';

const quarantineStatement = {
  name: 'location-quarantine',
  text: `UPDATE location SET state = 'quarantined', fault = $2, fault_at = clock_timestamp()
    WHERE id = $1 AND state = 'live' RETURNING blob_id AS "blobId"`,
};

const holdBlobStatement = {
  name: 'location-hold-blob',
  text: 'SELECT 1 FROM blob WHERE id = (SELECT blob_id FROM location WHERE id = $1) FOR SHARE',
};

/** The blob, or undefined when the location is no longer live: removed, or replaced meanwhile. In a transaction. */
export async function quarantine(tx: Sql, locationId: string, fault: LocationFault): Promise<string | undefined> {
  // As everybody who moves bytes: nobody writes down meanwhile where they are.
  await tx.query(holdBlobStatement, [locationId]);
  const [row] = await tx.query<{ blobId: string }>(quarantineStatement, [locationId, fault]);
  return row?.blobId;
}

const restoreStatement = {
  name: 'location-restore',
  // Where another took its place meanwhile, it is redundant.
  text: `UPDATE location l SET fault = NULL, fault_at = NULL, verified_at = now(), state = CASE WHEN EXISTS (
      SELECT 1 FROM location o WHERE o.blob_id = l.blob_id AND o.store = l.store AND o.state IN ('live', 'condemned'))
      THEN 'deleting' ELSE 'live' END
    WHERE l.id = $1 AND l.state = 'quarantined' RETURNING l.state`,
};
const lockBlobStatement = {
  name: 'location-lock-blob',
  text: 'SELECT 1 FROM blob WHERE id = (SELECT blob_id FROM location WHERE id = $1) FOR UPDATE',
};

/** For an object that has the right bytes after all: true when its location is live again. In a transaction of its own. */
export async function restore(tx: Sql, locationId: string): Promise<boolean> {
  // Nobody places the blob anew meanwhile: that would hold its row.
  await tx.query(lockBlobStatement, [locationId]);
  const [row] = await tx.query<{ state: string }>(restoreStatement, [locationId]);
  return row?.state === 'live';
}

/** An artifact with a blob that some place has lost. */
export interface HitArtifact {
  readonly id: string;
  readonly project: string;
  readonly type: string;
  readonly name: string | null;
  readonly version: string | null;
  readonly revision: number;
  readonly slot: string;
  readonly path: string;
}

const findHitStatement = {
  name: 'quarantine-find-hit',
  text: `SELECT a.id, a.project, a.type, a.name, a.version, a.revision, ab.slot, ab.path
    FROM artifact_blob ab JOIN artifact a ON a.id = ab.artifact_id WHERE ab.blob_id = $1 ORDER BY a.id, ab.slot, ab.path LIMIT $2`,
};

/** Who has the blob, up to a number. */
export async function findHitArtifacts(sql: Sql, blobId: string, limit: number): Promise<readonly HitArtifact[]> {
  return sql.query<HitArtifact>(findHitStatement, [blobId, limit]);
}

const hasLiveStatement = {
  name: 'quarantine-has-live',
  text: `SELECT 1 FROM location WHERE blob_id = $1 AND state = 'live' AND id <> $2 LIMIT 1`,
};

/** Has the blob another place that it can be read from? */
export async function hasOtherPlace(sql: Sql, blobId: string, exceptId: string): Promise<boolean> {
  return (await sql.query(hasLiveStatement, [blobId, exceptId])).length > 0;
}

export interface QuarantinedLocation {
  readonly id: string;
  readonly blobId: string;
  readonly objectKey: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly fault: LocationFault;
}

const listStatement = {
  name: 'quarantine-list',
  text: `SELECT l.id, l.blob_id AS "blobId", l.object_key AS "objectKey", b.size_bytes AS "sizeBytes", b.digest_value AS sha256, l.fault
    FROM location l JOIN blob b ON b.id = l.blob_id
    WHERE l.store = $1 AND l.state = 'quarantined' AND l.id > $2 ORDER BY l.id LIMIT 100`,
};

/** The quarantined places of a store, page by page in the order of ids. */
export async function listQuarantined(sql: Sql, store: string, afterId: string): Promise<readonly QuarantinedLocation[]> {
  return sql.query<QuarantinedLocation>(listStatement, [store, afterId]);
}

const countStatement = {
  name: 'quarantine-count',
  // Each by its own partial index: what is live is never counted.
  text: `SELECT 'quarantined' AS state, count(*)::integer AS count FROM location WHERE state = 'quarantined'
    UNION ALL SELECT 'condemned', count(*)::integer FROM location WHERE state = 'condemned'
    UNION ALL SELECT 'deleting', count(*)::integer FROM location WHERE state IN ('deleting', 'gone')`,
};

export interface PlaceCount {
  readonly state: 'quarantined' | 'condemned' | 'deleting';
  readonly count: number;
}

/** How many places are not live, for metrics. */
export async function countPlaces(sql: Sql): Promise<readonly PlaceCount[]> {
  return sql.query<PlaceCount>(countStatement);
}
