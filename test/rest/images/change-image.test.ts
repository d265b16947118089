import { request as httpRequest } from 'node:http';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '#base/json.ts';
import type { Artifact } from '#core/artifact.ts';
import { addMember } from '#ops/add-member.ts';
import { type CreateArtifactInput, createArtifact } from '#ops/create-artifact.ts';
import { getArtifact } from '#ops/get-artifact.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { updateArtifact } from '#ops/update-artifact.ts';
import { uploadBlob } from '#ops/upload-blob.ts';
import { testSettings } from '#test/support/operations.ts';
import { startTestServer, type TestServer } from '#test/support/server.ts';

type Headers = Record<string, string>;

const newer = 'application/openstack-images-v2.1-json-patch';
const older = 'application/openstack-images-v2.0-json-patch';

let server: TestServer;
let blue: Headers;
let green: Headers;
let admin: Headers;
let reader: Headers;

beforeAll(async () => {
  const properties = [
    { name: 'hw_disk_bus', enum: ['virtio', 'scsi'] },
    { name: 'cost_centre', required: true },
  ];
  const image = { ...testSettings.image, properties, propertyQuota: 4 };
  server = await startTestServer({ settings: { maxTags: 3, image } });
  blue = await server.tokenFor('blue', 'member');
  green = await server.tokenFor('green', 'member');
  admin = await server.tokenFor('ops', 'admin');
  reader = await server.tokenFor('blue', 'reader');
});
afterAll(() => server[Symbol.asyncDispose]());

const queued = (input: Partial<CreateArtifactInput> = {}): Promise<Artifact> =>
  createArtifact(server.actAs('blue', 'admin', 'member'), { type: 'image', project: 'blue', visibility: 'shared', ...input });

async function active(input: Partial<CreateArtifactInput> = {}): Promise<Artifact> {
  const { properties, ...rest } = input;
  const { id } = await queued({ properties: { disk_format: 'raw', container_format: 'bare', ...properties }, ...rest });
  await uploadBlob(server.actAs('blue'), { artifactId: id, slot: 'data', source: Readable.from([Buffer.from('bytes')]) });
  return publishArtifact(server.actAs('blue', 'admin'), { id });
}

const ask = (method: string, path: string, headers: Headers = blue, body?: string): Promise<Response> =>
  fetch(`${server.url}/v2/images/${path}`, { method, headers, ...(body === undefined ? {} : { body }) });

async function statusOf(method: string, path: string, headers: Headers = blue, body?: string): Promise<number> {
  const response = await ask(method, path, headers, body);
  await response.text();
  return response.status;
}

const patch = (id: string, changes: Json, headers: Headers = blue, type = newer): Promise<Response> =>
  ask('PATCH', id, { ...headers, 'content-type': type }, JSON.stringify(changes));

async function patchStatus(id: string, changes: Json, headers: Headers = blue, type = newer): Promise<number> {
  const response = await patch(id, changes, headers, type);
  await response.text();
  return response.status;
}

async function patched(id: string, changes: Json, headers: Headers = blue, type = newer): Promise<JsonObject> {
  const response = await patch(id, changes, headers, type);
  const text = await response.text();
  expect(response.status, text).toBe(200);
  expect(response.headers.get('content-type')).toBe('application/json');
  return JSON.parse(text);
}

const shown = async (id: string): Promise<JsonObject> => (await ask('GET', id)).json();

