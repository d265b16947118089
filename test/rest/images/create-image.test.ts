import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '#base/json.ts';
import { getArtifact } from '#ops/get-artifact.ts';
import { testSettings } from '#test/support/operations.ts';
import { startTestServer, type TestServer } from '#test/support/server.ts';

type Headers = Record<string, string>;

let server: TestServer;
let blue: Headers;
let admin: Headers;

const properties = [
  { name: 'hw_disk_bus', description: 'The bus.', enum: ['virtio', 'scsi'] },
  { name: 'os_edition', pattern: '^[a-z]+$', minLength: 2, maxLength: 4 },
];

beforeAll(async () => {
  const image = { ...testSettings.image, properties, propertyQuota: 8, diskFormats: ['raw', 'qcow2', 'iso'] };
  server = await startTestServer({ settings: { maxTags: 4, image } });
  blue = await server.tokenFor('blue', 'member');
  admin = await server.tokenFor('ops', 'admin');
});
afterAll(() => server[Symbol.asyncDispose]());

const post = (body: Json | string, headers: Headers = blue): Promise<Response> =>
  fetch(`${server.url}/v2/images`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

const statusOf = async (body: Json | string, headers: Headers = blue): Promise<number> => {
  const response = await post(body, headers);
  await response.text();
  return response.status;
};

/** Its id is text, as every image's. */
type Shown = Readonly<Record<string, Json>> & { readonly id: string };

async function created(body: JsonObject, headers: Headers = blue): Promise<Shown> {
  const response = await post(body, headers);
  const text = await response.text();
  expect(response.status, text).toBe(201);
  return JSON.parse(text);
}

describe('an image that is made', () => {
  it('is queued, shared, of its maker, with every base field, and found where Location says', async () => {
    const response = await post({});
    expect(response.status).toBe(201);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(response.headers.get('openstack-image-store-ids')).toBe('local');
    const image = await response.json();
    expect(response.headers.get('location')).toBe(`${server.url}/v2/images/${image.id}`);
    expect(image).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      name: null,
      status: 'queued',
      visibility: 'shared',
      protected: false,
      os_hidden: false,
      checksum: null,
      os_hash_algo: null,
      os_hash_value: null,
      owner: 'blue',
      size: null,
      virtual_size: null,
      container_format: null,
      disk_format: null,
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      updated_at: image.created_at,
      tags: [],
      min_ram: 0,
      min_disk: 0,
      self: `/v2/images/${image.id}`,
      file: `/v2/images/${image.id}/file`,
      schema: '/v2/schemas/image',
    });
    const shown = await fetch(response.headers.get('location') ?? '', { headers: blue });
    expect(await shown.json()).toEqual(image);
  });

  it('has everything that was said of it, and is an artifact like any other', async () => {
    const id = randomUUID();
    const said = {
      id: id.toUpperCase(),
      name: 'Débian 13 ☃ 🎉',
      visibility: 'community',
      protected: true,
      os_hidden: true,
      container_format: 'bare',
      disk_format: 'qcow2',
      tags: ['b', 'a', 'b'],
      min_ram: 512,
      min_disk: 2_147_483_647,
      owner: 'blue',
      hw_disk_bus: 'virtio',
      'with/slash~': 'x',
      os_distro: 'debian',
      empty: null,
    };
    const image = await created(said);
    expect(image).toMatchObject({ ...said, id, tags: ['a', 'b'], empty: '', status: 'queued' });
    const artifact = await getArtifact(server.actAs('blue'), { id });
    expect(artifact).toMatchObject({
      ...{ type: 'image', project: 'blue', name: said.name, version: null, state: 'draft', hidden: true, protected: true },
      properties: { disk_format: 'qcow2', min_ram: 512, hw_disk_bus: 'virtio', empty: '' },
    });
  });

  it('takes null for what nobody has said yet, and an empty name for none', async () => {
    const image = await created({ name: '', disk_format: null, container_format: null, owner: null });
    expect(image).toMatchObject({ name: null, disk_format: null, container_format: null, owner: 'blue' });
  });

  it('is made under every minor version, its links still under /v2', async () => {
    const response = await fetch(`${server.url}/v2.9/images`, { method: 'POST', headers: blue, body: '{}' });
    expect(response.status).toBe(201);
    expect(response.headers.get('location')).toMatch(/\/v2\/images\/[0-9a-f-]{36}$/);
  });

  it('takes JSON whatever the content type says it is', async () => {
    expect(await statusOf({ name: 'x' }, { ...blue, 'content-type': 'application/octet-stream' })).toBe(201);
  });

  it('may be given a version of its family with its name', async () => {
    const image = await created({ name: 'family', os_vitrine_version: '1.2.0' });
    expect(image).toMatchObject({ name: 'family', os_vitrine_version: '1.2.0' });
    const artifact = await getArtifact(server.actAs('blue'), { id: image.id });
    expect(artifact).toMatchObject({ version: '1.2.0', familyId: expect.any(String), properties: {} });
    expect(await created({ name: 'family', os_vitrine_version: null })).not.toHaveProperty('os_vitrine_version');
  });

  it("is another project's where an administrator says so, and public only by one", async () => {
    expect(await created({ owner: 'green', visibility: 'public' }, admin)).toMatchObject({
      owner: 'green',
      visibility: 'public',
    });
    expect(await statusOf({ owner: 'green' })).toBe(403);
    expect(await statusOf({ visibility: 'public' })).toBe(403);
    expect(await statusOf({ owner: '' }, admin)).toBe(400);
  });
});

