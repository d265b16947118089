/** The commands against a real server: the whole way of an artifact, as its owner and as a stranger go it. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startVitrine, type VitrineProcess } from '#test/support/vitrine-process.ts';
import { createFolder, type Outcome, runVitrine } from './run-command.ts';

let server: VitrineProcess;
let folder: AsyncDisposable & { readonly path: string };

beforeAll(async () => {
  server = await startVitrine();
  folder = await createFolder();
  await write({
    'disk.img': 'a disk',
    'other.img': 'another disk',
    'stack/stack.yaml': `heat_template_version: 2018-08-31
parameters:
  image: {type: string}
resources:
  server: {type: nested/server.yaml, properties: {image: {get_param: image}}}
`,
    'stack/nested/server.yaml': `heat_template_version: 2018-08-31
parameters:
  image: {type: string}
resources:
  server:
    type: OS::Nova::Server
    properties: {image: {get_param: image}, flavor: m1.tiny, user_data: {get_file: ../scripts/boot.sh}}
`,
    'stack/scripts/boot.sh': '#!/bin/sh\n',
    'stack/env/base.yaml': 'parameters: {}\n',
    'stack/vitrine.json': JSON.stringify({
      type: 'heat-template',
      name: 'web',
      version: '1.0.0',
      properties: { environmentFiles: ['env/base.yaml'] },
      tags: ['web'],
      slots: { template: 'stack.yaml', files: ['nested', 'scripts', 'env'] },
      dependencies: [{ slot: 'image', alias: 'base', ref: 'image/cirros@^1', parameter: 'image' }],
    }),
  });
}, 60_000);

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder.path, path)), { recursive: true });
    await writeFile(join(folder.path, path), text);
  }
}

function vitrine(...args: string[]): Promise<Outcome> {
  return runVitrine(args, { url: server.url, cwd: folder.path });
}

/** What a command answers as JSON; it must succeed. */
async function answer(...args: string[]) {
  const { code, out, err } = await vitrine(...args, '--json');
  expect([code, err]).toEqual([0, '']);
  return JSON.parse(out);
}

function pushImage(version: string, ...more: string[]): Promise<Outcome> {
  const flags = ['--type', 'image', '--name', 'cirros', '--version', version, '--property', 'disk_format=raw'];
  return vitrine('push', ...flags, '--slot', 'data=disk.img', ...more);
}