describe('a PATCH', () => {
  it('changes every field that callers may write, and answers the whole image', async () => {
    const { id } = await queued({ name: 'before', properties: { gone: 'x' } });
    const image = await patched(id, [
      { op: 'replace', path: '/name', value: 'after' },
      { op: 'replace', path: '/visibility', value: 'community' },
      { op: 'replace', path: '/protected', value: true },
      { op: 'add', path: '/os_hidden', value: true },
      { op: 'replace', path: '/tags', value: ['b', 'a'] },
      { op: 'replace', path: '/min_ram', value: 1 },
      { op: 'add', path: '/min_disk', value: 2 },
      { op: 'replace', path: '/disk_format', value: 'qcow2' },
      { op: 'replace', path: '/container_format', value: 'bare' },
      { op: 'add', path: '/a~1b~0c', value: 'text' },
      { op: 'add', path: '/empty', value: null },
      { op: 'remove', path: '/gone' },
    ]);
    expect(image).toMatchObject({
      ...{
        id,
        name: 'after',
        visibility: 'community',
        protected: true,
        os_hidden: true,
        tags: ['a', 'b'],
        min_ram: 1,
        min_disk: 2,
      },
      ...{ disk_format: 'qcow2', container_format: 'bare', 'a/b~c': 'text', empty: '', status: 'queued', owner: 'blue' },
    });
    expect(image).not.toHaveProperty('gone');
    expect(await shown(id)).toEqual(image);
    const artifact = await getArtifact(server.actAs('blue'), { id });
    expect(artifact).toMatchObject({ name: 'after', revision: 2, properties: { disk_format: 'qcow2', 'a/b~c': 'text' } });
  });

  it('of nothing changes nothing', async () => {
    const { id } = await active({ name: 'still' });
    const before = await shown(id);
    expect(await patched(id, [])).toEqual(before);
    expect(await patched(id, [{ op: 'replace', path: '/name', value: 'still' }])).toEqual(before);
    expect((await getArtifact(server.actAs('blue'), { id })).revision).toBe(3);
  });

  it('shows what stands in stores of an image that has data', async () => {
    const { id } = await active();
    expect(await patched(id, [{ op: 'add', path: '/note', value: 'n' }])).toMatchObject({
      ...{ status: 'active', size: 5, stores: 'local', note: 'n', checksum: expect.stringMatching(/^[0-9a-f]{32}$/) },
    });
  });

  it('does all of its changes in their order, or none', async () => {
    const { id } = await queued({ properties: { a: '1' } });
    const changes = [
      { op: 'remove', path: '/a' },
      { op: 'add', path: '/a', value: '2' },
      { op: 'replace', path: '/a', value: '3' },
      { op: 'add', path: '/b', value: '1' },
      { op: 'remove', path: '/b' },
    ];
    const image = await patched(id, changes);
    expect(image).toMatchObject({ a: '3' });
    expect(image).not.toHaveProperty('b');
    const half = [
      { op: 'replace', path: '/a', value: '4' },
      { op: 'remove', path: '/never' },
    ];
    expect(await patchStatus(id, half)).toBe(409);
    expect(await shown(id)).toMatchObject({ a: '3' });
  });

  it('of the older media type names its path in the member that says what is done', async () => {
    const { id } = await queued({ name: 'old', properties: { a: '1', b: '2' } });
    const changes = [
      { replace: '/name', value: 'new' },
      { add: '/c', value: '3' },
      { remove: '/a' },
      { replace: '/b', value: '4' },
    ];
    const image = await patched(id, changes, blue, older);
    expect(image).toMatchObject({ name: 'new', b: '4', c: '3' });
    expect(image).not.toHaveProperty('a');
  });

  it('that adds what is there replaces it, but is a conflict in the older media type', async () => {
    const { id } = await queued({ properties: { a: '1' } });
    expect(await patched(id, [{ op: 'add', path: '/a', value: '2' }])).toMatchObject({ a: '2' });
    expect(await patchStatus(id, [{ add: '/a', value: '3' }], blue, older)).toBe(409);
    expect(await patchStatus(id, [{ add: '/name', value: '3' }], blue, older)).toBe(409);
  });

  it.each(['application/json', 'application/json-patch+json', 'text/plain', ''])(
    'of type "%s" is 415, and told which types there are',
    async (type) => {
      const { id } = await queued();
      const response = await patch(id, [], blue, type);
      expect(response.status).toBe(415);
      expect(response.headers.get('accept-patch')).toBe(`${newer}, ${older}`);
    },
  );

  it('takes its media type with parameters, in any case', async () => {
    const { id } = await queued();
    expect(await patchStatus(id, [], blue, `${newer.toUpperCase()}; charset=utf-8`)).toBe(200);
  });
});

