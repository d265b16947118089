import { Readable } from 'node:stream';
import { Ajv } from 'ajv';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createArtifact } from '#ops/create-artifact.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { uploadBlob } from '#ops/upload-blob.ts';
import { testSettings } from '#test/support/operations.ts';
import { startTestServer, type TestServer } from '#test/support/server.ts';

let server: TestServer;
let blue: Record<string, string>;

const properties = [
  { name: 'hw_disk_bus', description: 'The bus.', enum: ['virtio', 'scsi'], required: true },
  { name: 'os_distro', description: 'Ours.', pattern: '^[a-z]+$', minLength: 2, maxLength: 40 },
];

beforeAll(async () => {
  const image = { ...testSettings.image, properties, diskFormats: ['qcow2', 'raw'], containerFormats: ['bare'] };
  server = await startTestServer({ settings: { image } });
  blue = await server.tokenFor('blue', 'reader');
});
afterAll(() => server[Symbol.asyncDispose]());

const get = (name: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${server.url}/v2/schemas/${name}`, { headers: blue, ...init });

const schema = async (name: string) => (await get(name)).json();

/** As the clients do: an early draft, of which they only know the keywords. */
const validator = (document: object) => new Ajv({ strict: false }).compile(document);

describe('the schema of an image', () => {
  it('has every field that an image can show, and takes text for any other', async () => {
    const image = await schema('image');
    expect(image).toMatchObject({ name: 'image', additionalProperties: { type: 'string' } });
    expect(image.links).toEqual([
      { rel: 'self', href: '{self}' },
      { rel: 'enclosure', href: '{file}' },
      { rel: 'describedby', href: '{schema}' },
    ]);
    const base = Object.keys(image.properties).filter((name) => image.properties[name].is_base === undefined);
    expect(base.sort()).toEqual(
      [
        ...['checksum', 'container_format', 'created_at', 'direct_url', 'disk_format', 'file', 'id', 'locations', 'min_disk'],
        ...['min_ram', 'name', 'os_hash_algo', 'os_hash_value', 'os_hidden', 'owner', 'protected', 'schema', 'self', 'size'],
        ...['status', 'stores', 'tags', 'updated_at', 'virtual_size', 'visibility'],
      ].sort(),
    );
    const readOnly = base.filter((name) => image.properties[name].readOnly === true);
    expect(readOnly.sort()).toEqual(
      [
        ...['checksum', 'created_at', 'direct_url', 'file', 'os_hash_algo', 'os_hash_value', 'schema', 'self', 'size'],
        ...['status', 'stores', 'updated_at', 'virtual_size'],
      ].sort(),
    );
  });

  it('has the formats of the deployment, in their order, and none', async () => {
    const { properties: fields } = await schema('image');
    expect(fields.disk_format.enum).toEqual([null, 'qcow2', 'raw']);
    expect(fields.container_format.enum).toEqual([null, 'bare']);
  });

  it('tells further properties from base fields: of the deployment first, then of the type, then the usual ones', async () => {
    const { properties: fields } = await schema('image');
    expect(fields.hw_disk_bus).toEqual({ type: 'string', description: 'The bus.', enum: ['virtio', 'scsi'], is_base: false });
    expect(fields.os_distro).toEqual({
      ...{ type: 'string', description: 'Ours.', pattern: '^[a-z]+$', minLength: 2, maxLength: 40, is_base: false },
    });
    expect(fields.architecture).toMatchObject({ type: 'string', is_base: false, description: expect.stringContaining('CPU') });
    for (const name of ['kernel_id', 'ramdisk_id', 'instance_uuid', 'os_vitrine_version']) {
      expect(fields[name]).toMatchObject({ type: 'string', is_base: false });
    }
  });

  it('takes what this server shows: a queued image, an active one, and a list of both', async () => {
    const owner = server.actAs('blue');
    const queued = await createArtifact(owner, { type: 'image' });
    const active = await createArtifact(owner, {
      ...{ type: 'image', name: 'family', version: '1.0.0' },
      properties: { disk_format: 'raw', container_format: 'bare', hw_disk_bus: 'scsi', kernel_id: '', anything: 'at all' },
    });
    await uploadBlob(owner, { artifactId: active.id, slot: 'data', source: Readable.from([Buffer.from('bytes')]) });
    await publishArtifact(owner, { id: active.id });
    const isImage = validator(await schema('image'));
    for (const { id } of [queued, active]) {
      const shown = await (await fetch(`${server.url}/v2/images/${id}`, { headers: blue })).json();
      expect(isImage(shown), JSON.stringify(isImage.errors)).toBe(true);
    }
    expect(isImage({ name: 5 })).toBe(false);
    expect(isImage({ anything: 5 })).toBe(false);
  });
});

describe('the schemas of images, members and one member', () => {
  it('wrap the schema of one in that of a list', async () => {
    const images = await schema('images');
    expect(images).toMatchObject({ name: 'images', properties: { first: { type: 'string' }, next: { type: 'string' } } });
    expect(images.properties.images.items).toEqual(await schema('image'));
    expect(images.links.map(({ rel }: { rel: string }) => rel)).toEqual(['first', 'next', 'describedby']);
    const members = await schema('members');
    expect(members.properties.members.items).toEqual(await schema('member'));
    expect(members.links).toEqual([{ rel: 'describedby', href: '{schema}' }]);
  });

  it('have a member’s fields, its answer among them', async () => {
    const { name, properties: fields } = await schema('member');
    expect(name).toBe('member');
    expect(Object.keys(fields).sort()).toEqual(['created_at', 'image_id', 'member_id', 'schema', 'status', 'updated_at']);
    expect(fields.status.enum).toEqual(['pending', 'accepted', 'rejected']);
  });
});

describe('asking for a schema', () => {
  it('needs an identity, takes no body, and no other method than GET', async () => {
    expect((await get('image', { headers: { 'x-auth-token': 'x' } })).status).toBe(401);
    const head = await get('image', { method: 'HEAD' });
    expect(head.status).toBe(405);
    expect(head.headers.get('allow')).toBe('GET');
    expect((await get('nothing')).status).toBe(404);
    expect((await fetch(`${server.url}/v2.9/schemas/member`, { headers: blue })).status).toBe(200);
    expect((await get('image', { headers: { ...blue, 'content-type': 'application/octet-stream' } })).status).toBe(200);
  });
});
