import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { inspectMigrations, migrate } from '#metadata/metadata.ts';
import { assertServerVersion } from '#metadata/server-version.ts';
import { createTestDatabase } from '#test/support/database.ts';

const run = promisify(execFile);
const shipped = join(import.meta.dirname, '../../prisma/migrations');
const script = join(import.meta.dirname, '../support/run-migrate.ts');

let folder: string;

beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'vitrine-migrations-')), 'migrations');
  await cp(shipped, folder, { recursive: true });
});

afterEach(() => rm(join(folder, '..'), { recursive: true, force: true }));

async function shippedNames(): Promise<string[]> {
  const entries = await readdir(shipped, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}

async function addMigration(name: string, sql: string): Promise<void> {
  await mkdir(join(folder, name), { recursive: true });
  await writeFile(join(folder, name, 'migration.sql'), sql);
}

describe('migrating', () => {
  it('an empty database applies everything once, and afterwards nothing', async () => {
    await using test = await createTestDatabase({ empty: true });
    expect(await inspectMigrations({ url: test.url })).toEqual({ pending: await shippedNames() });
    expect(await migrate({ url: test.url })).toEqual(await shippedNames());
    expect(await inspectMigrations({ url: test.url })).toEqual({ pending: [] });
    expect(await migrate({ url: test.url })).toEqual([]);
    expect(await test.db.query({ text: 'SELECT id FROM artifact' })).toEqual([]);
  });

  it('by several nodes at once brings every one of them up, and applies each migration once', async () => {
    await using test = await createTestDatabase({ empty: true });
    const nodes = await Promise.all(Array.from({ length: 3 }, () => run(process.execPath, [script, test.url])));
    const applied = nodes.map(({ stdout }): string[] => JSON.parse(stdout));
    expect(applied.flat().sort()).toEqual(await shippedNames());
    const [row] = await test.db.query<{ count: number }>({ text: 'SELECT count(*) FROM _prisma_migrations' });
    expect(row?.count).toBe((await shippedNames()).length);
  });

  it('adds what a later version brings, with semicolons wherever SQL allows them', async () => {
    await using test = await createTestDatabase();
    const sql = `-- a comment; with a semicolon
      CREATE FUNCTION two() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 2; END; $$;
      COMMENT ON FUNCTION two() IS 'one; two'`;
    await addMigration('29990101000000_second', sql);
    expect(await migrate({ url: test.url, folder })).toEqual(['29990101000000_second']);
    expect(await test.db.query({ text: 'SELECT two() AS two' })).toEqual([{ two: 2 }]);
  });

  it('a database with artifacts of the release before gives those that are published their sizes and single blobs', async () => {
    await using test = await createTestDatabase({ empty: true });
    const later = (await shippedNames()).filter((name) => name >= '20261122190020');
    for (const name of later) await rm(join(folder, name), { recursive: true });
    await migrate({ url: test.url, folder });
    const artifacts = { active: 'active', draft: 'draft', empty: 'active' };
    const ids = Object.fromEntries(Object.keys(artifacts).map((name) => [name, randomUUID()]));
    for (const [name, state] of Object.entries(artifacts)) {
      await test.db.query(
        {
          text: `INSERT INTO artifact (id, project, type, type_version, name, state, visibility, created_by, published_at)
            VALUES ($1, 'own', 'kit', '1', $2, $3, 'private', 'test', CASE $3 WHEN 'draft' THEN NULL ELSE now() END)`,
        },
        [ids[name], name, state],
      );
    }
    const blobs = [randomUUID(), randomUUID()];
    for (const [index, blob] of blobs.entries()) {
      const insert = `WITH b AS (INSERT INTO blob (id, digest_algorithm, digest_value, size_bytes) VALUES ($1, 'sha256', $2, $3))
        INSERT INTO blob_digest (blob_id, algorithm, value) VALUES ($1, 'sha512', 'b'), ($1, 'md5', 'c')`;
      await test.db.query({ text: insert }, [blob, `a${index}`, 5 + index]);
    }
    for (const id of [ids['active'], ids['draft']]) {
      for (const [index, [slot, key]] of [['main', ''] as const, ['docs', 'f'] as const].entries()) {
        const text = `INSERT INTO artifact_blob (artifact_id, slot, key, path, media_type, blob_id) VALUES ($1, $2, $3, $2, 'text/plain', $4)`;
        await test.db.query({ text }, [id, slot, key, blobs[index]]);
      }
    }
    expect(await migrate({ url: test.url })).toEqual(later);
    const rows = await test.db.query({ text: 'SELECT name, size_bytes, single_blobs FROM artifact ORDER BY name' });
    expect(rows).toEqual([
      { name: 'active', size_bytes: 11, single_blobs: { main: [blobs[0], 5, 'a0', 'b', 'c'] } },
      { name: 'draft', size_bytes: null, single_blobs: null },
      { name: 'empty', size_bytes: 0, single_blobs: null },
    ]);
  });

  it('keeps nothing of a migration that fails, and succeeds once it is corrected', async () => {
    await using test = await createTestDatabase();
    await addMigration('29990101000000_second', 'CREATE TABLE half (n int); SELECT 1 / 0;');
    await expect(migrate({ url: test.url, folder })).rejects.toMatchObject({
      code: 'MIGRATION_FAILED',
      message: expect.stringContaining('division by zero'),
    });
    expect(await test.db.query({ text: `SELECT to_regclass('half')::text AS half` })).toEqual([{ half: null }]);
    await addMigration('29990101000000_second', 'CREATE TABLE half (n int)');
    expect(await migrate({ url: test.url, folder })).toEqual(['29990101000000_second']);
  });

  it('goes on where a killed node had only announced a migration', async () => {
    await using test = await createTestDatabase();
    await addMigration('29990101000000_second', 'CREATE TABLE second (n int)');
    await test.db.query({
      text: `INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ('x', 'x', '29990101000000_second')`,
    });
    expect(await migrate({ url: test.url, folder })).toEqual(['29990101000000_second']);
    expect(await migrate({ url: test.url, folder })).toEqual([]);
  });

  it('waits for the node that migrates until it is aborted', async () => {
    await using test = await createTestDatabase({ empty: true });
    const { promise: done, resolve: release } = Promise.withResolvers<void>();
    const { promise: held, resolve: locked } = Promise.withResolvers<void>();
    const holder = test.db.transaction(async (tx) => {
      await tx.query({ text: `SELECT pg_advisory_xact_lock(${0x76697472696e65n})` });
      locked();
      await done;
    });
    await held;
    const abort = new AbortController();
    const waiting = migrate({ url: test.url, signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    release();
    await holder;
  });
});

describe('a database', () => {
  it('of a newer version is refused', async () => {
    await using test = await createTestDatabase();
    await test.db.query({
      text: `INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at) VALUES ('x', 'x', '29990101000000_later', now())`,
    });
    await expect(migrate({ url: test.url })).rejects.toMatchObject({
      code: 'DATABASE_NEWER',
      message: expect.stringContaining('29990101000000_later'),
    });
  });

  it('whose migration had another content is refused', async () => {
    await using test = await createTestDatabase();
    await test.db.query({ text: `UPDATE _prisma_migrations SET checksum = 'x'` });
    await expect(inspectMigrations({ url: test.url })).rejects.toMatchObject({ code: 'DATABASE_NEWER' });
  });

  it('that lacks something is refused where nothing may be applied', async () => {
    await using test = await createTestDatabase({ empty: true });
    await expect(migrate({ url: test.url, apply: false })).rejects.toMatchObject({ code: 'DATABASE_OUTDATED' });
    await migrate({ url: test.url });
    expect(await migrate({ url: test.url, apply: false })).toEqual([]);
  });

  it.each([140_011, 149_999])('of server version %i is refused', (number) => {
    expect(() => assertServerVersion(number, 'x')).toThrow(expect.objectContaining({ code: 'DATABASE_UNSUPPORTED' }));
  });

  it.each([150_000, 180_004])('of server version %i will do', (number) => {
    expect(() => assertServerVersion(number, 'x')).not.toThrow();
  });

  it.each([
    ['postgresql://x:hunter2@a:1,b:2/x', 'Invalid URL'],
    ['postgresql://x:hunter2@127.0.0.1:1/x?sslmode=verify-full&sslrootcert=/nonexistent', 'ENOENT.*/nonexistent'],
  ])('whose URL cannot be used is a mistake of the configuration, told without its password: %s', async (url, reason) => {
    const told = { code: 'CONFIG_INVALID', message: expect.stringMatching(`^(?!.*hunter2).*${reason}`) };
    await expect(migrate({ url })).rejects.toMatchObject(told);
    await expect(inspectMigrations({ url })).rejects.toMatchObject(told);
  });

  it('that does not answer is DATABASE_UNAVAILABLE, which says where and why, and no password', async () => {
    await expect(migrate({ url: 'postgresql://x:hunter2@localhost/x?host=/nonexistent' })).rejects.toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
      message: expect.stringMatching(/^(?!.*hunter2).*\/nonexistent\/x .*ENOENT/),
    });
    await expect(migrate({ url: 'postgresql://x:hunter2@127.0.0.1:1/x' })).rejects.toMatchObject({
      message: expect.stringMatching(/^(?!.*hunter2).*127\.0\.0\.1:1\/x .*ECONNREFUSED/),
    });
  });
});