describe('a PATCH that is refused', () => {
  it.each<[string, Json, number]>([
    ['an object', {}, 400],
    ['null', null, 400],
    ['a list of texts', ['x'], 400],
    ['test', [{ op: 'test', path: '/name', value: 'x' }], 400],
    ['move', [{ op: 'move', path: '/name', from: '/a' }], 400],
    ['copy', [{ op: 'copy', path: '/name', from: '/a' }], 400],
    ['no op', [{ path: '/name', value: 'x' }], 400],
    ['no path', [{ op: 'add', value: 'x' }], 400],
    ['a path that is a number', [{ op: 'add', path: 1, value: 'x' }], 400],
    ['an empty path', [{ op: 'add', path: '', value: 'x' }], 400],
    ['the root', [{ op: 'add', path: '/', value: 'x' }], 400],
    ['a path without its slash', [{ op: 'add', path: 'name', value: 'x' }], 400],
    ['a path with two slashes', [{ op: 'add', path: '//name', value: 'x' }], 400],
    ['a path with a slash at its end', [{ op: 'add', path: '/name/', value: 'x' }], 400],
    ['an escape that is none', [{ op: 'add', path: '/a~2b', value: 'x' }], 400],
    ['a tilde at the end', [{ op: 'add', path: '/a~', value: 'x' }], 400],
    ['two segments', [{ op: 'add', path: '/a/b', value: 'x' }], 400],
    ['a tag by its place', [{ op: 'add', path: '/tags/-', value: 'x' }], 400],
    ['no value', [{ op: 'add', path: '/a' }], 400],
    ['no value to replace with', [{ op: 'replace', path: '/name' }], 400],
    ['a number for text', [{ op: 'add', path: '/a', value: 1 }], 400],
    ['a negative disk', [{ op: 'replace', path: '/min_disk', value: -1 }], 400],
    ['no memory at all', [{ op: 'replace', path: '/min_ram', value: null }], 400],
    ['a long name', [{ op: 'replace', path: '/name', value: 'n'.repeat(256) }], 400],
    ['a long property', [{ op: 'add', path: `/${'p'.repeat(256)}`, value: 'x' }], 400],
    ['a value against the deployment', [{ op: 'add', path: '/hw_disk_bus', value: 'ide' }], 400],
    ['removing what the deployment asks for', [{ op: 'remove', path: '/cost_centre' }], 400],
    ['a disk format of its own', [{ op: 'replace', path: '/disk_format', value: 'tar' }], 400],
    ['too many tags', [{ op: 'replace', path: '/tags', value: ['a', 'b', 'c', 'd'] }], 413],
    ['too many properties', ['b', 'c', 'd', 'e'].map((name) => ({ op: 'add', path: `/${name}`, value: '' })), 413],
    ['replacing what is not there', [{ op: 'replace', path: '/b', value: 'x' }], 409],
    ['removing what is not there', [{ op: 'remove', path: '/b' }], 409],
    ['removing the name', [{ op: 'remove', path: '/name' }], 403],
    ['removing the tags', [{ op: 'remove', path: '/tags' }], 403],
    ['removing the disk format', [{ op: 'remove', path: '/disk_format' }], 403],
    ['making it public', [{ op: 'replace', path: '/visibility', value: 'public' }], 403],
    ['giving it away', [{ op: 'replace', path: '/owner', value: 'green' }], 403],
    ['a location', [{ op: 'add', path: '/locations/-', value: { url: 'file:///x', metadata: {} } }], 403],
    ['the first location', [{ op: 'remove', path: '/locations/0' }], 403],
    ['all locations', [{ op: 'replace', path: '/locations', value: [] }], 403],
  ])('%s is %i', async (_what, changes, status) => {
    const { id } = await queued({ name: 'as it was', properties: { a: '1', cost_centre: '7' } });
    const before = await shown(id);
    expect(await patchStatus(id, changes)).toBe(status);
    expect(await shown(id)).toEqual(before);
  });

  it.each<[string, Json]>([
    ['no member', [{ value: 'x' }]],
    ['two members', [{ add: '/a', replace: '/a', value: 'x' }]],
    ['the newer form', [{ op: 'add', path: '/a', value: 'x' }]],
    ['no value', [{ add: '/a' }]],
    ['a path that is none', [{ add: 'a', value: 'x' }]],
  ])('%s in the older media type is 400', async (_what, changes) => {
    expect(await patchStatus((await queued()).id, changes, blue, older)).toBe(400);
  });

  it.each([
    ...['created_at', 'updated_at', 'status', 'checksum', 'size', 'virtual_size', 'direct_url', 'self', 'file', 'schema', 'id'],
    ...['os_hash_algo', 'os_hash_value', 'stores', 'location', 'deleted', 'deleted_at', 'os_glance_failed_import'],
  ])('the field %s is not for callers to write, in any way', async (name) => {
    const { id } = await queued();
    for (const change of [{ op: 'add', value: 'x' }, { op: 'replace', value: 'x' }, { op: 'remove' }]) {
      expect(await patchStatus(id, [{ ...change, path: `/${name}` }]), change.op).toBe(403);
    }
  });

  it.each(['[', '', '[{"op":"add","op":"add","path":"/a","value":"x"}]', '[{"op":"add","path":"/__proto__","value":"x"}]'])(
    'the body %s is 400',
    async (body) => {
      expect(await statusOf('PATCH', (await queued()).id, { ...blue, 'content-type': newer }, body)).toBe(400);
    },
  );

  it('a change of the formats of an image that has data is 403, but saying what they are is not', async () => {
    const { id } = await active();
    expect(await patchStatus(id, [{ op: 'replace', path: '/disk_format', value: 'qcow2' }])).toBe(403);
    expect(await patchStatus(id, [{ op: 'replace', path: '/container_format', value: null }])).toBe(403);
    expect(await patchStatus(id, [{ op: 'replace', path: '/disk_format', value: 'raw' }])).toBe(200);
  });

  it('a change of the formats while data come is 403, and goes again when they have not come', async () => {
    const { id } = await queued({ properties: { disk_format: 'raw', container_format: 'bare' } });
    const path = `/v2/images/${id}/file`;
    const headers = { ...blue, 'content-type': 'application/octet-stream' };
    const upload = httpRequest({ port: new URL(server.url).port, host: '127.0.0.1', method: 'PUT', path, headers });
    upload.on('error', () => undefined);
    upload.write('some');
    const change = [{ op: 'replace', path: '/disk_format', value: 'iso' }];
    await expect.poll(() => shown(id), { timeout: 10_000 }).toMatchObject({ status: 'saving' });
    expect(await patchStatus(id, change)).toBe(403);
    expect(await patchStatus(id, [{ op: 'replace', path: '/name', value: 'meanwhile' }])).toBe(200);
    upload.destroy();
    await expect.poll(() => shown(id), { timeout: 10_000 }).toMatchObject({ status: 'queued' });
    expect(await patchStatus(id, change)).toBe(200);
  });

  it('lets who has more properties than allowed change the others, and take some away', async () => {
    const properties = Object.fromEntries(['a', 'b', 'c', 'd', 'e', 'f'].map((name) => [name, 'x']));
    const { id } = await queued({ properties });
    expect(await patchStatus(id, [{ op: 'replace', path: '/a', value: 'y' }])).toBe(200);
    expect(await patchStatus(id, [{ op: 'remove', path: '/b' }])).toBe(200);
    expect(await patchStatus(id, [{ op: 'add', path: '/g', value: 'y' }])).toBe(413);
  });
});

