/** `db migrate` on the embedded database: once, again, and while a server runs on it. */
import { execFile, spawnSync } from 'node:child_process';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '#base/package-root.ts';
import { createTestDatabase } from '#test/support/database.ts';
import { findExecutable } from '#test/support/suites.ts';
import { startVitrine } from '#test/support/vitrine-process.ts';
import { createFolder, runVitrine } from './run-command.ts';

const unshare = findExecutable('unshare') ?? '';
/** As in a container that runs under any number. */
const nameless = ['--user', '--map-user=54321', '--map-group=54321'];
const mayBeNameless = spawnSync(unshare, [...nameless, 'true']).status === 0;

describe('db migrate', () => {
  it.runIf(mayBeNameless)('works for a user without a name', async () => {
    await using folder = await createFolder();
    await using db = await createTestDatabase();
    const log = join(folder.path, 'management.log');
    const command = [process.execPath, join(packageRoot(), 'src/launch.js'), 'db', 'migrate', '--management-log', log, '--json'];
    const env = { ...process.env, DATABASE_URL: db.url };
    const { stdout } = await promisify(execFile)(unshare, [...nameless, ...command], { env });
    expect(JSON.parse(stdout)).toEqual({ applied: [] });
    expect(JSON.parse(await readFile(log, 'utf8'))).toMatchObject({ user: '54321', outcome: 'done' });
  });

  it('says that it is done where only its log cannot be written', async () => {
    await using folder = await createFolder();
    await using db = await createTestDatabase();
    const config = join(folder.path, 'vitrine.yaml');
    await writeFile(config, JSON.stringify({ database: { url: db.url }, managementLog: '/dev/null/log' }));
    const { code, err } = await runVitrine(['db', 'migrate', '--config', config]);
    expect([code, err]).toEqual([1, expect.stringMatching(/db migrate is done, but not in its log: .*\[OUTPUT_UNWRITABLE\]/)]);
  });

  it('applies what is missing, nothing the second time, and writes both into the management log', async () => {
    await using folder = await createFolder();
    const dataDir = join(folder.path, 'data');
    const migrate = () => runVitrine(['db', 'migrate', '--data-dir', dataDir, '--json']);
    const first = await migrate();
    expect([first.code, JSON.parse(first.out).applied[0]]).toEqual([0, '20261122000000_first']);
    const second = await migrate();
    expect([second.code, JSON.parse(second.out)]).toEqual([0, { applied: [] }]);
    const lines = (await readFile(join(dataDir, 'management.log'), 'utf8')).trim().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { command: 'db migrate', outcome: 'done', result: JSON.parse(first.out).applied },
      { command: 'db migrate', outcome: 'done', result: [] },
    ]);
    expect((await stat(join(dataDir, 'management.log'))).mode & 0o077).toBe(0);
  }, 60_000);

  it.runIf(process.platform === 'linux').each(['/proc/x', '/sys/x/y', '/dev/null/x', '/proc'])(
    'is refused at once for the data folder %s, which nobody can make or write',
    async (dataDir) => {
      const refused = await runVitrine(['db', 'migrate', '--data-dir', dataDir]);
      expect(refused).toMatchObject({ code: 2, out: '', err: expect.stringContaining('[DATA_DIR_UNUSABLE]') });
      expect(refused.err).toContain(dataDir);
    },
  );

  it('is refused for a data folder below a file', async () => {
    await using folder = await createFolder();
    await writeFile(join(folder.path, 'file'), '');
    const refused = await runVitrine(['db', 'migrate', '--data-dir', join(folder.path, 'file/data')]);
    expect(refused).toMatchObject({ code: 2, out: '', err: expect.stringContaining('[DATA_DIR_UNUSABLE]') });
  });

  it('says so where a server runs on the data folder, and where no database answers', async () => {
    await using server = await startVitrine();
    const busy = await runVitrine(['db', 'migrate', '--data-dir', server.dataDir]);
    expect(busy).toMatchObject({ code: 7, out: '', err: expect.stringContaining('[DATA_DIR_IN_USE]') });
    const config = join(server.dataDir, 'other.yaml');
    await writeFile(config, 'database: {url: "postgres://127.0.0.1:1/none"}');
    const away = await runVitrine(['db', 'migrate', '--data-dir', server.dataDir, '--config', config]);
    expect(away).toMatchObject({ code: 9, err: expect.stringContaining('[DATABASE_UNAVAILABLE]') });
  }, 60_000);
});