describe('an id', () => {
  it('is taken once, and never again, whoever had it', async () => {
    const { id } = await created({});
    expect(await statusOf({ id })).toBe(409);
    const { id: foreign } = await created({ visibility: 'private' }, await server.tokenFor('green', 'member'));
    expect(await statusOf({ id: foreign })).toBe(409);
    expect((await fetch(`${server.url}/v2/images/${id}`, { method: 'DELETE', headers: blue })).status).toBe(204);
    expect(await statusOf({ id })).toBe(409);
  });

  it.each(['', 'x', '6ba7b810-9dad-11d1-80b4-00c04fd430c', '6ba7b8109dad11d180b400c04fd430c8', 5, null, {}])(
    'of %o is refused',
    async (id) => {
      expect(await statusOf({ id })).toBe(400);
    },
  );
});

describe('what is not an image', () => {
  it.each<[string, Json | string, number]>([
    ['no body', '', 400],
    ['no JSON', '{', 400],
    ['no UTF-8 object', '"x"', 400],
    ['a list', [], 400],
    ['null', null, 400],
    ['a name that is a number', { name: 1 }, 400],
    ['a name of 256 characters', { name: 'n'.repeat(256) }, 400],
    ['a name with a control character', { name: 'a\u0001' }, 400],
    ['a name said twice', '{"name":"a","name":"b"}', 400],
    ['a visibility of its own', { visibility: 'secret' }, 400],
    ['no visibility', { visibility: null }, 400],
    ['protected as text', { protected: 'true' }, 400],
    ['hidden as a number', { os_hidden: 1 }, 400],
    ['tags as text', { tags: 'a' }, 400],
    ['a tag that is a number', { tags: [1] }, 400],
    ['an empty tag', { tags: [''] }, 400],
    ['a tag of 256 characters', { tags: ['t'.repeat(256)] }, 400],
    ['more tags than allowed', { tags: ['a', 'b', 'c', 'd', 'e'] }, 413],
    ['less than no memory', { min_ram: -1 }, 400],
    ['more disk than counts', { min_disk: 2_147_483_648 }, 400],
    ['half a disk', { min_disk: 0.5 }, 400],
    ['memory as text', { min_ram: '512' }, 400],
    ['a disk format that the deployment does not take', { disk_format: 'vmdk' }, 400],
    ['a disk format of its own', { disk_format: 'tar' }, 400],
    ['a container format of its own', { container_format: ['bare'] }, 400],
    ['an owner that is a number', { owner: 5 }, 400],
    ['a property that is a number', { hw_cpu_cores: 4 }, 400],
    ['a property that is an object', { deep: { a: 1 } }, 400],
    ['a property that is true', { flag: true }, 400],
    ['a property without a name', { '': 'x' }, 400],
    ['a property with a name of 256 characters', { ['p'.repeat(256)]: 'x' }, 400],
    ['a property with a control character in its name', { 'a\n': 'x' }, 400],
    ['a property with NUL in its text', { a: 'x\u0000' }, 400],
    ['a property with half a character', '{"a":"\\ud800"}', 400],
    ['a property that reaches into objects', '{"__proto__":"x"}', 400],
    ['a property named as the constructor', { constructor: 'x' }, 400],
    ['a property longer than any', { a: 'x'.repeat(65_537) }, 400],
    ['a value that the deployment does not know', { hw_disk_bus: 'ide' }, 400],
    ['a value against the deployment’s pattern', { os_edition: 'AB' }, 400],
    ['a value that is too short here', { os_edition: 'a' }, 400],
    ['a value that is too long here', { os_edition: 'abcde' }, 400],
    ['more properties than allowed', Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`p${n}`, ''])), 413],
    ['a version without a name', { os_vitrine_version: '1.0.0' }, 400],
    ['a version that is none', { name: 'n', os_vitrine_version: 'v1' }, 400],
    ['a body beyond the limit', { a: 'x'.repeat(1024 * 1024) }, 413],
    ['nesting without end', `${'['.repeat(100_000)}`, 400],
  ])('%s is refused', async (_what, body, status) => {
    expect(await statusOf(body)).toBe(status);
  });

  it.each([
    ...['created_at', 'updated_at', 'status', 'checksum', 'size', 'virtual_size', 'direct_url', 'self', 'file', 'schema'],
    ...[
      'os_hash_algo',
      'os_hash_value',
      'stores',
      'location',
      'deleted',
      'deleted_at',
      'locations',
      'os_glance_import_task',
      'os_vitrine_latest',
    ],
  ])('the field %s is not for callers to write', async (name) => {
    expect(await statusOf({ name: 'x', [name]: 'y' })).toBe(403);
  });

  it('is refused, whatever it is, and breaks nothing', async () => {
    const field = fc.constantFrom(
      'id',
      'name',
      'visibility',
      'tags',
      'min_ram',
      'disk_format',
      'owner',
      'os_vitrine_version',
      'x',
    );
    const wild = fc.oneof(fc.jsonValue(), fc.dictionary(field, fc.jsonValue()), fc.dictionary(fc.string(), fc.string()));
    await fc.assert(
      fc.asyncProperty(wild, async (body) => {
        expect([201, 400, 403, 413]).toContain(await statusOf(JSON.stringify(body)));
      }),
      { numRuns: 150 },
    );
  });

  it('is told with every fault', async () => {
    const response = await post({ min_ram: -1, tags: 7, name: {} }, { ...blue, accept: 'text/plain' });
    const text = await response.text();
    for (const field of ['min_ram', 'tags', 'name']) expect(text).toContain(field);
  });

  it('leaves nothing behind', async () => {
    const count = async (): Promise<unknown> =>
      (await server.services.db.query({ text: 'SELECT count(*) AS n FROM artifact' }))[0];
    const before = await count();
    await post({ name: 'ok', tags: [''] });
    await post({ name: 'ok', visibility: 'public' });
    expect(await count()).toEqual(before);
  });

  it('is not compressed', async () => {
    expect(await statusOf('{}', { ...blue, 'content-encoding': 'gzip' })).toBe(415);
  });
});

