/** The database that comes with Vitrine: a PostgreSQL of its own under the data folder, started first and stopped last. */
import { readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { AppError } from '#base/app-error.ts';
import { syncNames } from '#base/make-folder.ts';
import { type DataFolder, giveTo, lockDataFolder, openDataFolder } from './data-folder.ts';
import { endLeftoverPostgres } from './leftover-postgres.ts';
import { choosePostgresAccount } from './postgres-account.ts';
import { findPostgresBinaries } from './postgres-binaries.ts';
import { type Cluster, type ClusterPlace, initialiseCluster, startCluster } from './postgres-cluster.ts';
import { makeSocketFolder } from './socket-folder.ts';

const databaseName = 'vitrine';
const longestLogBytes = 4 * 1024 * 1024;

interface EmbeddedPostgresOptions {
  readonly dataDir: string;
  /** Told in one sentence what takes time or was repaired. */
  readonly onNotice?: ((message: string) => void) | undefined;
}

interface EmbeddedPostgres extends AsyncDisposable {
  /** For the pool and for direct connections alike. */
  readonly url: string;
  readonly pid: number;
  /** Resolves when PostgreSQL is gone, also when it was not stopped here: then this process should end too. */
  readonly exited: Promise<void>;
}

/**
 * Disposing it stops PostgreSQL and unlocks the folder.
 * @throws AppError DATA_DIR_IN_USE, DATA_DIR_NEWER, DATA_DIR_UNUSABLE, DATABASE_UNSUPPORTED, DATABASE_UNAVAILABLE
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const notice = options.onNotice ?? (() => undefined);
  await using stack = new AsyncDisposableStack();
  const folder = await openDataFolder(options.dataDir);
  stack.use(await lockDataFolder(folder));
  const place = await findPlace(folder);
  await trimLog(place.logFile);
  if (await isMissing(join(place.dataFolder, 'PG_VERSION'))) {
    notice('preparing the embedded PostgreSQL: this happens once');
    await prepare(place);
  }
  await assertVersion(place);
  if ((await endLeftoverPostgres(place)) === 'ended') notice('ended the PostgreSQL that an earlier run left behind');
  const cluster = await startWhenFree(place);
  stack.defer(() => cluster.stop());
  await createDatabase(cluster);
  const kept = stack.move();
  return {
    url: cluster.url(databaseName),
    pid: cluster.pid,
    exited: cluster.exited,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

async function findPlace(folder: DataFolder): Promise<ClusterPlace> {
  const [binaries, account] = await Promise.all([findPostgresBinaries(), choosePostgresAccount(folder.postgres, folder.root)]);
  await giveTo(folder.postgres, account);
  return {
    binaries,
    account,
    dataFolder: join(folder.postgres, 'data'),
    socketFolder: await makeSocketFolder(folder, account),
    logFile: join(folder.postgres, 'log'),
  };
}

/** Under another name until it is whole: a start that was interrupted leaves nothing that looks like a cluster. */
async function prepare(place: ClusterPlace): Promise<void> {
  const unfinished = `${place.dataFolder}.new`;
  await rm(unfinished, { recursive: true, force: true });
  await initialiseCluster({ ...place, dataFolder: unfinished });
  await rename(unfinished, place.dataFolder);
  syncNames(dirname(place.dataFolder));
}

async function assertVersion(place: ClusterPlace): Promise<void> {
  const major = Number.parseInt(await readFile(join(place.dataFolder, 'PG_VERSION'), 'utf8'), 10);
  if (major === place.binaries.major) return;
  const detail = `${place.dataFolder} was written by PostgreSQL ${major}; this Vitrine brings ${place.binaries.major}.`;
  if (major > place.binaries.major) throw new AppError('DATA_DIR_NEWER', detail);
  throw new AppError('DATA_DIR_UNUSABLE', `${detail} Run the older Vitrine, and move its database over with pg_dump and psql.`);
}

/** After a kill of the whole server its last sessions may hold the shared memory for a moment longer. */
async function startWhenFree(place: ClusterPlace): Promise<Cluster> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startCluster(place);
    } catch (error) {
      if (attempt === 50 || !(error instanceof Error) || !error.message.includes('is still in use')) throw error;
    }
    await sleep(100);
  }
}

async function createDatabase(cluster: Cluster): Promise<void> {
  const client = new pg.Client({ connectionString: cluster.url('postgres') });
  await client.connect();
  try {
    const found = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [databaseName]);
    if (found.rows.length === 0) await client.query(`CREATE DATABASE ${databaseName} TEMPLATE template0`);
  } finally {
    await client.end();
  }
}

async function trimLog(logFile: string): Promise<void> {
  const size = await stat(logFile).then(
    (found) => found.size,
    () => 0,
  );
  if (size > longestLogBytes) await rename(logFile, `${logFile}.old`);
}

async function isMissing(path: string): Promise<boolean> {
  return stat(path).then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
  );
}
