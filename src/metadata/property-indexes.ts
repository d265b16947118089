/**
 * Real indexes for the properties that types call filterable or sortable (property-index-definitions.ts), and the trees of lists
 * (order-trees.ts): made online, outside the migrations, because types come and go without a release of Vitrine, and not every
 * server has what a tree needs. Lists work before an index is there, only slower.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database, Sql } from './database.ts';
import { openDatabase } from './open-database.ts';
import { isWithoutTag, treeIndexes, withoutTagIndex } from './order-trees.ts';
import { type IndexableType, type IndexNames, propertyIndexes } from './property-index-definitions.ts';

export interface EnsureIndexesOptions {
  /** A direct URL: building an index holds a session. */
  readonly url: string;
  readonly types: readonly IndexableType[];
  readonly signal: AbortSignal;
}

// Any number, as long as nothing else of Vitrine takes it.
const lockKey = 7_268_401_992;

/**
 * Makes the indexes that are missing, one after another, on a connection of its own; a second node that starts meanwhile waits
 * its turn. An index that a crash left half built is dropped and made again. Resolves with the names that were made.
 */
export async function ensurePropertyIndexes({ url, types, signal }: EnsureIndexesOptions): Promise<readonly string[]> {
  await using db = openDatabase({ url, poolSize: 1, statementTimeoutMs: 0, applicationName: 'vitrine-indexes' });
  // Polled: a session that waits for the lock has a snapshot, and the building of an index waits for snapshots.
  while (!(await takeLock(db))) await sleep(500, undefined, { signal });
  const known = await readIndexes(db);
  const withTrees = await hasTrees(db);
  const trees = withTrees ? [...treeIndexes, ...(await tagTrees(db, known))] : [];
  const wanted = [
    ...types.flatMap((type) => propertyIndexes(type, withTrees)),
    ...trees.map((tree) => ({ ...tree, statistics: null })),
  ];
  const made: string[] = [];
  for (const { name, definition, statistics } of wanted) {
    signal.throwIfAborted();
    const isValid = known.get(name);
    if (isValid === true) continue;
    if (isValid === false) await db.query({ text: `DROP INDEX CONCURRENTLY IF EXISTS ${name}` });
    await db.query({ text: `CREATE INDEX CONCURRENTLY IF NOT EXISTS ${name} ON artifact ${definition}` });
    if (statistics !== null) {
      await db.query({ text: `CREATE STATISTICS IF NOT EXISTS ${name}_statistics ON ${statistics} FROM artifact` });
    }
    made.push(name);
  }
  // The statistics of an expression come with the next ANALYZE of its table, which plans should not wait for.
  if (made.length > 0) await db.query({ text: 'ANALYZE artifact' });
  return made;
}

/**
 * The extension comes with PostgreSQL, and whoever owns a database may add it; where not, there are no trees. Nor on an older
 * server, whose planner may read whole trees instead of walking them, as that of 15 does.
 */
async function hasTrees(db: Database): Promise<boolean> {
  const [server] = await db.query<{ readonly number: number }>({
    text: "SELECT current_setting('server_version_num')::int AS number",
  });
  if ((server?.number ?? 0) < treesFrom) return false;
  const find = `SELECT 1 FROM pg_extension WHERE extname = 'btree_gist'`;
  if ((await db.query({ text: find })).length > 0) return true;
  try {
    await db.query({ text: 'CREATE EXTENSION btree_gist' });
    return true;
  } catch {
    return false;
  }
}

/** The oldest server whose plans of trees are tested. */
const treesFrom = 180_000;

/** A tree for each tag that most artifacts have; those whose tag has become rare are dropped. */
async function tagTrees(db: Database, known: ReadonlyMap<string, boolean>): Promise<readonly TagTree[]> {
  const tags = await db.query<{ readonly tag: string; readonly share: number }>(
    {
      text: `SELECT t.tag, t.share FROM pg_stats s CROSS JOIN LATERAL unnest(s.most_common_elems::text::text[], s.most_common_elem_freqs)
        AS t (tag, share)
      WHERE s.schemaname = current_schema() AND s.tablename = 'artifact' AND s.attname = 'tags' AND t.tag IS NOT NULL AND t.share > $1
      ORDER BY t.share DESC LIMIT 8`,
    },
    [commonShare / 2],
  );
  const kept = new Set(tags.map(({ tag }) => withoutTagIndex(tag).name));
  for (const name of known.keys()) {
    if (isWithoutTag(name) && !kept.has(name)) await db.query({ text: `DROP INDEX CONCURRENTLY IF EXISTS ${name}` });
  }
  return tags.flatMap(({ tag, share }) => {
    const tree = withoutTagIndex(tag);
    return share >= commonShare || known.has(tree.name) ? [tree] : [];
  });
}

type TagTree = ReturnType<typeof withoutTagIndex>;

/** From this share of all artifacts on, a tag has a tree of what does not have it; below half of it, no longer. */
const commonShare = 0.3;

async function takeLock(db: Database): Promise<boolean> {
  const [row] = await db.query<{ readonly taken: boolean }>({ text: 'SELECT pg_try_advisory_lock($1) AS taken' }, [lockKey]);
  return row?.taken === true;
}

const indexesStatement = {
  name: 'property-indexes',
  text: `SELECT c.relname AS name, i.indisvalid AS valid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indrelid = 'artifact'::regclass AND c.relname ~ '^(property|tree)_'`,
};

async function readIndexes(sql: Sql): Promise<ReadonlyMap<string, boolean>> {
  const rows = await sql.query<{ readonly name: string; readonly valid: boolean }>(indexesStatement);
  return new Map(rows.map(({ name, valid }) => [name, valid]));
}

const known = new WeakMap<Sql, { readonly names: IndexNames; readonly until: number }>();

/** Read again after a while: another node may be building some. Stale knowledge costs speed only. */
export async function listPropertyIndexes(sql: Sql): Promise<IndexNames> {
  const found = known.get(sql);
  if (found !== undefined && found.until > Date.now()) return found.names;
  const indexes = await readIndexes(sql);
  const names = new Set([...indexes].filter(([, valid]) => valid).map(([name]) => name));
  known.set(sql, { names, until: Date.now() + 15_000 });
  return names;
}
