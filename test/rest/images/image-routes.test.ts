import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Artifact } from '#core/artifact.ts';
import { type CreateArtifactInput, createArtifact } from '#ops/create-artifact.ts';
import { deactivateArtifact } from '#ops/deactivate-artifact.ts';
import { deleteArtifact } from '#ops/delete-artifact.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { uploadBlob } from '#ops/upload-blob.ts';
import { startTestServer, type TestServer } from '#test/support/server.ts';

const bytes = randomBytes(70_000);
const hash = (algorithm: string): string => createHash(algorithm).update(bytes).digest('hex');

let server: TestServer;
let blue: { readonly authorization: string };
let image: Artifact;

beforeAll(async () => {
  server = await startTestServer();
  blue = await server.tokenFor('blue', 'member');
  image = await publishImage({
    name: 'cirros',
    version: '1.10.0',
    visibility: 'community',
    tags: ['boot', 'small'],
    properties: { disk_format: 'raw', container_format: 'bare', min_ram: 64, hw_disk_bus: 'virtio', os_distro: 'cirros' },
  });
});
afterAll(() => server[Symbol.asyncDispose]());

const draftImage = (input: Partial<CreateArtifactInput> = {}): Promise<Artifact> =>
  createArtifact(server.actAs('blue', 'admin'), { type: 'image', project: 'blue', properties: { disk_format: 'raw' }, ...input });

async function publishImage(input: Partial<CreateArtifactInput> = {}): Promise<Artifact> {
  const draft = await draftImage(input);
  await uploadBlob(server.actAs('blue'), { artifactId: draft.id, slot: 'data', source: Readable.from([bytes]) });
  return publishArtifact(server.actAs('blue', 'admin'), { id: draft.id });
}

