/** A push as scripts see it: what is sent, what is refused before a byte is sent, and that a failure leaves nothing behind. */
import { createHash } from 'node:crypto';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FakeVitrine, problem, startFakeVitrine } from './fake-vitrine.ts';
import { createFolder, type Outcome, runVitrine } from './run-command.ts';

const imageFlags = ['--type', 'image', '--name', 'cirros', '--version', '1.0.0', '--property', 'disk_format=raw'];

let server: FakeVitrine;
let folder: AsyncDisposable & { readonly path: string };

beforeEach(async () => {
  server = await startFakeVitrine();
  folder = await createFolder();
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

function push(...args: string[]): Promise<Outcome> {
  return runVitrine(['push', ...args], { url: server.url, cwd: folder.path });
}

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder.path, path)), { recursive: true });
    await writeFile(join(folder.path, path), text);
  }
}

describe('pushing a file', () => {
  it('sends it with its size and digest, publishes, and prints the artifact', async () => {
    await write({ 'disk.img': 'bytes of a disk' });
    const { code, out, err } = await push(...imageFlags, '--slot', 'data=disk.img', '--publish', '--json');
    expect([code, err]).toEqual([0, '']);
    const shown = JSON.parse(out);
    expect(shown).toMatchObject({ name: 'cirros', version: '1.0.0', state: 'active', outcome: 'published' });
    const sha256 = createHash('sha256').update('bytes of a disk').digest('hex');
    expect(shown.slots).toMatchObject([{ slot: 'data', path: 'data', size: 15, sha256 }]);
    expect(server.log).toContain(`PUT /api/v1/artifacts/${shown.id}/slots/data?path=data`);
  });

  it('stays a draft without --publish, and says how to publish it', async () => {
    await write({ 'disk.img': 'x' });
    const { code, out } = await push(...imageFlags, '--slot', 'data=disk.img');
    const [draft] = [...server.artifacts.values()];
    expect(code).toBe(0);
    expect(draft?.state).toBe('draft');
    expect(out).toContain(`vitrine publish ${draft?.id}`);
  });

  it('says that it is there already the second time, without sending its bytes', async () => {
    await write({ 'disk.img': 'same' });
    const args = [...imageFlags, '--slot', 'data=disk.img', '--publish'];
    await push(...args);
    server.log.length = 0;
    const again = await push(...args);
    expect(again).toMatchObject({ code: 0, err: '' });
    expect(again.out).toContain('exists already');
    expect(server.log.filter((line) => line.startsWith('PUT'))).toEqual([]);
    expect([...server.artifacts.values()].map((artifact) => artifact.state)).toEqual(['active']);
  });

  it('refuses another content under the same version before a byte is sent, and leaves no draft', async () => {
    await write({ 'disk.img': 'one' });
    const args = [...imageFlags, '--slot', 'data=disk.img', '--publish'];
    await push(...args);
    await write({ 'disk.img': 'two' });
    server.log.length = 0;
    const { code, err } = await push(...args);
    expect([code, err]).toEqual([7, expect.stringContaining('[VERSION_EXISTS]')]);
    expect(server.log.filter((line) => line.startsWith('PUT'))).toEqual([]);
    expect(server.artifacts.size).toBe(1);
  });

  it('lets the server decide about a version that has a property more', async () => {
    await write({ 'disk.img': 'same' });
    const args = [...imageFlags, '--slot', 'data=disk.img', '--publish'];
    await push(...args, '--property', 'os_distro=cirros');
    server.log.length = 0;
    expect((await push(...args)).out).not.toContain('exists already');
    expect(server.log).toContain('PublishArtifact');
  });

  it('sends an empty file', async () => {
    await write({ 'disk.img': '' });
    expect((await push(...imageFlags, '--slot', 'data=disk.img')).code).toBe(0);
  });

  it('reads properties by their kind, and refuses what is not of it', async () => {
    await write({ 'disk.img': 'x' });
    await push(...imageFlags, '--property', 'min_ram=512', '--property', 'any=007', '--slot', 'data=disk.img');
    expect([...server.artifacts.values()][0]?.properties).toEqual({ disk_format: 'raw', min_ram: 512, any: '007' });
    const { code, err } = await push(...imageFlags, '--property', 'min_ram=much');
    expect([code, err]).toEqual([3, expect.stringContaining('min_ram is a whole number, not "much"')]);
  });

  it('sends nothing in a dry run', async () => {
    await write({ 'disk.img': 'x' });
    const { code, out } = await push(...imageFlags, '--slot', 'data=disk.img', '--publish', '--dry-run', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ dryRun: true, publish: true, slots: [{ path: 'data', size: 1 }] });
    expect(server.log).toEqual(['Type']);
  });

  it('sends the token it was given', async () => {
    await write({ 'disk.img': 'x' });
    await runVitrine(['push', ...imageFlags, '--slot', 'data=disk.img'], { url: server.url, cwd: folder.path, token: 'vtr_x' });
    expect(new Set(server.tokens)).toEqual(new Set(['Bearer vtr_x']));
  });
});