describe('who may change an image', () => {
  const rename = [{ op: 'replace', path: '/name', value: 'renamed' }];

  it('is its project; who sees it may not, and who does not finds nothing', async () => {
    const seen = await active({ visibility: 'community' });
    const hidden = await active({ visibility: 'private' });
    const shared = await active();
    await addMember(server.actAs('blue'), { artifactId: shared.id, project: 'green' });
    expect(await patchStatus(seen.id, rename, green)).toBe(403);
    expect(await patchStatus(shared.id, rename, green)).toBe(403);
    expect(await patchStatus(hidden.id, rename, green)).toBe(404);
    expect(await patchStatus(hidden.id, rename, reader)).toBe(403);
    expect(await patchStatus(hidden.id, rename, admin)).toBe(200);
    expect(await patchStatus('nothing', rename)).toBe(404);
    expect(await patchStatus(crypto.randomUUID(), rename)).toBe(404);
  });

  it('finds no artifact of another type', async () => {
    const kit = await createArtifact(server.actAs('blue'), { type: 'kit' });
    expect(await patchStatus(kit.id, rename)).toBe(404);
    for (const [method, path] of [
      ['DELETE', ''],
      ['PUT', '/tags/a'],
      ['POST', '/actions/deactivate'],
    ] as const) {
      expect(await statusOf(method, `${kit.id}${path}`)).toBe(404);
    }
    expect((await getArtifact(server.actAs('blue'), { id: kit.id })).revision).toBe(1);
  });

  it('gives it to another project as an administrator only, who may also make it public', async () => {
    const { id } = await active();
    const moved = await patched(
      id,
      [
        { op: 'replace', path: '/owner', value: 'green' },
        { op: 'replace', path: '/visibility', value: 'public' },
      ],
      admin,
    );
    expect(moved).toMatchObject({ owner: 'green', visibility: 'public' });
    expect(await patchStatus(id, rename)).toBe(403);
    expect(await patchStatus(id, rename, green)).toBe(200);
  });
});