describe('a body', () => {
  const send = async (headers: Headers, chunks: readonly string[], isAsking = false): Promise<number | undefined> => {
    const port = new URL(server.url).port;
    const request = httpRequest({
      port,
      host: '127.0.0.1',
      method: 'POST',
      path: '/v2/images',
      headers: { ...blue, ...headers },
    });
    const answered = once(request, 'response');
    if (isAsking) {
      request.flushHeaders();
      await once(request, 'continue');
    }
    for (const chunk of chunks) request.write(chunk);
    request.end();
    const [response] = await answered;
    response.resume();
    return response.statusCode;
  };

  it('that comes in chunks is read whole, or refused where it is too long, before the connection ends', async () => {
    expect(await send({ 'transfer-encoding': 'chunked' }, ['{"na', 'me":"in ', 'pieces"}'])).toBe(201);
    expect(await send({ 'transfer-encoding': 'chunked' }, ['"', ...Array<string>(40).fill('x'.repeat(65_536)), '"'])).toBe(413);
  });

  it('whose sender waits for leave gets it', async () => {
    expect(await send({ expect: '100-continue', 'content-length': '2' }, ['{}'], true)).toBe(201);
  });

  it('that is no UTF-8 is refused', async () => {
    const body = Buffer.concat([Buffer.from('{"name":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]);
    expect((await fetch(`${server.url}/v2/images`, { method: 'POST', headers: blue, body })).status).toBe(400);
  });
});

describe('who may make an image', () => {
  it('is a member, and neither a reader nor nobody', async () => {
    expect(await statusOf({}, await server.tokenFor('blue', 'reader'))).toBe(403);
    expect(await statusOf({}, await server.tokenFor('blue', 'service'))).toBe(403);
    expect(await statusOf({}, { 'x-auth-token': 'wrong' })).toBe(401);
  });
});

describe('a deployment', () => {
  it('may ask for a property, and say where it is found', async () => {
    const image = {
      ...testSettings.image,
      properties: [{ name: 'cost_centre', required: true }],
      publicEndpoint: 'https://images.example.org/base/',
    };
    await using strict = await startTestServer({ settings: { image } });
    const headers = await strict.tokenFor('blue', 'member');
    const make = (body: JsonObject) => fetch(`${strict.url}/v2/images`, { method: 'POST', headers, body: JSON.stringify(body) });
    expect((await make({})).status).toBe(400);
    const made = await make({ cost_centre: '7' });
    expect(made.status).toBe(201);
    expect(made.headers.get('location')).toMatch(/^https:\/\/images\.example\.org\/base\/v2\/images\/[0-9a-f-]{36}$/);
  });
});
