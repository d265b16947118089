/** A pull: what is written, what is verified, and that no answer of a server can write outside of its folder. */
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FakeArtifact, type FakeVitrine, problem, startFakeVitrine } from './fake-vitrine.ts';
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

  it('refuses a folder that is not empty, unless it is told to', async () => {
    await mkdir(join(folder.path, 'out'));
    await writeFile(join(folder.path, 'out/main.txt'), 'mine');
    expect(await pull()).toMatchObject({ code: 7, err: expect.stringContaining('[OUTPUT_EXISTS]') });
    expect(await readFile(join(folder.path, 'out/main.txt'), 'utf8')).toBe('mine');
    expect((await pull('--force')).code).toBe(0);
    expect(await readFile(join(folder.path, 'out/main.txt'), 'utf8')).toBe('main');
  });

  it('keeps nothing of a blob that comes with other bytes', async () => {
    server.bytes.set(artifact.blobs.find((blob) => blob.slot === 'main')?.url ?? '', Buffer.from('evil'));
    expect(await pull()).toMatchObject({ code: 10, err: expect.stringContaining('[BLOB_DIGEST_MISMATCH]') });
    expect(await filesOf('out')).not.toContain('main.txt');
    expect((await filesOf('out')).filter((path) => path.endsWith('.part'))).toEqual([]);
  });

  it('keeps nothing of a blob that is longer or shorter than it should be', async () => {
    const { url = '' } = artifact.blobs.find((blob) => blob.slot === 'main') ?? {};
    for (const bytes of ['mai', 'maine']) {
      server.bytes.set(url, Buffer.from(bytes));
      expect(await pull('--force')).toMatchObject({ code: 10, err: expect.stringContaining('[BLOB_SIZE_MISMATCH]') });
      expect(await filesOf('out')).not.toContain('main.txt');
    }
  });

  it('keeps nothing of a blob whose connection breaks', async () => {
    const blob = artifact.blobs.find((item) => item.slot === 'files');
    server.override.set(`GET ${blob?.url}`, (response) => {
      response.writeHead(200, { 'content-length': 3_000_000 });
      response.write('a'.repeat(100_000), () => response.destroy());
    });
    expect(await pull()).toMatchObject({ code: 9, err: expect.stringContaining('The connection ended while lib/a was coming.') });
    expect((await filesOf('out')).filter((path) => path !== 'main.txt')).toEqual([]);
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
    for (const url of ['http://127.0.0.1:1/x', '//127.0.0.1:1/x']) {
      for (const blob of artifact.blobs) blob.url = url;
      expect(await pull('--force')).toMatchObject({ code: 1, err: expect.stringContaining('a strange address') });
    }
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