describe('a version', () => {
  const version = 'os_vitrine_version';

  it('is given by a property, at once or later, and then it is for good', async () => {
    const { id } = await active({ name: 'versioned', properties: { os_distro: 'debian' } });
    expect(await patched(id, [{ op: 'add', path: `/${version}`, value: '1.0.0' }])).toMatchObject({ [version]: '1.0.0' });
    const artifact = await getArtifact(server.actAs('blue'), { id });
    expect(artifact).toMatchObject({ version: '1.0.0', digest: expect.stringMatching(/^sha256:/) });
    expect(await patchStatus(id, [{ op: 'remove', path: `/${version}` }])).toBe(409);
    expect(await patchStatus(id, [{ op: 'replace', path: `/${version}`, value: '2.0.0' }])).toBe(409);
    expect(await patchStatus(id, [{ op: 'replace', path: '/name', value: 'other' }])).toBe(409);
    expect(await patchStatus(id, [{ op: 'replace', path: '/os_distro', value: 'fedora' }])).toBe(403);
    expect(await patched(id, [{ op: 'replace', path: '/min_ram', value: 64 }])).toMatchObject({ min_ram: 64 });
    const twin = await active({ name: 'versioned' });
    expect(await patchStatus(twin.id, [{ op: 'add', path: `/${version}`, value: '1.0.0' }])).toBe(409);
  });

  it('of a queued image can be taken away, and one that GraphQL gave is shown', async () => {
    const { id } = await queued({ name: 'family' });
    await updateArtifact(server.actAs('blue'), { id, version: '3.0.0' });
    expect(await shown(id)).toMatchObject({ [version]: '3.0.0' });
    expect(await patchStatus(id, [{ add: `/${version}`, value: '4.0.0' }], blue, older)).toBe(409);
    expect(await patched(id, [{ op: 'remove', path: `/${version}` }])).not.toHaveProperty(version);
    expect(await patchStatus(id, [{ op: 'remove', path: `/${version}` }])).toBe(409);
  });
});

describe('DELETE of an image', () => {
  it('is 204 once, then there is none', async () => {
    for (const { id } of [await queued(), await active()]) {
      const response = await ask('DELETE', id);
      expect(response.status).toBe(204);
      expect(response.headers.get('content-type')).toBe('text/html; charset=UTF-8');
      expect(await statusOf('GET', id)).toBe(404);
      expect(await statusOf('DELETE', id)).toBe(404);
    }
  });

  it('is refused while the image is protected, and to whom it is not', async () => {
    const { id } = await active({ protected: true, visibility: 'community' });
    expect(await statusOf('DELETE', id)).toBe(403);
    expect(await patchStatus(id, [{ op: 'replace', path: '/protected', value: false }])).toBe(200);
    expect(await statusOf('DELETE', id, green)).toBe(403);
    expect(await statusOf('DELETE', id, reader)).toBe(403);
    expect(await statusOf('DELETE', (await active({ visibility: 'private' })).id, green)).toBe(404);
    expect(await statusOf('DELETE', id, admin)).toBe(204);
  });

  it('with a body is refused', async () => {
    const { id } = await queued();
    expect(await statusOf('DELETE', id, blue, '{}')).toBe(400);
    expect(await statusOf('DELETE', id, { ...blue, 'content-type': 'application/json' })).toBe(204);
  });
});