const get = (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Response> =>
  fetch(`${server.url}${path}`, { method, headers: { ...blue, ...headers } });

describe('an image', () => {
  it('is one flat object with every base field and further properties as strings', async () => {
    const response = await get(`/v2/images/${image.id}`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(await response.json()).toEqual({
      id: image.id,
      name: 'cirros',
      status: 'active',
      visibility: 'community',
      protected: false,
      os_hidden: false,
      checksum: hash('md5'),
      os_hash_algo: 'sha512',
      os_hash_value: hash('sha512'),
      owner: 'blue',
      size: bytes.length,
      virtual_size: bytes.length,
      container_format: 'bare',
      disk_format: 'raw',
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      updated_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      tags: ['boot', 'small'],
      min_ram: 64,
      min_disk: 0,
      self: `/v2/images/${image.id}`,
      file: `/v2/images/${image.id}/file`,
      schema: '/v2/schemas/image',
      stores: 'local',
      hw_disk_bus: 'virtio',
      os_distro: 'cirros',
      os_vitrine_version: '1.10.0',
    });
  });

  it('is the same under every minor version, in whatever case its id is written, and to HEAD', async () => {
    const text = await (await get(`/v2/images/${image.id}`)).text();
    for (const minor of [0, 1, 9, 17, 18]) expect(await (await get(`/v2.${minor}/images/${image.id}`)).text()).toBe(text);
    expect(await (await get(`/v2/images/${image.id.toUpperCase()}`)).text()).toBe(text);
    const head = await get(`/v2/images/${image.id}`, {}, 'HEAD');
    expect(head.status).toBe(200);
    expect(head.headers.get('content-length')).toBe(String(Buffer.byteLength(text)));
  });

  it('lets no property stand in for a base field', async () => {
    const odd = await publishImage({
      properties: { disk_format: 'raw', status: 'killed', owner: 'me', os_glance_x: 'y', id: 'z' },
    });
    const shown = await (await get(`/v2/images/${odd.id}`)).json();
    expect(shown).toMatchObject({ status: 'active', owner: 'blue', id: odd.id });
    expect(shown).not.toHaveProperty('os_glance_x');
  });

  it('that waits for data is queued, and saving while it comes', async () => {
    const draft = await draftImage();
    const status = async (): Promise<string> => (await (await get(`/v2/images/${draft.id}`)).json()).status;
    expect(await status()).toBe('queued');
    const path = `/api/v1/artifacts/${draft.id}/slots/data`;
    const request = httpRequest({ port: new URL(server.url).port, host: '127.0.0.1', method: 'PUT', path, headers: blue });
    request.write('some');
    await expect.poll(status).toBe('saving');
    request.end();
    const [response] = await once(request, 'response');
    response.resume();
    expect(await status()).toBe('queued');
  });

  it('is no longer there once it is deleted, and an artifact of another type never was', async () => {
    const gone = await publishImage();
    await deleteArtifact(server.actAs('blue'), { id: gone.id });
    expect((await get(`/v2/images/${gone.id}`)).status).toBe(404);
    const kit = await createArtifact(server.actAs('blue'), { type: 'kit' });
    expect((await get(`/v2/images/${kit.id}`)).status).toBe(404);
    expect((await get(`/v2/images/${kit.id}/file`)).status).toBe(404);
  });
});

describe('the data of an image', () => {
  const file = (headers: Record<string, string> = {}, method = 'GET'): Promise<Response> =>
    get(`/v2/images/${image.id}/file`, headers, method);

  it('is its bytes as clients check them: exact type, length, MD5 in hexadecimal', async () => {
    const response = await file();
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-length': String(bytes.length),
      'content-md5': hash('md5'),
      etag: `"sha256:${hash('sha256')}"`,
      'x-openstack-request-id': expect.stringMatching(/^req-/),
    });
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true);
    const head = await file({}, 'HEAD');
    expect(head.headers.get('content-length')).toBe(String(bytes.length));
    expect((await file({ 'if-none-match': `"sha256:${hash('sha256')}"` })).status).toBe(304);
  });

  it.each([
    [{ range: 'bytes=1-9' }, 206, 1, 10],
    [{ range: 'bytes=69000-' }, 206, 69_000, 70_000],
    [{ range: 'bytes=-5' }, 206, 69_995, 70_000],
    [{ 'content-range': 'bytes 3-5/*' }, 206, 3, 6],
    [{ range: 'bytes=70000-' }, 416, 0, 0],
    [{ range: 'pages=1' }, 416, 0, 0],
    [{ range: 'bytes=0-1,3-4' }, 400, 0, 0],
  ])('for %o answers %i', async (headers, status, start, end) => {
    const response = await file(headers);
    expect(response.status).toBe(status);
    const body = Buffer.from(await response.arrayBuffer());
    if (status === 416) expect(response.headers.get('content-range')).toBe('bytes */70000');
    if (status !== 206) return;
    expect(response.headers.get('content-range')).toBe(`bytes ${start}-${end - 1}/70000`);
    expect(response.headers.get('content-md5')).toBe(hash('md5'));
    expect(body.equals(bytes.subarray(start, end))).toBe(true);
  });

  it('is 204 where there is none, still with a content type', async () => {
    const draft = await draftImage();
    const response = await get(`/v2/images/${draft.id}/file`);
    expect(response.status).toBe(204);
    expect(response.headers.get('content-type')).toBe('text/html; charset=UTF-8');
  });

  it('is refused while deactivated, except to an administrator; the image itself is still shown', async () => {
    const closed = await publishImage();
    await deactivateArtifact(server.actAs('blue'), { id: closed.id });
    expect((await get(`/v2/images/${closed.id}/file`)).status).toBe(403);
    expect(await (await get(`/v2/images/${closed.id}`)).json()).toMatchObject({ status: 'deactivated' });
    const admin = await server.tokenFor('ops', 'admin');
    expect((await get(`/v2/images/${closed.id}/file`, admin)).status).toBe(200);
  });

  it('is refused to a reader', async () => {
    expect((await file(await server.tokenFor('blue', 'reader'))).status).toBe(403);
    expect((await get(`/v2/images/${image.id}`, await server.tokenFor('blue', 'reader'))).status).toBe(200);
  });
});

