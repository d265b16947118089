import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startEmbeddedPostgres } from '#metadata/metadata.ts';

const script = join(import.meta.dirname, '../support/run-embedded-postgres.ts');
const isRoot = process.getuid?.() === 0;

let folder: string;
let owners: ChildProcess[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vitrine-embedded-'));
  owners = [];
});

afterEach(async () => {
  for (const owner of owners) if (owner.exitCode === null && owner.signalCode === null) await end(owner, 'SIGTERM');
  await rm(folder, { recursive: true, force: true });
});

interface Owner {
  readonly child: ChildProcess;
  readonly answer: { readonly url: string; readonly pid: number; readonly error?: string; readonly message?: string };
}

/** Another process that starts the database on the folder, as Vitrine would. */
async function startOwner(dataDir: string, options: { readonly path?: string; readonly uid?: number } = {}): Promise<Owner> {
  const child = spawn(process.execPath, [script, dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, PATH: options.path ?? process.env['PATH'] },
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
  });
  owners.push(child);
  const [line] = await once(createInterface(child.stdout), 'line');
  return { child, answer: JSON.parse(String(line)) };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  child.kill(signal);
  await once(child, 'exit');
}

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

/** A zombie is not alive: in a container nobody may wait for orphans. */
function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

async function goneWithin(pid: number, ms: number): Promise<boolean> {
  for (let waited = 0; waited < ms && isAlive(pid); waited += 20) await new Promise((resolve) => setTimeout(resolve, 20));
  return !isAlive(pid);
}

