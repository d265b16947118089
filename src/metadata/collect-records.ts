/**
 * Collection of blobs that nothing refers to: a location goes `live → condemned → deleting` and then its row is removed, a blob's
 * row last. Whoever refers to a blob locks its row FOR KEY SHARE at least, as a foreign key does; here it is locked FOR
 * UPDATE, and what holds it is looked at only after that, by a statement of its own: an older snapshot would miss it.
 */
import type { Sql } from './database.ts';

/**
 * True or null: does something hold the blob? Scalar subqueries, so that each is one probe of an index whatever the planner
 * thinks, and the first that finds something ends it. Whatever else may hold blobs one day (stored closures) is one line here.
 */
function heldSql(blobId: string): string {
  return `coalesce(
    (SELECT true FROM artifact_blob h WHERE h.blob_id = ${blobId} LIMIT 1),
    (SELECT true FROM lease h WHERE h.blob_id = ${blobId} AND h.expires_at > clock_timestamp() LIMIT 1),
    (SELECT true FROM upload_session h WHERE h.blob_id = ${blobId}
      AND h.state IN ('open', 'receiving', 'verifying') LIMIT 1))`;
}

/** True or null: did the owner of an artifact with this blob ask for this store? */
function wantedSql(blobId: string, store: string): string {
  return `(SELECT true FROM artifact_blob w JOIN placement p ON p.artifact_id = w.artifact_id AND p.slot = w.slot
    WHERE w.blob_id = ${blobId} AND p.store = ${store} LIMIT 1)`;
}

/** Nobody asked for this location, and another that somebody asked for is live. */
function redundantSql(location: string): string {
  return `(${wantedSql(`${location}.blob_id`, `${location}.store`)} IS NULL AND EXISTS (SELECT 1 FROM location o
    WHERE o.blob_id = ${location}.blob_id AND o.id <> ${location}.id AND o.state = 'live'
      AND ${wantedSql('o.blob_id', 'o.store')}))`;
}

/** The first id of all; where a walk begins. */
export const firstId = '00000000-0000-0000-0000-000000000000';

// In the text, not as a parameter: a plan that does not know how few they are reads the tables behind whole.
const pageSize = 1_000;

const findCandidatesStatement = {
  name: 'collect-find-candidates',
  text: `WITH page AS MATERIALIZED (SELECT id FROM blob WHERE id > $1 ORDER BY id LIMIT ${pageSize})
    SELECT (SELECT count(*)::integer FROM page) AS seen,
      (SELECT id FROM page ORDER BY id DESC LIMIT 1) AS last,
      ARRAY(SELECT p.id FROM page p
        WHERE (${heldSql('p.id')} IS NULL AND coalesce(
            (SELECT true FROM location l WHERE l.blob_id = p.id AND l.state IN ('live', 'quarantined') LIMIT 1),
            (SELECT false FROM location l WHERE l.blob_id = p.id LIMIT 1), true))
          OR (SELECT count(*) FROM location l WHERE l.blob_id = p.id AND l.state IN ('live', 'quarantined')) > 1
        ORDER BY p.id) AS ids`,
};

export interface CandidatePage {
  /** Blobs that were looked at. */
  readonly seen: number;
  /** Where the next page begins; null after the last blob. */
  readonly last: string | null;
  /** Blobs of the page that may have something to collect. */
  readonly ids: readonly string[];
}

/** Looks at the next blobs in the order of ids. Locks nothing, decides nothing. */
export async function findCandidates(sql: Sql, after: string): Promise<CandidatePage> {
  const [row] = await sql.query<CandidatePage>(findCandidatesStatement, [after]);
  return row ?? { seen: 0, last: null, ids: [] };
}

const estimateStatement = {
  text: `SELECT nullif(reltuples, -1)::bigint AS count FROM pg_class WHERE oid = 'blob'::regclass`,
};

/** About how many blobs there are; null where the database has not counted yet. */
export async function estimateBlobs(sql: Sql): Promise<number | null> {
  const [row] = await sql.query<{ count: number | null }>(estimateStatement);
  return row?.count ?? null;
}

