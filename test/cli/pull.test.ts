/** A pull: what is written, what is verified, and that no answer of a server can write outside of its folder. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { packageRoot } from '#base/package-root.ts';
import { type FakeArtifact, type FakeBlob, type FakeVitrine, problem, startFakeVitrine } from './fake-vitrine.ts';
import { createFolder, type Outcome, runVitrine } from './run-command.ts';

let server: FakeVitrine;
let folder: AsyncDisposable & { readonly path: string };
let artifact: FakeArtifact;

beforeEach(async () => {
  server = await startFakeVitrine();
  folder = await createFolder();
  await mkdir(join(folder.path, 'in/lib'), { recursive: true });
  await writeFile(join(folder.path, 'in/main.txt'), 'main');
  await writeFile(join(folder.path, 'in/lib/a'), 'a'.repeat(3_000_000));
  const manifest = { type: 'bundle', name: 'tools', version: '1.0.0', slots: { main: 'main.txt', files: 'lib' } };
  await writeFile(join(folder.path, 'in/vitrine.json'), JSON.stringify(manifest));
  await runVitrine(['push', 'in', '--publish'], { url: server.url, cwd: folder.path });
  artifact = [...server.artifacts.values()][0] as FakeArtifact;
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

function pull(...args: string[]): Promise<Outcome> {
  return runVitrine(['pull', 'bundle/tools@1.0.0', '--output', 'out', ...args], { url: server.url, cwd: folder.path });
}

async function filesOf(path: string): Promise<string[]> {
  const entries = await readdir(join(folder.path, path), { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(join(folder.path, path), join(entry.parentPath, entry.name)))
    .sort();
}

function largeBlob(): FakeBlob {
  return artifact.blobs.find((blob) => blob.slot === 'files') as FakeBlob;
}

function closure(nodes: readonly object[]): void {
  server.override.set('GET /api/v1/closure', (response) => {
    response.end(JSON.stringify({ root: artifact.id, mode: 'pinned', nodes, edges: [], problems: [], complete: true }));
  });
}

describe('pulling one artifact', () => {
  it('writes each blob at its path, byte for byte', async () => {
    expect(await pull()).toMatchObject({ code: 0, err: '' });
    expect(await filesOf('out')).toEqual(['lib/a', 'main.txt']);
    expect(await readFile(join(folder.path, 'out/lib/a'), 'utf8')).toBe('a'.repeat(3_000_000));
  });

  it('fetches only what is missing when it is done again', async () => {
    await pull();
    server.log.length = 0;
    expect(await pull()).toMatchObject({ code: 0, err: '', out: expect.stringContaining('2 files') });
    await rm(join(folder.path, 'out/lib/a'));
    expect((await pull()).code).toBe(0);
    expect(server.log.filter((line) => line.startsWith('GET'))).toEqual([`GET ${largeBlob().url}`]);
    expect(await readFile(join(folder.path, 'out/lib/a'), 'utf8')).toBe('a'.repeat(3_000_000));
  });

  it('refuses a folder that has anything else, or other bytes, unless it is told to', async () => {
    await mkdir(join(folder.path, 'out'));
    await writeFile(join(folder.path, 'out/other'), 'mine');
    expect(await pull()).toMatchObject({ code: 7, err: expect.stringContaining('"other" is not of what is pulled') });
    await rm(join(folder.path, 'out/other'));
    await writeFile(join(folder.path, 'out/main.txt'), 'mine');
    expect(await pull()).toMatchObject({ code: 7, err: expect.stringContaining('[OUTPUT_EXISTS]') });
    expect(await readFile(join(folder.path, 'out/main.txt'), 'utf8')).toBe('mine');
    expect((await pull('--force')).code).toBe(0);
    expect(await readFile(join(folder.path, 'out/main.txt'), 'utf8')).toBe('main');
  });

  it('keeps nothing of a blob that comes with other bytes', async () => {
    server.bytes.set(artifact.blobs.find((blob) => blob.slot === 'main')?.url ?? '', Buffer.from('evil'));
    expect(await pull()).toMatchObject({ code: 10, err: expect.stringMatching(/\[BLOB_DIGEST_MISMATCH\]\n.* fetch them again/) });
    expect(await filesOf('out')).not.toContain('main.txt');
    // What came of other blobs waits for the next pull.
    expect((await filesOf('out')).filter((path) => !path.startsWith('lib/'))).toEqual([]);
  });

  it('keeps nothing of a blob that is longer or shorter than it should be', async () => {
    const { url = '' } = artifact.blobs.find((blob) => blob.slot === 'main') ?? {};
    for (const bytes of ['mai', 'maine']) {
      server.bytes.set(url, Buffer.from(bytes));
      expect(await pull('--force')).toMatchObject({ code: 10, err: expect.stringContaining('[BLOB_SIZE_MISMATCH]') });
      expect(await filesOf('out')).not.toContain('main.txt');
    }
  });

  it.each(['../evil', '/tmp/vitrine-evil', 'lib/../../evil', 'a\u0000b', 'C:\\evil', '..', 'lib/..', ''])(
    'refuses the path %j, whatever the server says',
    async (path) => {
      for (const blob of artifact.blobs) blob.path = path;
      expect(await pull()).toMatchObject({ code: 3, err: expect.stringContaining('[PATH_INVALID]') });
      expect(await filesOf('.')).toEqual(['in/lib/a', 'in/main.txt', 'in/vitrine.json']);
    },
  );

  it('refuses to write through a link that stands in its way', async () => {
    await mkdir(join(folder.path, 'elsewhere'));
    await mkdir(join(folder.path, 'out'));
    await symlink(join(folder.path, 'elsewhere'), join(folder.path, 'out/lib'));
    expect(await pull('--force')).toMatchObject({ code: 7, err: expect.stringContaining('it is a link') });
    expect(await filesOf('elsewhere')).toEqual([]);
  });

  it('never sends its token to another address', async () => {
    for (const url of ['http://127.0.0.1:1/x', '//127.0.0.1:1/x', '/\\127.0.0.1:1/x', '/\t/127.0.0.1:1/x']) {
      for (const blob of artifact.blobs) blob.url = url;
      expect(await pull('--force')).toMatchObject({ code: 1, err: expect.stringContaining('a strange address') });
    }
  });
});

describe('pulling over a bad network', () => {
  /** Serves so many bytes of each answer, and then breaks it. */
  function breakAfter(bytes: number, times = Number.POSITIVE_INFINITY): { ranges: (string | undefined)[] } {
    const seen = { ranges: [] as (string | undefined)[] };
    let left = times;
    server.override.set(`GET ${largeBlob().url}`, (response, request) => {
      const { range } = request.headers;
      seen.ranges.push(range);
      left -= 1;
      if (left === 0) server.override.delete(`GET ${largeBlob().url}`);
      const start = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
      const length = 3_000_000 - start;
      const headers = start === 0 ? {} : { 'content-range': `bytes ${start}-2999999/3000000` };
      response.writeHead(start === 0 ? 200 : 206, { 'content-length': length, ...headers });
      if (length <= bytes) response.end('a'.repeat(length));
      else response.write('a'.repeat(bytes), () => response.destroy());
    });
    return seen;
  }

  it('goes on from where it broke, as long as it goes forward', async () => {
    const { ranges } = breakAfter(700_000);
    expect(await pull()).toMatchObject({ code: 0, err: '' });
    // More breaks than a pull would bear that does not go forward.
    expect(ranges.length).toBeGreaterThanOrEqual(5);
    expect(await readFile(join(folder.path, 'out/lib/a'), 'utf8')).toBe('a'.repeat(3_000_000));
    expect(await filesOf('out')).toEqual(['lib/a', 'main.txt']);
  });

  it('asks for the rest of these very bytes, and takes the whole where the server has others', async () => {
    breakAfter(1_000_000, 1);
    expect((await pull()).code).toBe(0);
    const { url, sha256 } = largeBlob();
    await rm(join(folder.path, 'out/lib/a'));
    const conditions: (string | undefined)[] = [];
    server.override.set(`GET ${url}`, (response, request) => {
      conditions.push(request.headers['if-range'] as string | undefined);
      response.writeHead(200, { 'content-length': 3_000_000 });
      if (conditions.length > 1) response.end('a'.repeat(3_000_000));
      else response.write('a'.repeat(1_000_000), () => response.destroy());
    });
    expect((await pull()).code).toBe(0);
    expect(conditions).toEqual([undefined, `"sha256:${sha256}"`]);
  });

  it('ends when it does not go forward, says how to go on, and the next goes on', async () => {
    server.override.set(`GET ${largeBlob().url}`, (response) => {
      response.writeHead(200, { 'content-length': 3_000_000 });
      response.write('a'.repeat(1_000_000), () => response.destroy());
    });
    const { code, err } = await pull();
    expect([code, err]).toEqual([9, expect.stringMatching(/the same command goes on with it.*while lib\/a was coming/s)]);
    expect(await filesOf('out')).toEqual([expect.stringMatching(/^lib\/\.vitrine-[0-9a-f]{32}\.part$/), 'main.txt']);
    const { ranges } = breakAfter(3_000_000);
    expect((await pull()).code).toBe(0);
    expect(ranges).toEqual([expect.stringMatching(/^bytes=[1-9]\d*-$/)]);
    expect(await filesOf('out')).toEqual(['lib/a', 'main.txt']);
  });

  it('asks once where it is sent elsewhere, which is no matter of time', async () => {
    const { url } = largeBlob();
    server.override.set(`GET ${url}`, (response) => response.writeHead(302, { location: '/login' }).end());
    const { code, err } = await pull();
    expect([code, err]).toEqual([9, expect.stringContaining('redirects to /login')]);
    expect(err).not.toContain('the same command goes on');
    expect(server.log.filter((line) => line === `GET ${url}`)).toHaveLength(1);
  });

  it('starts again where an earlier run left damaged bytes', async () => {
    server.override.set(`GET ${largeBlob().url}`, (response) => {
      response.writeHead(200, { 'content-length': 3_000_000 });
      response.write('b'.repeat(100_000), () => response.destroy());
    });
    await pull();
    server.override.clear();
    expect((await pull()).code).toBe(0);
    expect(await readFile(join(folder.path, 'out/lib/a'), 'utf8')).toBe('a'.repeat(3_000_000));
  });

  it('is interrupted by Ctrl-C, and keeps what came', async () => {
    const interrupted = new AbortController();
    server.override.set(`GET ${largeBlob().url}`, (response) => {
      response.writeHead(200, { 'content-length': 3_000_000 });
      response.write('a'.repeat(100_000), () => setTimeout(() => interrupted.abort(new Error('interrupted')), 50));
    });
    const options = { url: server.url, cwd: folder.path, signal: interrupted.signal };
    const { code, err } = await runVitrine(['pull', 'bundle/tools@1.0.0', '--output', 'out'], options);
    expect([code, err]).toEqual([130, expect.stringMatching(/goes on with it\.\nvitrine: interrupted\n$/)]);
    server.override.clear();
    server.log.length = 0;
    expect((await pull()).code).toBe(0);
    expect(await filesOf('out')).toEqual(['lib/a', 'main.txt']);
  });
});