describe('DELETE where deletes are delayed', () => {
  it('is the end of it for everybody but administrators', async () => {
    const storage = { ...testSettings.storage, deleteDelayMs: 60_000 };
    await using slow = await startTestServer({ settings: { storage } });
    const headers = await slow.tokenFor('blue', 'member');
    const { id } = await createArtifact(slow.actAs('blue'), {
      type: 'image',
      visibility: 'shared',
      tags: ['kept'],
      properties: { disk_format: 'raw', container_format: 'bare' },
    });
    await uploadBlob(slow.actAs('blue'), { artifactId: id, slot: 'data', source: Readable.from([Buffer.from('bytes')]) });
    await publishArtifact(slow.actAs('blue'), { id });
    await addMember(slow.actAs('blue'), { artifactId: id, project: 'green' });
    const url = `${slow.url}/v2/images/${id}`;
    expect((await fetch(url, { method: 'DELETE', headers })).status).toBe(204);
    expect((await fetch(url, { headers })).status).toBe(404);
    const admin = await slow.tokenFor('ops', 'admin');
    expect(await (await fetch(url, { headers: admin })).json()).toMatchObject({ status: 'pending_delete' });
    expect((await fetch(`${url}/file`, { headers })).status).toBe(404);
    expect((await fetch(url, { method: 'DELETE', headers })).status).toBe(404);
    const change = {
      method: 'PATCH',
      headers: { ...headers, 'content-type': newer },
      body: '[{"op":"add","path":"/a","value":""}]',
    };
    expect((await fetch(url, change)).status).toBe(404);
    expect((await fetch(url, { ...change, body: '[]' })).status).toBe(404);
    expect((await fetch(`${url}/tags/kept`, { method: 'PUT', headers })).status).toBe(404);
    expect((await fetch(`${url}/members`, { headers })).status).toBe(404);
    expect((await fetch(`${url}/members/green`, { headers })).status).toBe(404);
    expect((await fetch(`${url}/members`, { headers: admin })).status).toBe(200);
    expect((await fetch(url, { headers: await slow.tokenFor('green', 'member') })).status).toBe(404);
  });
});