describe('a push that fails', () => {
  it('takes its draft away when the server refuses the bytes, also while they are being sent', async () => {
    await write({ 'disk.img': 'x'.repeat(3_000_000) });
    server.override.set('PUT', (response) => problem(response, 413, 'BLOB_TOO_LARGE', 'Too large.'));
    const { code, err } = await push(...imageFlags, '--slot', 'data=disk.img', '--publish');
    expect([code, err]).toEqual([8, expect.stringContaining('Too large. [BLOB_TOO_LARGE]')]);
    expect(server.artifacts.size).toBe(0);
  });

  it('takes its draft away when publishing is refused, and names every fault', async () => {
    await write({ 'disk.img': 'x' });
    const faults = [{ pointer: '/properties/os', message: 'It is missing.' }];
    const result = { __typename: 'ValidationError', code: 'PROPERTIES_INVALID', message: 'No.', remedy: 'Do.', faults };
    server.override.set('PublishArtifact', (response) => response.end(JSON.stringify({ data: { publishArtifact: result } })));
    const { code, err } = await push(...imageFlags, '--slot', 'data=disk.img', '--publish', '--json');
    expect(code).toBe(3);
    expect(JSON.parse(err)).toMatchObject({ error: { code: 'PROPERTIES_INVALID', message: 'No.', faults, exitCode: 3 } });
    expect(server.artifacts.size).toBe(0);
  });

  it('takes its draft away when the connection stays broken, or it is interrupted, and nothing can be remembered', async () => {
    await write({ 'disk.img': 'x'.repeat(3_000_000) });
    server.override.set('PUT', (_response, request) => void request.socket.destroy());
    expect((await push(...imageFlags, '--slot', 'data=disk.img')).code).toBe(9);
    expect(server.log.filter((line) => line.startsWith('PUT'))).toHaveLength(3);
    expect(server.artifacts.size).toBe(0);
    const interrupted = new AbortController();
    // Never answered: only the interruption ends it.
    server.override.set('PUT', () => interrupted.abort(new Error('interrupted')));
    const options = { url: server.url, cwd: folder.path, signal: interrupted.signal };
    const { code, err } = await runVitrine(['push', ...imageFlags, '--slot', 'data=disk.img'], options);
    expect([code, err]).toEqual([130, 'vitrine: interrupted\n']);
    expect(server.artifacts.size).toBe(0);
  });

  it('says so of a slot, a type or a file that is not there, and makes no draft', async () => {
    await write({ 'disk.img': 'x' });
    expect((await push(...imageFlags, '--slot', 'disk=disk.img')).err).toContain('no slot disk; it has data. [SLOT_UNKNOWN]');
    for (const slot of ['constructor', 'toString', '__proto__']) {
      expect((await push(...imageFlags, '--slot', `${slot}=disk.img`)).err).toContain(
        `no slot ${slot}; it has data. [SLOT_UNKNOWN]`,
      );
    }
    expect((await push('--type', 'picture', '--slot', 'data=disk.img')).err).toContain('[TYPE_UNKNOWN]');
    expect((await push(...imageFlags, '--slot', 'data=none.img')).err).toContain('[FILE_UNREADABLE]');
    expect((await push(...imageFlags, '--slot', 'data=disk.img', '--slot', 'data=disk.img')).err).toContain('[SLOT_FULL]');
    expect(server.log.filter((line) => line !== 'Type')).toEqual([]);
  });
});

