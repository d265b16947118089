/** Before all tests: a PostgreSQL server (embedded, or VITRINE_TEST_DATABASE_URL's) with a migrated template database. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate } from '#metadata/metadata.ts';
import { choosePostgresAccount } from '#metadata/postgres-account.ts';
import { findPostgresBinaries } from '#metadata/postgres-binaries.ts';
import { initialiseCluster, startCluster } from '#metadata/postgres-cluster.ts';
import { administer, databaseUrl, serverVariable, templateVariable } from './database.ts';

const stack = new AsyncDisposableStack();

/** What was begun is also undone when the setup itself fails. */
export async function setup(): Promise<void> {
  try {
    const external = process.env['VITRINE_TEST_DATABASE_URL'];
    const server = external ?? (await startServer());
    const template = `template_${randomBytes(8).toString('hex')}`;
    await administer(server, `CREATE DATABASE ${template} TEMPLATE template0`);
    stack.defer(() => administer(server, `DROP DATABASE IF EXISTS ${template} WITH (FORCE)`));
    await migrate({ url: databaseUrl(server, template) });
    process.env[serverVariable] = server;
    process.env[templateVariable] = template;
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

export async function teardown(): Promise<void> {
  await stack.disposeAsync();
}

async function startServer(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'vitrine-test-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const place = {
    binaries: await findPostgresBinaries(),
    account: await choosePostgresAccount(folder),
    dataFolder: join(folder, 'data'),
    socketFolder: folder,
    logFile: join(folder, 'log'),
  };
  await initialiseCluster(place);
  // Only durability is less than in production: a test's database need not outlive a power cut.
  const cluster = await startCluster(place, {
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    max_connections: '300',
  });
  stack.defer(() => cluster.stop());
  return cluster.url('postgres');
}
