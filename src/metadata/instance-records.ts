/** What a database belongs to: its instance, the stores it knows by id, and the released type versions it was written under. */
import type { Sql } from './database.ts';

export interface Instance {
  readonly id: string;
  readonly keyFingerprint: string;
}

const insertInstanceStatement = {
  text: 'INSERT INTO instance (id, key_fingerprint) VALUES ($1, $2) ON CONFLICT (singleton) DO NOTHING',
};
const findInstanceStatement = { text: 'SELECT id, key_fingerprint AS "keyFingerprint" FROM instance' };

/** The database's instance; undefined before its first start. */
export async function findInstance(sql: Sql): Promise<Instance | undefined> {
  const [row] = await sql.query<Instance>(findInstanceStatement);
  return row;
}

/** The database's instance; this one when it had none. */
export async function claimInstance(sql: Sql, instance: Instance): Promise<Instance> {
  await sql.query(insertInstanceStatement, [instance.id, instance.keyFingerprint]);
  const row = await findInstance(sql);
  if (row === undefined) throw new Error('an instance was inserted and is not there');
  return row;
}

export interface StoreRow {
  readonly name: string;
  readonly storeId: string;
  readonly kind: string;
}

const insertStoreStatement = {
  text: 'INSERT INTO store (name, store_id, kind) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING',
};
const findStoreStatement = { text: 'SELECT name, store_id AS "storeId", kind FROM store WHERE name = $1' };

export async function findStore(sql: Sql, name: string): Promise<StoreRow | undefined> {
  const [row] = await sql.query<StoreRow>(findStoreStatement, [name]);
  return row;
}

const listStoresStatement = { text: 'SELECT name FROM store ORDER BY name' };

/** Every store that the database knows, also those that no node has configured any more. */
export async function listStoreNames(sql: Sql): Promise<readonly string[]> {
  const rows = await sql.query<{ name: string }>(listStoresStatement);
  return rows.map(({ name }) => name);
}

/** The row under that name: this one when there was none. Waits for another node that is inserting it. */
export async function claimStore(sql: Sql, store: StoreRow): Promise<StoreRow> {
  await sql.query(insertStoreStatement, [store.name, store.storeId, store.kind]);
  const row = await findStore(sql, store.name);
  if (row === undefined) throw new Error('a store was inserted and is not there');
  return row;
}

export interface TypeVersionRow {
  readonly type: string;
  readonly version: string;
  readonly digest: string;
}

const claimTypeVersionsStatement = {
  text: `INSERT INTO type_version (type, version, digest)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) ON CONFLICT (type, version) DO NOTHING`,
};
const changedTypeVersionsStatement = {
  text: `SELECT v.type, v.version, v.digest FROM type_version v
    JOIN unnest($1::text[], $2::text[], $3::text[]) AS l (type, version, digest) USING (type, version)
    WHERE v.digest <> l.digest ORDER BY v.type, v.version`,
};

/** Notes versions that the database has not seen; answers those it knows with another digest. */
export async function claimTypeVersions(sql: Sql, versions: readonly TypeVersionRow[]): Promise<readonly TypeVersionRow[]> {
  // In one order on every node, so that two that start at once wait for each other instead of deadlocking.
  const sorted = versions.toSorted((a, b) => (`${a.type}\0${a.version}` < `${b.type}\0${b.version}` ? -1 : 1));
  const columns = [sorted.map(({ type }) => type), sorted.map(({ version }) => version), sorted.map(({ digest }) => digest)];
  await sql.query(claimTypeVersionsStatement, columns);
  return sql.query<TypeVersionRow>(changedTypeVersionsStatement, columns);
}