describe('the way of an artifact', () => {
  it('is pushed in versions and found by range, and show answers the documented keys', async () => {
    expect((await pushImage('1.2.0', '--publish')).code).toBe(0);
    expect(
      (await pushImage('1.10.0', '--publish', '--property', 'min_ram=64', '--property', 'lot=7', '--tag', 'small')).code,
    ).toBe(0);
    const shown = await answer('show', 'image/cirros@^1');
    expect(Object.keys(shown)).toEqual([
      ...['id', 'project', 'type', 'name', 'version', 'state', 'visibility', 'revision', 'digest', 'properties', 'tags'],
      ...['slots', 'dependencies'],
    ]);
    const sha256 = createHash('sha256').update('a disk').digest('hex');
    expect(shown).toMatchObject({ project: 'default', version: '1.10.0', properties: { min_ram: 64 }, tags: ['small'] });
    expect(shown.slots).toEqual([
      {
        slot: 'data',
        path: 'data',
        mediaType: expect.any(String),
        size: 6,
        sha256,
        url: `/api/v1/artifacts/${shown.id}/slots/data`,
      },
    ]);
    expect(shown.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  it('is not pushed twice, nor with another content, and leaves no draft either way', async () => {
    expect(await pushImage('1.2.0', '--publish')).toMatchObject({ code: 0, out: expect.stringContaining('exists already') });
    await write({ 'disk.img': 'changed' });
    expect(await pushImage('1.2.0', '--publish')).toMatchObject({ code: 7, err: expect.stringContaining('[VERSION_EXISTS]') });
    await write({ 'disk.img': 'a disk' });
    expect(await answer('list', '--state', 'draft')).toEqual([]);
  });

  it('is left as it was by a push that the server refuses', async () => {
    for (const [args, code] of [
      [['1.x'], 'VERSION_INVALID'],
      [['2.0.0', '--property', 'min_ram=-1'], 'PROPERTIES_INVALID'],
      [['2.0.0', '--visibility', 'open'], ''],
      [['2.0.0', '--tag', 'a\u0000b'], ''],
    ] as const) {
      const [version, ...more] = args;
      const { code: exit, err } = await pushImage(version, '--publish', ...more);
      expect([exit, err]).toEqual([3, expect.stringContaining(`[${code}`)]);
    }
    expect(await answer('list', '--state', 'draft')).toEqual([]);
  });

  it('stays a draft until it is published', async () => {
    const draft = JSON.parse((await pushImage('1.3.0', '--json')).out);
    expect(draft).toMatchObject({ state: 'draft', outcome: 'draft', digest: null });
    expect((await vitrine('show', 'image/cirros@1.3.0')).code).toBe(6);
    expect(await answer('publish', draft.id)).toMatchObject({ state: 'active', version: '1.3.0' });
  });

  it('is pulled byte for byte', async () => {
    expect((await vitrine('pull', 'image/cirros@1.2.0', '--output', 'one')).code).toBe(0);
    expect(await readdir(join(folder.path, 'one'))).toEqual(['data']);
    expect(await readFile(join(folder.path, 'one/data'), 'utf8')).toBe('a disk');
  });

  it('is listed by what people ask for', async () => {
    const versions = async (...args: string[]) =>
      (await answer('list', 'image', '--order', 'version-asc', ...args)).map((item: { version: string }) => item.version);
    expect(await versions()).toEqual(['1.2.0', '1.3.0', '1.10.0']);
    expect(await versions('--range', '<1.10')).toEqual(['1.2.0', '1.3.0']);
    expect(await versions('--latest')).toEqual(['1.10.0']);
    expect(await versions('--tag', 'small')).toEqual(['1.10.0']);
    expect(await versions('--property', 'min_ram=64')).toEqual(['1.10.0']);
    // Text, though it looks like a number: the property's kind says so.
    expect(await versions('--property', 'lot=7')).toEqual(['1.10.0']);
    expect(await versions('--name', 'cir*')).toHaveLength(3);
    expect(await versions('--name', 'none')).toEqual([]);
    expect((await vitrine('list', '--limit', '1')).err).toContain('There are more');
  });
});

describe('a bundle', () => {
  it('takes properties of any kind, and is found by them', async () => {
    const flags = ['--property', 'owner=hand', '--property', 'pages=3', '--property', 'sizes={"a":[1]}'];
    const pushed = await vitrine('push', '--type', 'bundle', '--name', 'site', '--version', '1.0.0', ...flags, '--publish');
    expect(pushed).toMatchObject({ code: 0, err: '' });
    expect(await answer('show', 'bundle/site')).toMatchObject({ properties: { owner: 'hand', pages: 3, sizes: { a: [1] } } });
    const found = async (property: string) => (await answer('list', 'bundle', '--property', property)).length;
    expect(await Promise.all(['owner=hand', 'pages=3', 'sizes={"a":[1]}'].map(found))).toEqual([1, 1, 1]);
    expect(await Promise.all(['owner=foot', 'pages="3"', 'sizes={"a":[2]}'].map(found))).toEqual([0, 0, 0]);
  });
});

describe('a stack with its image', () => {
  it('is pushed as a folder, pulled with its closure, and projected for its engine', async () => {
    expect((await vitrine('push', 'stack', '--publish')).code).toBe(0);
    expect(await vitrine('push', 'stack', '--publish')).toMatchObject({
      code: 0,
      out: expect.stringContaining('exists already'),
    });
    expect((await vitrine('pull', 'heat-template/web', '--closure', '--output', 'whole')).code).toBe(0);
    const tree = 'whole/default/heat-template/web/1.0.0';
    expect(await readFile(join(folder.path, tree, 'nested/server.yaml'), 'utf8')).toContain('../scripts/boot.sh');
    expect(await readFile(join(folder.path, 'whole/default/image/cirros/1.10.0/data'), 'utf8')).toBe('a disk');
    const closure = JSON.parse(await readFile(join(folder.path, 'whole/closure.json'), 'utf8'));
    expect(closure).toMatchObject({ complete: true, nodes: [{ version: '1.10.0' }, { name: 'web' }] });

    const projection = JSON.parse((await vitrine('closure', 'heat-template/web', '--projection', 'heat')).out);
    expect(Object.keys(projection.files).sort()).toEqual(['env/base.yaml', 'nested/server.yaml', 'scripts/boot.sh']);
    expect(projection.environment_files).toEqual(['env/base.yaml']);
    expect((await vitrine('closure', 'heat-template/web')).out).toContain(closure.closureDigest);
  });

  it('is named by the image it needs, which is then not deleted', async () => {
    expect(await answer('dependents', 'image/cirros@1.10.0')).toMatchObject([{ type: 'heat-template', name: 'web' }]);
    expect(await vitrine('delete', 'image/cirros@1.10.0')).toMatchObject({
      code: 7,
      err: expect.stringContaining('[ARTIFACT_REQUIRED]'),
    });
  });
});

describe('the steps of its life', () => {
  it('are yank, deprecate, deactivate, each with its way back, and delete', async () => {
    const found = async () => (await answer('show', 'image/cirros@^1.3')).version;
    expect((await vitrine('yank', 'image/cirros@1.10.0', '--reason', 'slow')).out).toContain(
      'yanked default/image/cirros@1.10.0',
    );
    expect(await found()).toBe('1.3.0');
    expect((await vitrine('show', 'image/cirros@1.10.0')).err).toContain('yanked: slow');
    await vitrine('yank', 'image/cirros@1.10.0', '--undo');
    expect(await found()).toBe('1.10.0');

    await vitrine('deprecate', 'image/cirros@1.3.0', '--message', 'use 1.10.0');
    expect((await vitrine('show', 'image/cirros@1.3.0')).err).toContain('use 1.10.0');
    expect((await vitrine('deprecate', 'image/cirros@1.3.0')).code).toBe(2);
    expect((await vitrine('deprecate', 'image/cirros@1.3.0', '--undo')).code).toBe(0);

    expect(await answer('deactivate', 'image/cirros@1.3.0')).toMatchObject({ state: 'deactivated' });
    expect((await vitrine('deactivate', 'image/cirros@1.3.0', '--undo')).out).toContain('reactivated');
    expect(await answer('delete', 'image/cirros@1.3.0')).toMatchObject({ state: 'deleted' });
    expect((await vitrine('show', 'image/cirros@1.3.0')).code).toBe(6);
  });
});

describe('tokens', () => {
  it('are made, used, listed without their secrets, and revoked', async () => {
    const args = ['--subject', 'ci', '--project', 'other', '--role', 'reader', '--expires-in', '1d'];
    const { token, secret } = await answer('token', 'create', ...args);
    expect(secret).toMatch(/^vtr_/);
    const stranger = { url: server.url, token: secret, cwd: folder.path };
    const { id } = await answer('show', 'image/cirros@1.2.0');
    const foreign = await runVitrine(['show', id], stranger);
    const random = await runVitrine(['show', '6f1c3f4e-0a52-4c6b-9d3f-2b8f6f0f9a11'], stranger);
    expect([foreign.code, foreign.err.replaceAll(id, 'ID')]).toEqual([
      6,
      random.err.replaceAll('6f1c3f4e-0a52-4c6b-9d3f-2b8f6f0f9a11', 'ID'),
    ]);
    const push = ['push', '--type', 'image', '--name', 'x', '--slot', 'data=disk.img'];
    expect(await runVitrine(push, stranger)).toMatchObject({ code: 5, err: expect.stringContaining('[FORBIDDEN]') });
    expect((await vitrine('token', 'list', '--json')).out).not.toContain(secret);
    expect(await answer('token', 'revoke', token.id)).toMatchObject({ id: token.id, revokedAt: expect.any(String) });
    expect(await runVitrine(['list'], stranger)).toMatchObject({ code: 4, err: expect.stringContaining('[UNAUTHENTICATED]') });
    expect((await runVitrine(['list'], { ...stranger, token: 'vtr_wrong' })).code).toBe(4);
  });
});

describe('the commands about the server', () => {
  it('show the loaded types and the schema they make', async () => {
    expect((await answer('types', 'list')).map((type: { name: string }) => type.name)).toContain('heat-template');
    expect((await vitrine('types', 'list')).out).toContain('slot data (one, required)');
    expect((await vitrine('schema', 'print')).out).toContain('type HeatTemplate implements Artifact');
  });

  it('show the configuration, its sources, and no secret', async () => {
    const key = 'k'.repeat(40);
    let out = '';
    const { runCommand } = await import('#cli/cli.ts');
    const code = await runCommand(['config', '--port', '1234', '--json'], {
      out: (text) => {
        out += text;
      },
      err: () => undefined,
      isTerminal: false,
      env: { VITRINE_INSTANCE_KEY: key },
      cwd: folder.path,
      signal: new AbortController().signal,
    });
    expect(code).toBe(0);
    expect(out).not.toContain(key);
    expect(JSON.parse(out)).toContainEqual({ setting: 'port', value: '1234', source: '--port' });
    expect((await vitrine('config', '--port', 'many')).code).toBe(2);
  });

  it('start a type that loads, and say what is wrong with one that does not', async () => {
    expect((await answer('types', 'new', 'fire-wall')).folder).toBe(join(folder.path, 'fire-wall'));
    expect((await vitrine('types', 'new', 'fire-wall')).code).toBe(7);
    const manifest = JSON.parse(await readFile(join(folder.path, 'fire-wall/manifest.json'), 'utf8'));
    expect(manifest.type).toBe('fire-wall');
    await write({ 'fire-wall/manifest.json': JSON.stringify({ ...manifest, current: '9' }) });
    expect(await vitrine('types', 'check', 'fire-wall')).toMatchObject({
      code: 3,
      err: expect.stringContaining('manifest.json#'),
    });
  });
});
