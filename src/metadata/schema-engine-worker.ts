/** A worker thread that applies migrations with Prisma's schema engine, and answers with the names of what it applied. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { PrismaPg } from '@prisma/adapter-pg';
import type { MigrationList } from '@prisma/schema-engine-wasm/schema_engine_bg';
import * as engineModule from '@prisma/schema-engine-wasm/schema_engine_bg';
import type { Migration } from './migration-files.ts';

const require = createRequire(import.meta.url);

/** What is used of it; TypeScript keeps its declarations with the browser's. */
declare const WebAssembly: {
  compile(bytes: Uint8Array): Promise<object>;
  instantiate(module: object, imports: object): Promise<{ readonly exports: Readonly<Record<string, unknown>> }>;
};

export interface EngineTask {
  readonly url: string;
  readonly migrations: readonly Migration[];
}

export type EngineAnswer = { readonly applied: readonly string[] } | { readonly error: string };

async function apply(url: string, migrations: readonly Migration[]): Promise<readonly string[]> {
  const file = join(dirname(require.resolve('@prisma/schema-engine-wasm/schema_engine_bg')), 'schema_engine_bg.wasm');
  const module = await WebAssembly.compile(await readFile(file));
  const instance = await WebAssembly.instantiate(module, { './schema_engine_bg.js': { ...engineModule } });
  engineModule.__wbg_set_wasm(instance.exports);
  startEngine(instance.exports);
  const adapter = new WholeScripts(url, migrations);
  const engine = await engineModule.SchemaEngine.new({ datamodels: undefined }, () => undefined, bind(adapter));
  const list = toMigrationList(migrations);
  try {
    return (await engine.applyMigrations({ migrationsList: list, filters: { externalTables: [], externalEnums: [] } }))
      .appliedMigrationNames;
  } catch (error) {
    throw adapter.failure ?? error;
  }
}

function toMigrationList(migrations: readonly Migration[]): MigrationList {
  return {
    baseDir: '/',
    // The engine refuses a history without this file, and one for another database.
    lockfile: { path: 'migration_lock.toml', content: 'provider = "postgresql"' },
    shadowDbInitScript: '',
    migrationDirectories: migrations.map(({ name, sql }) => ({
      path: name,
      migrationFile: { path: 'migration.sql', content: { tag: 'ok', value: sql } },
    })),
  };
}

function startEngine(exports: Readonly<Record<string, unknown>>): void {
  const start = exports['__wbindgen_start'];
  if (typeof start === 'function') start();
}

interface DriverAdapterUtils {
  bindMigrationAwareSqlAdapterFactory(factory: PrismaPg): object;
}

/** From the adapter's own dependency: both must be of one version. */
function bind(factory: PrismaPg): object {
  const fromAdapter = createRequire(require.resolve('@prisma/adapter-pg'));
  const utils: DriverAdapterUtils = fromAdapter('@prisma/driver-adapter-utils');
  return utils.bindMigrationAwareSqlAdapterFactory(factory);
}

/**
 * The adapter splits a script at each semicolon, also in comments and function bodies, and sends the pieces one by one.
 * Here it goes as a whole, which PostgreSQL runs as one transaction; the record that it was applied belongs to it, so that
 * an unfinished record always means that nothing of its migration is there.
 */
class WholeScripts extends PrismaPg {
  readonly #names: ReadonlyMap<string, string>;
  /** PostgreSQL's own words; the engine reports only that something external failed. */
  failure: unknown;

  constructor(url: string, migrations: readonly Migration[]) {
    super({
      connectionString: url,
      max: 1,
      application_name: 'vitrine-migrate',
      options: '-c timezone=UTC -c statement_timeout=0',
    });
    this.#names = new Map(migrations.map(({ name, sql }) => [sql, name]));
  }

  override async connect(): ReturnType<PrismaPg['connect']> {
    const adapter = await super.connect();
    const pool = adapter.underlyingDriver();
    adapter.executeScript = async (script) => {
      const name = this.#names.get(script);
      if (name === undefined) throw new Error('the schema engine sent a script that is no migration');
      const finish = `UPDATE _prisma_migrations SET finished_at = now(), applied_steps_count = 1
        WHERE migration_name = '${name.replaceAll("'", "''")}' AND finished_at IS NULL AND rolled_back_at IS NULL`;
      await pool.query(`${script}\n;${finish}`).catch((error: unknown) => {
        this.failure = error;
        throw error;
      });
    };
    return adapter;
  }
}

const task: EngineTask = workerData;
parentPort?.postMessage(
  await apply(task.url, task.migrations).then(
    (applied): EngineAnswer => ({ applied }),
    (error): EngineAnswer => ({ error: error instanceof Error ? error.message : String(error) }),
  ),
);
