import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Artifact } from '#core/artifact.ts';
import { type CreateArtifactInput, createArtifact } from '#ops/create-artifact.ts';
import { deactivateArtifact } from '#ops/deactivate-artifact.ts';
import { deleteArtifact } from '#ops/delete-artifact.ts';
import { updateArtifact } from '#ops/update-artifact.ts';
import { startTestServer, type TestServer } from '#test/support/server.ts';

const octets = { 'content-type': 'application/octet-stream' };
const formats = { disk_format: 'raw', container_format: 'bare' };
/** The beginning of a qcow2 that stands on another file. */
const backed = Buffer.alloc(1024);
backed.write('QFI\xfb', 'latin1');
backed.writeUInt32BE(2, 4);
backed.writeBigUInt64BE(512n, 8);
backed.writeUInt32BE(8, 16);
backed.writeUInt32BE(16, 20);
backed.writeBigUInt64BE(1024n * 1024n, 24);
backed.write('/etc/shadow', 512);

let server: TestServer;
let blue: Readonly<Record<string, string>>;

beforeAll(async () => {
  server = await startTestServer({ settings: { maxBlobBytes: 1_000_000 } });
  blue = await server.tokenFor('blue', 'member');
});
afterAll(() => server[Symbol.asyncDispose]());

const queued = (input: Partial<CreateArtifactInput> = {}): Promise<Artifact> =>
  createArtifact(server.actAs('blue'), { type: 'image', visibility: 'shared', properties: formats, ...input });