describe('an error of the Image API', () => {
  const missing = '/v2/images/nothing<b>&';

  it('is an HTML page unless something else is asked for, its message escaped', async () => {
    const response = await get(missing, { accept: '*/*' });
    expect(response.status).toBe(404);
    expect(response.headers.get('content-type')).toBe('text/html; charset=UTF-8');
    const text = await response.text();
    expect(text).toContain('<title>404 Not Found</title>');
    expect(text).toContain('nothing&lt;b&gt;&amp;');
    expect(text).not.toContain('<b>');
  });

  it('is a flat object for who asks for JSON, and text for the rest', async () => {
    const json = await get(missing, { accept: 'application/json' });
    expect(json.headers.get('content-type')).toBe('application/json');
    expect(await json.json()).toEqual({
      message: expect.stringMatching(/nothing&lt;b&gt;&amp;\.<br \/><br \/>\n$/),
      code: '404 Not Found',
      title: 'Not Found',
    });
    const text = await get(missing, { accept: 'text/plain' });
    expect(text.headers.get('content-type')).toBe('text/plain; charset=UTF-8');
    expect(await text.text()).toMatch(/^404 Not Found\n\n.*nothing<b>&/);
  });

  it.each([
    ['POST', `/v2/images/x/file`, 405],
    ['GET', '/v2', 404],
    ['GET', '/v2/', 404],
    ['GET', '/v2/images/x/nothing', 404],
    ['GET', '/v2.1/%ff', 400],
  ])('of %s %s is %i in the same shape', async (method, path, status) => {
    const response = await get(path, {}, method);
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toBe('text/html; charset=UTF-8');
    if (status === 405) expect(response.headers.get('allow')).toBe('GET, HEAD, PUT');
  });

  it('of nobody is 401 in the same shape', async () => {
    const response = await fetch(`${server.url}/v2/images/${image.id}`, { headers: { 'x-auth-token': 'bad' } });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toContain('Bearer');
    expect(response.headers.get('content-type')).toBe('text/html; charset=UTF-8');
  });

  it('is what a body on a GET earns, and none that has only an odd content type', async () => {
    const ask = async (headers: Record<string, string>, body: string): Promise<number> => {
      const path = `/v2/images/${image.id}`;
      const request = httpRequest({ port: new URL(server.url).port, host: '127.0.0.1', path, headers: { ...blue, ...headers } });
      request.end(body);
      const [response] = await once(request, 'response');
      response.resume();
      return response.statusCode;
    };
    expect(await ask({ 'content-type': 'application/json', 'content-length': '2' }, '{}')).toBe(400);
    expect(await ask({ 'content-type': 'application/json', 'content-length': '0' }, '')).toBe(200);
    expect(await ask({ 'content-type': 'application/octet-stream' }, '')).toBe(200);
  });
});

describe('what a stranger may learn', () => {
  it('is the same of a foreign image as of a random id', async () => {
    const foreign = await publishImage({ visibility: 'private' });
    const random = crypto.randomUUID();
    const green = await server.tokenFor('green', 'member');
    for (const [path, method, headers] of [
      ['', 'GET', {}],
      ['', 'HEAD', {}],
      ['', 'GET', { accept: 'application/json' }],
      ['/file', 'GET', {}],
      ['/file', 'HEAD', {}],
      ['/file', 'GET', { range: 'bytes=0-1', accept: 'text/plain' }],
      ['/file', 'GET', { 'if-none-match': '*' }],
      ['/file', 'PUT', {}],
    ] as const) {
      const ask = async (id: string): Promise<object> => {
        const response = await get(`/v2/images/${id}${path}`, { ...green, ...headers }, method);
        const kept = [...response.headers].filter(([name]) => !['date', 'x-openstack-request-id'].includes(name));
        return { status: response.status, headers: kept, body: (await response.text()).replaceAll(id, 'ID') };
      };
      expect(await ask(foreign.id), `${method} ${path}`).toEqual(await ask(random));
    }
  });
});
