/** Brings a database to this version, alone among the nodes that start at once, or says that it is of a newer one. */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { AppError, isAppError } from '#base/app-error.ts';
import { databaseErrorCode, toDatabaseError } from './database-errors.ts';
import { loadMigrations, type Migration, migrationsFolder } from './migration-files.ts';
import { assertServerVersion } from './server-version.ts';

interface MigrateOptions {
  /** A direct connection, not through a pooler: locks belong to sessions. */
  readonly url: string;
  /** Default: the migrations that Vitrine was installed with. */
  readonly folder?: string | undefined;
  /** False: a database that lacks something is refused instead of changed. */
  readonly apply?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface MigrationState {
  /** Known here and not yet in the database, oldest first. */
  readonly pending: readonly string[];
}

// Any number of Vitrine's own: 'vitrine' in ASCII, as far as it fits.
const lockKey = '0x76697472696e65';

/**
 * Applies what is pending; the names of what this call applied. Of many callers on one database one applies, the others wait.
 * @throws AppError CONFIG_INVALID, DATABASE_UNSUPPORTED, DATABASE_NEWER, DATABASE_OUTDATED, DATABASE_UNAVAILABLE, MIGRATION_FAILED
 */
export async function migrate(options: MigrateOptions): Promise<readonly string[]> {
  const migrations = await loadMigrations(options.folder ?? migrationsFolder());
  return withClient(options.url, async (client) => {
    await assertSupported(client);
    const pending = await findPending(client, migrations);
    if (pending.length === 0) return [];
    if (options.apply === false) throw new AppError('DATABASE_OUTDATED', `The database lacks ${pending.join(', ')}.`);
    await lock(client, options.signal);
    // Another node may have been first.
    if ((await findPending(client, migrations)).length === 0) return [];
    await forgetUnfinished(client);
    // Loaded only here: the engine is large, and most starts have nothing to apply.
    const { applyWithEngine } = await import('./schema-engine.ts');
    try {
      return await applyWithEngine(options.url, migrations);
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new AppError('MIGRATION_FAILED', `A migration failed: ${message}`, { cause });
    }
  });
}

/** What `migrate` would do, without doing it. @throws AppError as `migrate`, as far as it goes */
export async function inspectMigrations(options: MigrateOptions): Promise<MigrationState> {
  const migrations = await loadMigrations(options.folder ?? migrationsFolder());
  return withClient(options.url, async (client) => {
    await assertSupported(client);
    return { pending: await findPending(client, migrations) };
  });
}

async function withClient<Result>(url: string, work: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = createClient(url);
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await work(client);
  } catch (error) {
    throw withPlace(toDatabaseError(error), url);
  } finally {
    // Gives the lock back.
    await client.end();
  }
}

/** The driver reads the URL here, and the certificates it names. */
function createClient(url: string): pg.Client {
  try {
    return new pg.Client({ connectionString: url, application_name: 'vitrine-migrate', connectionTimeoutMillis: 10_000 });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new AppError('CONFIG_INVALID', `The URL of the database cannot be used: ${reason}.`, { cause });
  }
}

/** Who brings a database up is told where it was looked for, and what was wrong there; never the password. */
function withPlace(error: unknown, url: string): unknown {
  if (!isAppError(error, 'DATABASE_UNAVAILABLE') || !(error.cause instanceof Error)) return error;
  const reason = error.cause.message || databaseErrorCode(error.cause) || 'no reason given';
  const { host, pathname, searchParams } = new URL(url);
  const place = `${searchParams.get('host') ?? host}${pathname}`;
  return new AppError('DATABASE_UNAVAILABLE', `The database at ${place} does not answer: ${reason}.`, { cause: error.cause });
}

async function assertSupported(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ number: string; text: string }>(
    `SELECT current_setting('server_version_num') AS number, current_setting('server_version') AS text`,
  );
  assertServerVersion(Number(rows[0]?.number ?? 0), rows[0]?.text ?? '');
}

interface Recorded {
  readonly name: string;
  readonly checksum: string;
}

async function findPending(client: pg.Client, migrations: readonly Migration[]): Promise<readonly string[]> {
  const recorded = await readRecorded(client);
  const known = new Map(migrations.map(({ name, checksum }) => [name, checksum]));
  for (const { name, checksum } of recorded) {
    if (!known.has(name)) {
      throw new AppError('DATABASE_NEWER', `The database has the migration ${name}, which this version does not know.`);
    }
    if (known.get(name) !== checksum) {
      throw new AppError('DATABASE_NEWER', `The database has the migration ${name} with another content than this version.`);
    }
  }
  const present = new Set(recorded.map(({ name }) => name));
  return migrations.map(({ name }) => name).filter((name) => !present.has(name));
}

const undefinedTable = '42P01';

async function readRecorded(client: pg.Client): Promise<readonly Recorded[]> {
  try {
    const { rows } = await client.query<Recorded>(
      'SELECT migration_name AS name, checksum FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL',
    );
    return rows;
  } catch (error) {
    if (databaseErrorCode(error) === undefinedTable) return [];
    throw error;
  }
}

/** Polled, so that an abort ends the waiting. */
async function lock(client: pg.Client, signal: AbortSignal | undefined): Promise<void> {
  for (;;) {
    signal?.throwIfAborted();
    const { rows } = await client.query<{ held: boolean }>(`SELECT pg_try_advisory_lock(${BigInt(lockKey)}) AS held`);
    if (rows[0]?.held === true) return;
    await sleep(50);
  }
}

/** Left by a kill or a failure: a migration is one transaction with its record, so nothing of it is there (schema-engine.ts). */
async function forgetUnfinished(client: pg.Client): Promise<void> {
  try {
    await client.query(
      'UPDATE _prisma_migrations SET rolled_back_at = now() WHERE finished_at IS NULL AND rolled_back_at IS NULL',
    );
  } catch (error) {
    if (databaseErrorCode(error) !== undefinedTable) throw error;
  }
}