const ask = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${server.url}${path}`, { ...init, headers: { ...blue, ...(init.headers as Record<string, string>) } });

const put = (id: string, body: BodyInit | null, headers: Record<string, string> = octets): Promise<Response> =>
  ask(`/v2/images/${id}/file`, { method: 'PUT', body, headers });

const show = async (id: string): Promise<Record<string, unknown>> => (await ask(`/v2/images/${id}`)).json();

/** A PUT whose bytes are sent as the test says: in chunks, unless headers give a length. */
function beginPut(id: string, headers: Record<string, string> = {}): ClientRequest {
  const { hostname, port } = new URL(server.url);
  const path = `/v2/images/${id}/file`;
  return httpRequest({ hostname, port, method: 'PUT', path, headers: { ...blue, ...octets, ...headers } });
}

async function statusOf(request: ClientRequest): Promise<number | undefined> {
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.resume();
  return response.statusCode;
}

/** Queued as before, without data, in no store, and ready to be tried again. */
async function expectNothingKept(id: string, objectsBefore: number): Promise<void> {
  expect(await show(id)).toMatchObject({ status: 'queued', size: null, checksum: null, os_hash_value: null, virtual_size: null });
  expect((await ask(`/v2/images/${id}/file`)).status).toBe(204);
  await expect.poll(countObjects).toBe(objectsBefore);
  const { db } = server.services;
  expect(await db.query({ text: 'SELECT 1 FROM upload_session WHERE artifact_id = $1' }, [id])).toEqual([]);
}

async function countObjects(): Promise<number> {
  const entries = await readdir(server.storeFolder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).length;
}

describe('PUT of image data', () => {
  it('makes a queued image active with these bytes, in one change that is told of', async () => {
    const image = await queued({ name: 'one' });
    const bytes = randomBytes(70_000);
    const response = await put(image.id, bytes);
    expect(response.status).toBe(204);
    expect(response.headers.get('content-type')).toBe('text/html; charset=UTF-8');
    const sha512 = createHash('sha512').update(bytes).digest('hex');
    expect(await show(image.id)).toMatchObject({
      status: 'active',
      size: 70_000,
      checksum: createHash('md5').update(bytes).digest('hex'),
      os_hash_algo: 'sha512',
      os_hash_value: sha512,
      stores: 'local',
    });
    expect(Buffer.from(await (await ask(`/v2/images/${image.id}/file`)).arrayBuffer()).equals(bytes)).toBe(true);
    const events = await server.services.db.query<{ readonly kind: string; readonly tx: string }>(
      { text: 'SELECT kind, tx FROM event WHERE subject_id = $1 ORDER BY id' },
      [image.id],
    );
    expect(events.map(({ kind }) => kind)).toEqual(['artifact.created', 'artifact.blob.attached', 'artifact.published']);
    expect(events[1]?.tx).toBe(events[2]?.tx);
  });

  it('takes bytes that another image has already, and empty ones', async () => {
    const bytes = randomBytes(5_000);
    for (const body of [bytes, bytes, Buffer.alloc(0), Buffer.alloc(0)]) {
      const image = await queued();
      const before = await countObjects();
      expect((await put(image.id, body)).status).toBe(204);
      expect(await show(image.id)).toMatchObject({ status: 'active', size: body.length });
      expect(await countObjects()).toBeLessThanOrEqual(before + 1);
    }
  });

  it('takes chunks of unknown length, and is saving meanwhile', async () => {
    const image = await queued();
    const request = beginPut(image.id);
    request.write(randomBytes(1_000));
    await expect.poll(async () => (await show(image.id))['status']).toBe('saving');
    expect((await put(image.id, 'second')).status).toBe(409);
    request.end(randomBytes(1_000));
    expect(await statusOf(request)).toBe(204);
    expect(await show(image.id)).toMatchObject({ status: 'active', size: 2_000 });
  });

  it('goes on when the image is changed meanwhile', async () => {
    const image = await queued();
    const request = beginPut(image.id);
    request.write('begin');
    await expect.poll(async () => (await show(image.id))['status']).toBe('saving');
    await updateArtifact(server.actAs('blue'), { id: image.id, name: 'renamed', addTags: ['new'] });
    request.end();
    expect(await statusOf(request)).toBe(204);
    expect(await show(image.id)).toMatchObject({ status: 'active', name: 'renamed', tags: ['new'], size: 5 });
  });

  it('says that it may begin to who waits for leave, and to nobody who may not', async () => {
    const image = await queued();
    const allowed = beginPut(image.id, { expect: '100-continue', 'content-length': '3' });
    allowed.flushHeaders();
    await once(allowed, 'continue');
    allowed.end('abc');
    expect(await statusOf(allowed)).toBe(204);
    const late = beginPut(image.id, { expect: '100-continue', 'content-length': '3' });
    let isTold = false;
    late.on('continue', () => {
      isTold = true;
    });
    late.flushHeaders();
    expect(await statusOf(late)).toBe(409);
    expect(isTold).toBe(false);
    late.destroy();
  });

  it('replaces what a native upload left in the draft', async () => {
    const image = await queued();
    const slot = await ask(`/api/v1/artifacts/${image.id}/slots/data`, { method: 'PUT', body: 'native' });
    expect(slot.status).toBe(201);
    expect((await put(image.id, 'facade')).status).toBe(204);
    expect(await (await ask(`/v2/images/${image.id}/file`)).text()).toBe('facade');
  });

  it('gives an image of a family its version, and a second one of the same content a conflict instead of its twin', async () => {
    const named = { name: 'family', version: '1.0.0' };
    const [first, twin, other] = [await queued(named), await queued(named), await queued(named)];
    expect((await put(first.id, 'same')).status).toBe(204);
    const before = await countObjects();
    expect((await put(twin.id, 'same')).status).toBe(409);
    expect((await put(other.id, 'else')).status).toBe(409);
    await expectNothingKept(twin.id, before);
    await expectNothingKept(other.id, before);
  });
});

describe('PUT of image data is refused, and nothing is kept,', () => {
  it.each([
    ['another content type', 415, 'x', { 'content-type': 'application/json' }],
    ['a content type with a parameter', 415, 'x', { 'content-type': 'application/octet-stream; charset=utf-8' }],
    ['a content coding', 415, 'x', { ...octets, 'content-encoding': 'gzip' }],
    ['a store that is not there', 400, 'x', { ...octets, 'x-image-meta-store': 'nowhere' }],
    ['a size that is none', 400, 'x', { ...octets, 'x-openstack-image-size': 'many' }],
    ['a negative size', 400, 'x', { ...octets, 'x-openstack-image-size': '-1' }],
    ['a size beyond all numbers', 400, 'x', { ...octets, 'x-openstack-image-size': '9'.repeat(40) }],
    ['more bytes than announced', 400, 'x'.repeat(1_000), { ...octets, 'x-openstack-image-size': '500' }],
    ['fewer bytes than announced', 400, 'x'.repeat(1_000), { ...octets, 'x-openstack-image-size': '2000' }],
    ['more bytes than the server takes', 413, 'x'.repeat(1_000_001), octets],
  ])('for %s (%i)', async (_, status, body, headers) => {
    const image = await queued();
    const before = await countObjects();
    expect((await put(image.id, body, headers)).status).toBe(status);
    await expectNothingKept(image.id, before);
    expect((await put(image.id, 'good')).status).toBe(204);
  });

  it.each([
    [400, '500'],
    [400, '2000'],
  ])('with %i when chunks are not the %s bytes that were announced', async (status, size) => {
    const image = await queued();
    const before = await countObjects();
    const request = beginPut(image.id, { 'x-openstack-image-size': size });
    request.end(randomBytes(1_000));
    expect(await statusOf(request)).toBe(status);
    await expectNothingKept(image.id, before);
  });

  it('when chunks never end to come', async () => {
    const image = await queued();
    const before = await countObjects();
    const request = beginPut(image.id);
    const answered = statusOf(request);
    request.on('error', () => undefined);
    for (let sent = 0; sent < 20; sent += 1) request.write(randomBytes(100_000));
    expect(await answered).toBe(413);
    request.destroy();
    await expectNothingKept(image.id, before);
  });

  it('for an image that opens files of the host, whatever it is declared as, and a good one is taken next', async () => {
    for (const disk_format of ['qcow2', 'raw']) {
      const image = await queued({ properties: { ...formats, disk_format } });
      const before = await countObjects();
      const response = await put(image.id, backed);
      expect(response.status).toBe(415);
      expect(await response.text()).toContain('backing-file');
      await expectNothingKept(image.id, before);
      await updateArtifact(server.actAs('blue'), { id: image.id, properties: { disk_format: 'raw' } });
      expect((await put(image.id, 'good')).status).toBe(204);
    }
  });

  it('while its formats are not said', async () => {
    for (const properties of [{}, { disk_format: 'raw' }, { container_format: 'bare' }]) {
      const image = await queued({ properties });
      const response = await put(image.id, 'x');
      expect(response.status).toBe(400);
      expect(await response.text()).toMatch(/_format must be set/);
    }
  });

  it('once there are data, whatever became of them', async () => {
    const image = await queued();
    expect((await put(image.id, 'x')).status).toBe(204);
    expect((await put(image.id, 'y')).status).toBe(409);
    await deactivateArtifact(server.actAs('blue'), { id: image.id });
    expect((await put(image.id, 'y')).status).toBe(409);
    await deleteArtifact(server.actAs('blue'), { id: image.id });
    expect((await put(image.id, 'y')).status).toBe(404);
  });

  it('to strangers, readers, those it is shared with, and for what is no image', async () => {
    const image = await queued();
    const headers = async (project: string, role: 'reader' | 'member') => ({
      ...octets,
      ...(await server.tokenFor(project, role)),
    });
    expect((await put(image.id, 'x', await headers('blue', 'reader'))).status).toBe(403);
    expect((await put(image.id, 'x', await headers('green', 'member'))).status).toBe(404);
    const kit = await createArtifact(server.actAs('blue'), { type: 'kit' });
    expect((await put(kit.id, 'x')).status).toBe(404);
    expect((await put('nothing', 'x')).status).toBe(404);
    const open = await queued({ visibility: 'community' });
    expect((await put(open.id, 'x')).status).toBe(204);
    expect((await put(open.id, 'x', await headers('green', 'member'))).status).toBe(403);
  });

  it('with 410 when the image is deleted while its bytes come', async () => {
    const image = await queued();
    const before = await countObjects();
    const request = beginPut(image.id);
    request.write('begin');
    await expect.poll(async () => (await show(image.id))['status']).toBe('saving');
    await deleteArtifact(server.actAs('blue'), { id: image.id });
    request.end();
    expect(await statusOf(request)).toBe(410);
    await expect.poll(countObjects).toBe(before);
  });

  it('when its sender goes away', async () => {
    const image = await queued();
    const before = await countObjects();
    const request = beginPut(image.id, { 'content-length': '1000' });
    request.on('error', () => undefined);
    request.write('begin');
    await expect.poll(async () => (await show(image.id))['status']).toBe('saving');
    request.destroy();
    await expect.poll(async () => (await show(image.id))['status']).toBe('queued');
    await expectNothingKept(image.id, before);
  });
});
