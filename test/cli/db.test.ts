/** `db migrate` on the embedded database: once, again, and while a server runs on it. */
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startVitrine } from '#test/support/vitrine-process.ts';
import { createFolder, runVitrine } from './run-command.ts';

describe('db migrate', () => {
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