/** A PATH on which the named programs fail. */
async function pathWithout(...programs: readonly string[]): Promise<string> {
  const bin = await mkdtemp(join(folder, 'bin-'));
  await chmod(bin, 0o755);
  for (const program of programs) await writeFile(join(bin, program), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  return `${bin}:${process.env['PATH']}`;
}

describe('starting', () => {
  it('prepares a durable UTF-8 cluster first, and finds its rows again later', async () => {
    const dataDir = join(folder, 'new', 'data');
    const first = await startEmbeddedPostgres({ dataDir });
    await query(first.url, 'CREATE TABLE kept AS SELECT 1 AS n');
    const settings = await query(
      first.url,
      `SELECT current_setting('fsync') AS fsync, current_setting('server_encoding') AS encoding,
       current_setting('io_method') AS io, current_setting('listen_addresses') AS addresses,
       (SELECT datlocprovider::text || ':' || datlocale FROM pg_database WHERE datname = current_database()) AS locale`,
    );
    expect(settings).toEqual([{ fsync: 'on', encoding: 'UTF8', io: 'sync', addresses: '', locale: 'b:C.UTF-8' }]);
    await first[Symbol.asyncDispose]();
    expect(isAlive(first.pid)).toBe(false);
    await using second = await startEmbeddedPostgres({ dataDir });
    expect(await query(second.url, 'SELECT n FROM kept')).toEqual([{ n: 1 }]);
  });

  it('keeps the folder to its owner', async () => {
    await using postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'data') });
    const socketFolder = new URL(postgres.url).searchParams.get('host') ?? '';
    for (const path of [join(folder, 'data'), join(folder, 'data/postgres'), socketFolder]) {
      expect((await stat(path)).mode & 0o077).toBe(0);
    }
  });

  it('begins again where preparing was interrupted', async () => {
    await mkdir(join(folder, 'postgres/data.new/base'), { recursive: true });
    await using postgres = await startEmbeddedPostgres({ dataDir: folder });
    expect(await query(postgres.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it.each([
    ['long', 'x'.repeat(200)],
    ['hostile', `a "quoted", listed 'päth' $HOME`],
  ])('works under a %s path, with its socket elsewhere', async (_what, name) => {
    const dataDir = join(folder, name);
    const first = await startEmbeddedPostgres({ dataDir });
    const socketFolder = new URL(first.url).searchParams.get('host') ?? '';
    expect(socketFolder.startsWith(folder)).toBe(false);
    expect((await stat(socketFolder)).mode & 0o777).toBe(0o700);
    expect(await query(first.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await first[Symbol.asyncDispose]();
    await using second = await startEmbeddedPostgres({ dataDir });
    expect(new URL(second.url).searchParams.get('host')).toBe(socketFolder);
    await second[Symbol.asyncDispose]();
    await rm(socketFolder, { recursive: true });
  });

  it('refuses a socket folder that somebody prepared', async () => {
    const dataDir = join(folder, 'y'.repeat(200));
    const first = await startEmbeddedPostgres({ dataDir });
    const socketFolder = new URL(first.url).searchParams.get('host') ?? '';
    await first[Symbol.asyncDispose]();
    await rm(socketFolder, { recursive: true });
    await symlink(folder, socketFolder);
    await expect(startEmbeddedPostgres({ dataDir })).rejects.toMatchObject({ code: 'DATA_DIR_UNUSABLE' });
    await rm(socketFolder);
  });
});

describe('a data folder', () => {
  it('in use is refused, to other processes and to this one', async () => {
    const { child, answer } = await startOwner(folder);
    await expect(startEmbeddedPostgres({ dataDir: folder })).rejects.toMatchObject({
      code: 'DATA_DIR_IN_USE',
      message: expect.stringContaining(String(child.pid)),
    });
    expect(await query(answer.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await end(child, 'SIGTERM');
    await using own = await startEmbeddedPostgres({ dataDir: folder });
    await expect(startEmbeddedPostgres({ dataDir: folder })).rejects.toMatchObject({ code: 'DATA_DIR_IN_USE' });
    expect(isAlive(own.pid)).toBe(true);
  });

  it('of two that start at once is had by exactly one', async () => {
    const both = await Promise.all([startOwner(folder), startOwner(folder)]);
    const errors = both.map(({ answer }) => answer.error);
    expect(errors).toHaveLength(2);
    expect(new Set(errors)).toEqual(new Set(['DATA_DIR_IN_USE', undefined]));
  });

  it('of a newer Vitrine is refused untouched', async () => {
    await writeFile(join(folder, 'format.json'), '{"format":2}');
    await expect(startEmbeddedPostgres({ dataDir: folder })).rejects.toMatchObject({ code: 'DATA_DIR_NEWER' });
    expect(await readdir(folder)).toEqual(['format.json']);
  });

  it.each([
    ['newer', '19', 'DATA_DIR_NEWER'],
    ['older', '17', 'DATA_DIR_UNUSABLE'],
  ])('of a %s PostgreSQL is refused', async (_what, version, code) => {
    await (await startEmbeddedPostgres({ dataDir: folder }))[Symbol.asyncDispose]();
    await writeFile(join(folder, 'postgres/data/PG_VERSION'), `${version}\n`);
    await expect(startEmbeddedPostgres({ dataDir: folder })).rejects.toMatchObject({ code });
  });

  it.each([
    ['a file', 'file', 'DATA_DIR_UNUSABLE'],
    ['a path beyond what PostgreSQL can hold', 'z/'.repeat(600), 'DATA_DIR_UNUSABLE'],
  ])('that is %s is refused', async (_what, name, code) => {
    await writeFile(join(folder, 'file'), '');
    await expect(startEmbeddedPostgres({ dataDir: join(folder, name) })).rejects.toMatchObject({ code });
  });
});

describe('after a kill', () => {
  it('of its owner alone PostgreSQL ends too, and the next start has every row', async () => {
    const { child, answer } = await startOwner(folder);
    await query(answer.url, 'CREATE TABLE kept AS SELECT 1 AS n');
    await end(child, 'SIGKILL');
    expect(await goneWithin(answer.pid, 10_000)).toBe(true);
    await using next = await startEmbeddedPostgres({ dataDir: folder });
    expect(await query(next.url, 'SELECT n FROM kept')).toEqual([{ n: 1 }]);
  });

  it('of its owner, where the system cannot end it, the next start does', async () => {
    const { child, answer } = await startOwner(folder, { path: await pathWithout('setpriv') });
    await query(answer.url, 'CREATE TABLE kept AS SELECT 1 AS n');
    await end(child, 'SIGKILL');
    expect(isAlive(answer.pid)).toBe(true);
    const notices: string[] = [];
    await using next = await startEmbeddedPostgres({ dataDir: folder, onNotice: (notice) => notices.push(notice) });
    expect(await goneWithin(answer.pid, 1_000)).toBe(true);
    expect(notices).toEqual([expect.stringContaining('left behind')]);
    expect(await query(next.url, 'SELECT n FROM kept')).toEqual([{ n: 1 }]);
  });

  it('of both, the next start recovers what was committed', async () => {
    const { child, answer } = await startOwner(folder);
    await query(answer.url, 'CREATE TABLE kept AS SELECT 1 AS n');
    process.kill(answer.pid, 'SIGKILL');
    await end(child, 'SIGKILL');
    await using next = await startEmbeddedPostgres({ dataDir: folder });
    expect(await query(next.url, 'SELECT n FROM kept')).toEqual([{ n: 1 }]);
  });

  it('a pid file that meanwhile names another process does no harm to it', async () => {
    await (await startEmbeddedPostgres({ dataDir: folder }))[Symbol.asyncDispose]();
    const stranger = spawn('sleep', ['60']);
    owners.push(stranger);
    await writeFile(join(folder, 'postgres/data/postmaster.pid'), `${stranger.pid}\n${folder}/postgres/data\n`);
    await using postgres = await startEmbeddedPostgres({ dataDir: folder });
    expect(await query(postgres.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(stranger.exitCode).toBeNull();
  });

  it('of PostgreSQL alone its owner is told', async () => {
    const postgres = await startEmbeddedPostgres({ dataDir: folder });
    process.kill(postgres.pid, 'SIGKILL');
    await postgres.exited;
    await postgres[Symbol.asyncDispose]();
    expect(await goneWithin(postgres.pid, 1_000)).toBe(true);
  });
});

describe.runIf(isRoot)('under root', () => {
  it('runs in a namespace, in a folder that root keeps to itself', async () => {
    const { answer } = await startOwner(join(folder, 'data'));
    expect((await stat(join(folder, 'data/postgres/data/PG_VERSION'))).uid).toBe(0);
    expect(await readFile(`/proc/${answer.pid}/uid_map`, 'utf8')).toMatch(/^\s+65534\s+0\s+1\s*$/);
  });

  it('runs as the folder’s owner where namespaces are refused', async () => {
    const dataDir = join(folder, 'data');
    await mkdir(dataDir);
    await chmod(folder, 0o755);
    await chown(dataDir, 65_534, 65_534);
    const path = await pathWithout('unshare');
    const { child, answer } = await startOwner(dataDir, { path });
    expect(answer.error).toBeUndefined();
    expect((await stat(`/proc/${answer.pid}`)).uid).toBe(65_534);
    await end(child, 'SIGTERM');
    const again = await startOwner(dataDir, { path });
    expect(await query(again.answer.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('says what to do where namespaces are refused and the folder is root’s', async () => {
    const { answer } = await startOwner(join(folder, 'data'), { path: await pathWithout('unshare') });
    expect(answer).toMatchObject({ error: 'DATA_DIR_UNUSABLE', message: expect.stringContaining('chown -R USER DIR') });
  });

  it('gives way to an ordinary user, who needs no namespace', async () => {
    const dataDir = join(folder, 'data');
    await mkdir(dataDir);
    await chmod(folder, 0o755);
    await chown(dataDir, 65_534, 65_534);
    const { answer } = await startOwner(dataDir, { uid: 65_534, path: await pathWithout('unshare') });
    expect(answer.error).toBeUndefined();
    expect(await query(answer.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('needs no name where it has only a number, as in some containers', async () => {
    const dataDir = join(folder, 'data');
    await mkdir(dataDir);
    await chmod(folder, 0o755);
    await chown(dataDir, 54_321, 54_321);
    const { answer } = await startOwner(dataDir, { uid: 54_321 });
    expect(answer.error).toBeUndefined();
    const refused = await startOwner(dataDir, { uid: 54_321, path: await pathWithout('unshare') });
    expect(refused.answer.error).toBe('DATA_DIR_IN_USE');
  });
});