const lockStatement = {
  name: 'collect-lock',
  text: 'SELECT id FROM blob WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE SKIP LOCKED',
};

async function lockBlobs(tx: Sql, ids: readonly string[]): Promise<readonly string[]> {
  const rows = await tx.query<{ id: string }>(lockStatement, [ids]);
  return rows.map(({ id }) => id);
}

const condemnStatement = {
  name: 'collect-condemn',
  text: `UPDATE location l SET state = 'condemned', condemned_at = clock_timestamp()
    WHERE l.blob_id = ANY($1::uuid[]) AND l.state = 'live' AND (${heldSql('l.blob_id')} IS NULL OR ${redundantSql('l')})
    RETURNING l.id`,
};
const doomBrokenStatement = {
  name: 'collect-doom-broken',
  // Nobody can revive it, so it has no grace; while it is all there is of a blob somebody needs, it stays to be reported.
  text: `UPDATE location l SET state = 'deleting' WHERE l.blob_id = ANY($1::uuid[]) AND l.state = 'quarantined'
    AND (${heldSql('l.blob_id')} IS NULL
      OR EXISTS (SELECT 1 FROM location o WHERE o.blob_id = l.blob_id AND o.store = l.store AND o.state = 'live'))
    RETURNING l.id`,
};

export interface Condemned {
  readonly condemned: number;
  /** Quarantined places that are needed no more. */
  readonly doomed: number;
  /** Rows of blobs that had no place left. */
  readonly removedBlobs: number;
}

/** Condemns what nothing holds of these blobs; what others have locked is left to the next run. In a transaction of its own. */
export async function condemnBlobs(tx: Sql, ids: readonly string[]): Promise<Condemned> {
  const locked = await lockBlobs(tx, ids);
  if (locked.length === 0) return { condemned: 0, doomed: 0, removedBlobs: 0 };
  const condemned = await tx.query(condemnStatement, [locked]);
  const doomed = await tx.query(doomBrokenStatement, [locked]);
  return { condemned: condemned.length, doomed: doomed.length, removedBlobs: await removePlaceless(tx, locked) };
}

const findDueStatement = {
  name: 'collect-find-due',
  text: `SELECT id, blob_id AS "blobId", condemned_at::text AS "condemnedAt" FROM location
    WHERE state = 'condemned' AND condemned_at <= clock_timestamp() - $1 * interval '1 millisecond'
      AND (condemned_at, id) > ($2::timestamptz, $3::uuid)
    ORDER BY condemned_at, id LIMIT 200`,
};

/** A location whose grace is over. `condemnedAt` is PostgreSQL's own text: a Date would lose its microseconds. */
export interface DueLocation {
  readonly id: string;
  readonly blobId: string;
  readonly condemnedAt: string;
}

export async function findDue(sql: Sql, graceMs: number, after: DueLocation | undefined): Promise<readonly DueLocation[]> {
  return sql.query<DueLocation>(findDueStatement, [graceMs, after?.condemnedAt ?? '-infinity', after?.id ?? firstId]);
}

const sentenceStatement = {
  name: 'collect-sentence',
  text: `WITH due AS (
      SELECT l.id, ${heldSql('l.blob_id')} IS NULL OR ${redundantSql('l')} AS "isOver" FROM location l
      WHERE l.id = ANY($1::uuid[]) AND l.blob_id = ANY($2::uuid[]) AND l.state = 'condemned'
        AND l.condemned_at <= clock_timestamp() - $3 * interval '1 millisecond')
    UPDATE location l SET state = CASE WHEN due."isOver" THEN 'deleting' ELSE 'live' END,
      condemned_at = CASE WHEN due."isOver" THEN l.condemned_at END
    FROM due WHERE due.id = l.id RETURNING l.state`,
};

/** The last look before an object is deleted: what is needed again lives, the rest has no way back. In a transaction of its own. */
export async function sentence(
  tx: Sql,
  due: readonly DueLocation[],
  graceMs: number,
): Promise<{ readonly doomed: number; readonly revived: number }> {
  const locked = await lockBlobs(tx, [...new Set(due.map(({ blobId }) => blobId))]);
  const values = [due.map(({ id }) => id), locked, graceMs];
  const rows = await tx.query<{ state: string }>(sentenceStatement, values);
  const doomed = rows.filter(({ state }) => state === 'deleting').length;
  return { doomed, revived: rows.length - doomed };
}