describe('a tag', () => {
  it('is added once, whatever is in it, and taken away once', async () => {
    const { id } = await active({ tags: ['a'] });
    for (const tag of ['b', 'b', 'x/y z%☃']) {
      const response = await ask('PUT', `${id}/tags/${encodeURIComponent(tag)}`);
      expect(response.status).toBe(204);
      expect(response.headers.get('content-type')).toBe('text/html; charset=UTF-8');
    }
    expect(await shown(id)).toMatchObject({ tags: ['a', 'b', 'x/y z%☃'] });
    expect(await statusOf('DELETE', `${id}/tags/${encodeURIComponent('x/y z%☃')}`)).toBe(204);
    expect(await statusOf('DELETE', `${id}/tags/b`)).toBe(204);
    expect(await statusOf('DELETE', `${id}/tags/b`)).toBe(404);
    expect(await shown(id)).toMatchObject({ tags: ['a'] });
  });

  it('is refused where it is none, or one too many', async () => {
    const { id } = await queued({ tags: ['a', 'b', 'c'] });
    expect(await statusOf('PUT', `${id}/tags/a`)).toBe(204);
    expect(await statusOf('PUT', `${id}/tags/d`)).toBe(413);
    expect(await statusOf('DELETE', `${id}/tags/a`)).toBe(204);
    expect(await statusOf('PUT', `${id}/tags/${'t'.repeat(256)}`)).toBe(400);
    expect(await statusOf('PUT', `${id}/tags/%00`)).toBe(400);
    expect(await statusOf('PUT', `${id}/tags/`)).toBe(400);
    expect(await statusOf('PUT', `${id}/tags/%ff`)).toBe(400);
    expect(await statusOf('PUT', `${id}/tags/x`, blue, '{}')).toBe(400);
    expect(await statusOf('PUT', `${id}/tags/x`, { ...blue, 'content-type': 'application/json' })).toBe(204);
  });

  it('is taken from an image that has more than are taken now, and may be said again of it', async () => {
    const tags = ['a', 'b', 'c', 'd', 'e'];
    const { id } = await queued();
    await server.services.db.query({ text: 'UPDATE artifact SET tags = $2 WHERE id = $1' }, [id, tags]);
    expect(await statusOf('PUT', `${id}/tags/a`)).toBe(204);
    expect(await statusOf('PUT', `${id}/tags/f`)).toBe(413);
    expect(await statusOf('DELETE', `${id}/tags/a`)).toBe(204);
    expect(await shown(id)).toMatchObject({ tags: ['b', 'c', 'd', 'e'] });
  });

  it("is for the image's own project to change", async () => {
    const { id } = await active({ visibility: 'community', tags: ['a'] });
    expect(await statusOf('PUT', `${id}/tags/b`, green)).toBe(403);
    expect(await statusOf('DELETE', `${id}/tags/a`, green)).toBe(403);
    expect(await statusOf('PUT', `${id}/tags/b`, reader)).toBe(403);
    expect(await statusOf('PUT', `${(await active({ visibility: 'private' })).id}/tags/b`, green)).toBe(404);
    expect(await statusOf('PUT', `${crypto.randomUUID()}/tags/b`)).toBe(404);
  });

  it('is not lost where many are added at once', async () => {
    const { id } = await queued();
    const statuses = await Promise.all(['a', 'b', 'c'].map((tag) => statusOf('PUT', `${id}/tags/${tag}`)));
    expect(statuses).toEqual([204, 204, 204]);
    expect(await shown(id)).toMatchObject({ tags: ['a', 'b', 'c'] });
  });

  it('is added or one too many, and never in conflict with another, in a burst beyond the quota', async () => {
    const { id } = await active();
    const tags = Array.from({ length: 60 }, (_, index) => `tag-${index}`);
    const statuses = await Promise.all(tags.map((tag) => statusOf('PUT', `${id}/tags/${tag}`)));
    const count = (wanted: number) => statuses.filter((status) => status === wanted).length;
    expect([count(204), count(413)]).toEqual([3, 57]);
    const kept = tags.filter((_, index) => statuses[index] === 204);
    expect((await shown(id))['tags']).toEqual(kept.sort());
    const gone = await Promise.all(
      kept.flatMap((tag) => Array.from({ length: 10 }, () => statusOf('DELETE', `${id}/tags/${tag}`))),
    );
    expect(gone.filter((status) => status === 204)).toHaveLength(3);
    expect(gone.filter((status) => status === 404)).toHaveLength(27);
  });
});

describe('deactivating', () => {
  it('is 204 also when said twice, and so is reactivating', async () => {
    const { id } = await active();
    for (const [action, status] of [
      ['reactivate', 'active'],
      ['deactivate', 'deactivated'],
      ['deactivate', 'deactivated'],
      ['reactivate', 'active'],
    ] as const) {
      expect(await statusOf('POST', `${id}/actions/${action}`)).toBe(204);
      expect(await shown(id)).toMatchObject({ status });
    }
  });

  it('is 403 while the image has no data', async () => {
    const { id } = await queued();
    expect(await statusOf('POST', `${id}/actions/deactivate`)).toBe(403);
    expect(await statusOf('POST', `${id}/actions/reactivate`)).toBe(403);
  });

  it('takes no body, and comes from the project or an administrator', async () => {
    const { id } = await active({ visibility: 'community' });
    expect(await statusOf('POST', `${id}/actions/deactivate`, blue, '{}')).toBe(400);
    expect(await statusOf('POST', `${id}/actions/deactivate`, green)).toBe(403);
    expect(await statusOf('POST', `${id}/actions/deactivate`, reader)).toBe(403);
    expect(await statusOf('POST', `${crypto.randomUUID()}/actions/deactivate`)).toBe(404);
    expect(await statusOf('POST', `${id}/actions/deactivate`, { ...admin, 'content-type': 'application/json' })).toBe(204);
    expect(await statusOf('POST', `${id}/actions/explode`)).toBe(404);
    expect((await ask('GET', `${id}/actions/deactivate`)).headers.get('allow')).toBe('POST');
  });
});