describe('pushing a folder', () => {
  const manifest = {
    type: 'bundle',
    name: 'tools',
    version: '1.0.0',
    properties: { level: 3 },
    tags: ['a'],
    slots: { main: 'main/readme.txt', files: ['lib', 'lib/b.yaml', 'top.json'] },
    dependencies: [{ slot: 'needs', alias: 'base', ref: 'bundle/base@^1', parameter: 'p' }],
  };
  const files = {
    'stack/main/readme.txt': 'read me',
    'stack/lib/a.sh': 'a',
    'stack/lib/b.yaml': 'b',
    'stack/lib/deep/c.bin': 'c',
    'stack/top.json': '{}',
    'stack/not-pushed.txt': 'no',
  };

  it('sends each file under its path from the folder, a folder of files whole', async () => {
    await write({ ...files, 'stack/vitrine.json': JSON.stringify(manifest) });
    expect(await push('stack', '--publish')).toMatchObject({ code: 0, err: '' });
    const [artifact] = [...server.artifacts.values()];
    expect(artifact).toMatchObject({ name: 'tools', properties: { level: 3 }, tags: ['a'], dependencies: manifest.dependencies });
    expect(artifact?.blobs.map(({ slot, path, mediaType }) => [slot, path, mediaType]).sort()).toEqual([
      ['files', 'lib/a.sh', 'text/x-shellscript'],
      ['files', 'lib/b.yaml', 'application/yaml'],
      ['files', 'lib/deep/c.bin', 'application/octet-stream'],
      ['files', 'top.json', 'application/json'],
      ['main', 'main/readme.txt', 'text/plain'],
    ]);
  });

  it('takes the whole folder but for the manifest and what another slot names', async () => {
    const whole = { ...manifest, slots: { main: 'main/readme.txt', files: '.' } };
    await write({ ...files, 'stack/vitrine.json': JSON.stringify(whole) });
    await push('stack');
    const paths = [...server.artifacts.values()][0]?.blobs.filter((blob) => blob.slot === 'files').map((blob) => blob.path);
    expect(paths?.sort()).toEqual(['lib/a.sh', 'lib/b.yaml', 'lib/deep/c.bin', 'not-pushed.txt', 'top.json']);
  });

  it('guesses a media type only where the file does not contradict it', async () => {
    await write({
      'stack/vitrine.json': JSON.stringify({ type: 'bundle', name: 'chart', version: '1.0.0', slots: { files: '.' } }),
      'stack/values.yaml': 'replicas: 3\n',
      'stack/templates/web.yaml': '{{- if .Values.on }}\nkind: Deployment\n{{- end }}\n',
      'stack/tsconfig.json': '{ // comments\n}',
      'stack/constructor': 'a name that every object has',
      'stack/twice.yml': 'a: 1\na: 2\n',
      'stack/binary.yaml': '\0\x01',
      'stack/none.png': 'not a picture',
      'stack/empty.json': '',
    });
    expect(await push('stack')).toMatchObject({ code: 0, err: '' });
    const blobs = [...server.artifacts.values()][0]?.blobs ?? [];
    expect(Object.fromEntries(blobs.map(({ path, mediaType }) => [path, mediaType]))).toEqual({
      'values.yaml': 'application/yaml',
      'templates/web.yaml': 'text/plain',
      'tsconfig.json': 'text/plain',
      ...{ constructor: 'application/octet-stream' },
      'twice.yml': 'text/plain',
      'binary.yaml': 'application/octet-stream',
      'none.png': 'text/plain',
      'empty.json': 'text/plain',
    });
  });

  it('takes the media types that are said, by a flag before the manifest', async () => {
    const said = { 'lib/a.sh': 'Text/X-Said', 'top.json': 'application/vnd.a+json; v=1' };
    await write({ ...files, 'stack/vitrine.json': JSON.stringify({ ...manifest, mediaTypes: said }) });
    const flags = ['--media-type', 'lib/a.sh=text/x-flag; charset=utf-8', '--media-type', 'lib/b.yaml=text/plain'];
    expect(await push('stack', ...flags)).toMatchObject({ code: 0 });
    const blobs = [...server.artifacts.values()][0]?.blobs ?? [];
    expect(blobs.flatMap(({ path, mediaType }) => (/a.sh|b.yaml|top/.test(path) ? [`${path} ${mediaType}`] : [])).sort()).toEqual(
      ['lib/a.sh text/x-flag; charset=utf-8', 'lib/b.yaml text/plain', 'top.json application/vnd.a+json; v=1'],
    );
  });

  it('refuses a media type that is none, or of no file', async () => {
    await write({ ...files, 'stack/vitrine.json': JSON.stringify(manifest) });
    for (const text of ['lib/a.sh', 'lib/a.sh=text', '=text/plain', 'lib/a.sh=']) {
      expect((await push('stack', '--media-type', text)).err).toContain('[USAGE]');
    }
    expect((await push('stack', '--media-type', 'lib/A.sh=text/plain')).err).toContain('what is not pushed: lib/A.sh');
    for (const mediaTypes of [{ 'lib/a.sh': 'text' }, { 'lib/a.sh': 1 }]) {
      await write({ 'stack/vitrine.json': JSON.stringify({ ...manifest, mediaTypes }) });
      expect((await push('stack')).err).toContain('type/subtype');
    }
    expect(server.artifacts.size).toBe(0);
  });

  it('lets flags win over the manifest', async () => {
    await write({ ...files, 'stack/vitrine.json': JSON.stringify(manifest) });
    await push('stack', '--version', '2.0.0', '--tag', 'b', '--property', 'level=4', '--slot', 'main=stack/not-pushed.txt');
    const [artifact] = [...server.artifacts.values()];
    expect(artifact).toMatchObject({ version: '2.0.0', tags: ['a', 'b'], properties: { level: 4 } });
    expect(artifact?.blobs.filter((blob) => blob.slot === 'main').map((blob) => blob.path)).toEqual(['main']);
  });

  it('refuses paths and links that lead out of the folder', async () => {
    await write({ ...files, secret: 'key' });
    for (const path of ['../secret', '/etc/hostname', 'lib/../../secret']) {
      await write({ 'stack/vitrine.json': JSON.stringify({ ...manifest, slots: { files: path } }) });
      expect((await push('stack')).err).toContain('[FILE_UNREADABLE]');
    }
    await symlink(join(folder.path, 'secret'), join(folder.path, 'stack/lib/link'));
    for (const path of ['lib/link', 'lib']) {
      await write({ 'stack/vitrine.json': JSON.stringify({ ...manifest, slots: { files: path } }) });
      expect((await push('stack')).err).toContain('[FILE_UNREADABLE]');
    }
    expect(server.artifacts.size).toBe(0);
  });

  it('names every fault of a manifest, with a pointer', async () => {
    const bad = { name: 1, slots: { files: [2] }, tags: 'a', dependencies: [{ slot: 's' }], propertys: {} };
    await write({ 'stack/vitrine.json': JSON.stringify(bad) });
    const { code, err } = await push('stack', '--json');
    expect(code).toBe(3);
    const pointers = JSON.parse(err).error.faults.map((fault: { pointer: string }) => fault.pointer);
    expect(pointers.sort()).toEqual(['/dependencies/0', '/name', '/propertys', '/slots/files', '/tags', '/type']);
  });

  it('reads a manifest that an editor began with a byte order mark', async () => {
    await write({ ...files, 'stack/vitrine.json': `\ufeff${JSON.stringify(manifest)}` });
    expect((await push('stack', '--dry-run')).code).toBe(0);
  });

  it('refuses a manifest that is no strict JSON, or is not there', async () => {
    await write({ 'stack/vitrine.json': '{"type":"bundle","type":"image"}' });
    const { code, err } = await push('stack');
    expect([code, err]).toEqual([
      3,
      expect.stringMatching(/stack\/vitrine\.json is not a manifest.*The key stands there twice/s),
    ]);
    expect((await push('.')).err).toContain('has no vitrine.json');
  });
});