const findDoomedStatement = {
  name: 'collect-find-doomed',
  text: `SELECT l.id, l.blob_id AS "blobId", l.object_key AS "objectKey", b.size_bytes AS "sizeBytes"
    FROM location l JOIN blob b ON b.id = l.blob_id
    WHERE l.store = $1 AND l.state IN ('deleting', 'gone') AND l.id > $2 ORDER BY l.id LIMIT 100`,
};

export interface DoomedLocation {
  readonly id: string;
  readonly blobId: string;
  readonly objectKey: string;
  readonly sizeBytes: number;
}

/** Locations of a store whose objects are to be removed, those that a dead collector left among them. */
export async function findDoomed(sql: Sql, store: string, afterId: string): Promise<readonly DoomedLocation[]> {
  return sql.query<DoomedLocation>(findDoomedStatement, [store, afterId]);
}

const doomedStoresStatement = {
  name: 'collect-doomed-stores',
  text: `SELECT s.name FROM store s
    WHERE EXISTS (SELECT 1 FROM location l WHERE l.store = s.name AND l.state IN ('deleting', 'gone')) ORDER BY s.name`,
};

/** The stores that have something to remove. */
export async function findDoomedStores(sql: Sql): Promise<readonly string[]> {
  const rows = await sql.query<{ name: string }>(doomedStoresStatement);
  return rows.map(({ name }) => name);
}

const removeLocationsStatement = {
  name: 'collect-remove-locations',
  text: `DELETE FROM location WHERE id = ANY($1::uuid[]) AND state IN ('deleting', 'gone') RETURNING id`,
};

/** After their objects: the rows of the locations, and of blobs that have none left. In a transaction of its own. */
export async function removeLocations(
  tx: Sql,
  removed: readonly DoomedLocation[],
): Promise<{ readonly locationIds: ReadonlySet<string>; readonly blobs: number }> {
  const locked = await lockBlobs(tx, [...new Set(removed.map(({ blobId }) => blobId))]);
  const rows = await tx.query<{ id: string }>(removeLocationsStatement, [removed.map(({ id }) => id)]);
  return { locationIds: new Set(rows.map(({ id }) => id)), blobs: await removePlaceless(tx, locked) };
}

const findPlacelessStatement = {
  name: 'collect-find-placeless',
  text: `SELECT b.id FROM blob b WHERE b.id = ANY($1::uuid[]) AND ${heldSql('b.id')} IS NULL
    AND NOT EXISTS (SELECT 1 FROM location l WHERE l.blob_id = b.id)`,
};
const forgetBlobStatement = {
  name: 'collect-forget-blob',
  text: 'UPDATE upload_session SET blob_id = NULL WHERE blob_id = ANY($1::uuid[])',
};
const removeBlobsStatement = { name: 'collect-remove-blobs', text: 'DELETE FROM blob WHERE id = ANY($1::uuid[])' };

/** Of blobs that this transaction has locked, removes those without any location that nothing holds. */
async function removePlaceless(tx: Sql, locked: readonly string[]): Promise<number> {
  const rows = await tx.query<{ id: string }>(findPlacelessStatement, [locked]);
  if (rows.length === 0) return 0;
  const ids = rows.map(({ id }) => id);
  await tx.query(forgetBlobStatement, [ids]);
  await tx.query(removeBlobsStatement, [ids]);
  return ids.length;
}

const dropLeasesStatement = {
  name: 'collect-drop-leases',
  text: `DELETE FROM lease WHERE id IN (SELECT id FROM lease WHERE expires_at <= clock_timestamp() LIMIT 1000) RETURNING id`,
};

/** Drops leases that have run out, up to a thousand. */
export async function dropExpiredLeases(sql: Sql): Promise<number> {
  return (await sql.query(dropLeasesStatement)).length;
}
