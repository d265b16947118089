import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '#config/config.ts';
import { type RunningServer, startServer } from '#src/compose.ts';
import { createTestDatabase, type TestDatabase } from '#test/support/database.ts';
import { outcome, refusal } from '#test/support/operations.ts';

let folder: string;
let database: TestDatabase;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vitrine-start-'));
  database = await createTestDatabase({ empty: true });
});
afterEach(async () => {
  await database[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** A node on the test's database, its own data folder `name`, and a store that all nodes share. */
async function start(name: string, env: Record<string, string> = {}, signal?: AbortSignal): Promise<RunningServer> {
  const store = join(folder, 'store');
  const { config } = loadConfig({
    env: {
      VITRINE_DATABASE_URL: database.url,
      VITRINE_DATA_DIR: join(folder, name),
      VITRINE_PORT: '0',
      VITRINE_INSTANCE_KEY: 'the same key on every node of the database',
      VITRINE_STORES: JSON.stringify([{ name: 'shared', kind: 'filesystem', path: store }]),
      ...env,
    },
    cwd: folder,
  });
  return startServer(config, { signal, log: pino({ level: 'silent' }) });
}

describe('two nodes that start at once on an empty database', () => {
  it('both come up, on one instance, with stores and types claimed once', async () => {
    const nodes = await Promise.all([start('one'), start('two')]);
    for (const node of nodes) {
      expect((await fetch(`${node.url}/readyz`)).status).toBe(200);
      const answer = await fetch(`${node.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"query":"{ artifactTypes { name } }"}',
      });
      expect(answer.status).toBe(200);
    }
    const [counts] = await database.db.query({
      text: `SELECT (SELECT count(*)::integer FROM instance) AS instances, (SELECT count(*)::integer FROM store) AS stores`,
    });
    expect(counts).toEqual({ instances: 1, stores: 1 });
    await Promise.all(nodes.map((node) => node.close()));
  });
});

describe('a start', () => {
  it('whose instance key is gone is refused, says so, and leaves the folder as it is', async () => {
    const own = { VITRINE_INSTANCE_KEY: '' };
    await (await start('one', own)).close();
    const file = join(folder, 'one/instance.key');
    const key = await readFile(file, 'utf8');
    await rm(file);
    const before = await readdir(join(folder, 'one'));
    const error = await refusal(start('one', own));
    expect(error.code).toBe('INSTANCE_KEY_MISMATCH');
    expect(error.message).toContain(`${file} is gone`);
    expect(await readdir(join(folder, 'one'))).toEqual(before);
    await writeFile(file, key);
    await (await start('one', own)).close();
  });

  it('is refused with another instance key than the database knows', async () => {
    await (await start('one')).close();
    const other = { VITRINE_INSTANCE_KEY: 'a key that no other node of it has ever had' };
    expect(await outcome(start('two', other))).toBe('INSTANCE_KEY_MISMATCH');
  });

  it('is refused on a store that is empty though the database knows it, or that is another instance’s', async () => {
    await (await start('one')).close();
    await rm(join(folder, 'store'), { recursive: true });
    expect(await outcome(start('one'))).toBe('STORE_MISMATCH');
    await using other = await createTestDatabase();
    await rm(join(folder, 'store'), { recursive: true, force: true });
    await (await start('three', { VITRINE_DATABASE_URL: other.url })).close();
    await database.db.query({ text: 'DELETE FROM store' });
    expect(await outcome(start('one'))).toBe('STORE_MISMATCH');
  });

  it('is refused where a released type version has changed', async () => {
    await (await start('one')).close();
    await database.db.query({ text: `UPDATE type_version SET digest = 'other' WHERE type = 'bundle'` });
    expect(await outcome(start('one'))).toBe('TYPE_VERSION_CHANGED');
  });

  it('is refused where migrations are missing and may not be applied', async () => {
    expect(await outcome(start('one', { VITRINE_DATABASE_AUTO_MIGRATE: 'false' }))).toBe('DATABASE_OUTDATED');
  });

  it('is refused where types of the operator’s own and the shipped ones make no schema together', async () => {
    const own = join(folder, 'types', 'clash');
    await cp(join(import.meta.dirname, '../../artifact-types/_example'), own, { recursive: true });
    const manifest = JSON.parse(await readFile(join(own, 'manifest.json'), 'utf8'));
    await writeFile(join(own, 'manifest.json'), JSON.stringify({ ...manifest, type: 'image-filter' }));
    expect(await outcome(start('one', { VITRINE_TYPES_FOLDERS: join(folder, 'types') }))).toBe('TYPE_INVALID');
  });

  it('keeps an instance key of its own where none is configured, for its owner only', async () => {
    const server = await start('one', { VITRINE_INSTANCE_KEY: '' });
    await server.close();
    const kept = await stat(join(folder, 'one', 'instance.key'));
    expect(kept.mode & 0o777).toBe(0o600);
    await (await start('one', { VITRINE_INSTANCE_KEY: '' })).close();
  });
});

describe('a running server', () => {
  it('has GraphQL for the first who ask, however many they are, and ends well before it was loaded', async () => {
    await (await start('one')).close();
    await using server = await start('one');
    const answers = await Promise.all(Array.from({ length: 3 }, () => fetch(`${server.url}/graphql?query={__typename}`)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  });

  it('stops at its signal, once, and lets go of its port', async () => {
    const stop = new AbortController();
    const server = await start('one', {}, stop.signal);
    stop.abort();
    await server.closed;
    await server.close();
    await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
  });
});

describe('a start with policies of the operator', () => {
  it('refuses with every mistake in them, before it serves, and obeys good ones', async () => {
    const file = join(folder, 'own.cedar');
    await writeFile(file, 'forbid (principal, action == Action::"artifact:creat", resource);');
    const refused = await refusal(start('one', { VITRINE_POLICY_FILES: file }));
    expect([refused.code, refused.faults]).toMatchObject(['POLICY_INVALID', [{ pointer: 'own.cedar:1:30' }]]);
    await writeFile(file, '@id("frozen") forbid (principal, action == Action::"artifact:create", resource);');
    await using server = await start('one', { VITRINE_POLICY_FILES: file });
    const headers = { 'content-type': 'application/json' };
    const made = await fetch(`${server.url}/v2/images`, { method: 'POST', headers, body: '{}' });
    expect(made.status).toBe(403);
    expect((await fetch(`${server.url}/v2/images`)).status).toBe(200);
  });
});