describe('pulling onto a full disk', () => {
  it('says that it is full, and the next pull goes on', async () => {
    // A limit on the size of a file, in blocks of 512 bytes, stands for a disk of that size.
    const command = 'ulimit -f 1000; exec "$0" "$@"';
    const launcher = join(packageRoot(), 'src/launch.js');
    const args = ['pull', 'bundle/tools@1.0.0', '--output', 'out'];
    const env = { ...process.env, VITRINE_URL: server.url, NODE_DISABLE_COMPILE_CACHE: '1' };
    const child = spawn('sh', ['-c', command, process.execPath, launcher, ...args], {
      ...{ cwd: folder.path, env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const [err, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    expect(err).toMatch(/the same command goes on with it\.\nvitrine: .* cannot be written: EFBIG.* \[OUTPUT_UNWRITABLE\]\n/);
    expect(code).toBe(1);
    expect((await pull()).code).toBe(0);
    expect(await readFile(join(folder.path, 'out/lib/a'), 'utf8')).toBe('a'.repeat(3_000_000));
  });
});

describe('pulling a closure', () => {
  const node = () => ({ ...artifact, blobs: artifact.blobs });

  it('writes each artifact into a folder of its own, and closure.json last', async () => {
    const [main] = artifact.blobs;
    const unversioned = { ...node(), id: 'the-id', name: null, version: null, blobs: [main] };
    closure([node(), { ...node(), project: 'a/../b', name: '..', version: '2.0.0', blobs: [main] }, unversioned]);
    expect(await pull('--closure')).toMatchObject({ code: 0, err: '' });
    expect(await filesOf('out')).toEqual([
      `a%2F..%2Fb/bundle/%2E%2E/2.0.0/${main?.path}`,
      'closure.json',
      `default/bundle/_/the-id/${main?.path}`,
      'default/bundle/tools/1.0.0/lib/a',
      'default/bundle/tools/1.0.0/main.txt',
    ]);
    expect(JSON.parse(await readFile(join(folder.path, 'out/closure.json'), 'utf8')).nodes).toHaveLength(3);
  });

  it('says every problem of a closure that is not complete, and writes nothing', async () => {
    const problems = [{ kind: 'NO_MATCH', alias: 'base', message: 'No version of image/base matches ^9.' }];
    server.override.set('GET /api/v1/closure', (response) => {
      problem(response, 409, 'CLOSURE_INCOMPLETE', 'The closure is not complete.', { problems });
    });
    const { code, err } = await pull('--closure');
    expect(code).toBe(7);
    expect(err).toContain('NO_MATCH base: No version of image/base matches ^9.');
    expect(await filesOf('out')).toEqual([]);
  });

  it('asks for the mode and for partial delivery', async () => {
    closure([]);
    await pull('--closure', '--mode', 'floating', '--partial');
    expect(server.log.at(-1)).toBe('GET /api/v1/closure?ref=bundle%2Ftools%401.0.0&mode=floating&format=json&partial=true');
    expect((await pull('--partial')).code).toBe(2);
  });
});
