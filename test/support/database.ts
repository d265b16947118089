/** A database of one's own for a test: cloned from the migrated template on the server that the run started or was given. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { Database } from '#metadata/database.ts';
import { openDatabase } from '#metadata/metadata.ts';

/** Set by global-setup.ts for the workers of a run. */
export const serverVariable = 'TEST_DATABASE_SERVER';
export const templateVariable = 'TEST_DATABASE_TEMPLATE';

export interface TestDatabase extends AsyncDisposable {
  readonly db: Database;
  readonly url: string;
}

/** Disposing it closes the pool and drops the database, also under sessions of others. */
export async function createTestDatabase(
  options: { readonly empty?: boolean; readonly poolSize?: number } = {},
): Promise<TestDatabase> {
  const server = required(serverVariable);
  const name = `test_${randomBytes(8).toString('hex')}`;
  const template = options.empty === true ? 'template0' : required(templateVariable);
  await administer(server, `CREATE DATABASE ${name} TEMPLATE ${template}`);
  const url = databaseUrl(server, name);
  const db = openDatabase({ url, poolSize: options.poolSize, applicationName: 'vitrine-test' });
  return {
    db,
    url,
    [Symbol.asyncDispose]: async () => {
      await db[Symbol.asyncDispose]();
      await administer(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
  };
}

/** The same server's URL for another database. */
export function databaseUrl(server: string, database: string): string {
  const url = new URL(server);
  url.pathname = `/${database}`;
  return url.href;
}

/** Where the server of a URL listens. */
export function serverOf(url: string): { readonly host: string; readonly port: number } | { readonly path: string } {
  const { searchParams, hostname, port } = new URL(url);
  const host = searchParams.get('host') ?? decodeURIComponent(hostname);
  return host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port || '5432'}` } : { host, port: Number(port || 5432) };
}

/** Runs one statement outside any transaction. */
export async function administer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

function required(variable: string): string {
  const value = process.env[variable];
  if (value === undefined)
    throw new Error(`${variable} is not set: run tests through vitest, whose global setup starts the server`);
  return value;
}
