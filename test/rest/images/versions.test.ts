import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createArtifact } from '#ops/create-artifact.ts';
import { testSettings } from '#test/support/operations.ts';
import { startTestServer, type TestServer } from '#test/support/server.ts';

let server: TestServer;
beforeAll(async () => {
  // Nobody is anybody without a token.
  server = await startTestServer({ http: { dev: false } });
});
afterAll(() => server[Symbol.asyncDispose]());

const ask = (path: string, init: RequestInit = {}): Promise<Response> => fetch(`${server.url}${path}`, init);

interface Versions {
  readonly versions: readonly { readonly id: string; readonly status: string; readonly links: readonly unknown[] }[];
}

describe('the versions document', () => {
  it('is told to anybody: 300 at the root, 200 where it is asked for', async () => {
    for (const [path, status] of [
      ['/', 300],
      ['/versions', 200],
      ['/versions/', 200],
    ] as const) {
      const response = await ask(path);
      expect([path, response.status]).toEqual([path, status]);
      expect(response.headers.get('content-type')).toBe('application/json');
      expect(response.headers.get('x-openstack-request-id')).toMatch(/^req-/);
      const { versions } = (await response.json()) as Versions;
      expect(versions.map(({ id }) => id)).toEqual(['v2.15', 'v2.13', 'v2.9', 'v2.8', 'v2.7', 'v2.5', 'v2.3', 'v2.1', 'v2.0']);
      expect(versions.map(({ status: said }) => said)).toEqual(['CURRENT', ...Array<string>(8).fill('SUPPORTED')]);
      for (const { links } of versions) expect(links).toEqual([{ rel: 'self', href: `${server.url}/v2/` }]);
    }
  });

  it('names the endpoint that the operator said', async () => {
    const image = { ...testSettings.image, publicEndpoint: 'https://images.example.org/image' };
    await using other = await startTestServer({ settings: { image } });
    const { versions } = (await (await fetch(`${other.url}/versions`)).json()) as Versions;
    expect(versions[0]?.links).toEqual([{ rel: 'self', href: 'https://images.example.org/image/v2/' }]);
  });

  it('is the answer to an unknown version, whatever follows it', async () => {
    for (const path of ['/v9/images', '/v1', '/v1/', '/v2.99/images', '/v3.0/x?y=z', '/v123456789']) {
      for (const method of ['GET', 'POST']) {
        const response = await ask(path, { method });
        expect([path, response.status]).toEqual([path, 300]);
        expect(((await response.json()) as Versions).versions).toHaveLength(9);
      }
    }
  });

  it('is no answer to other paths: those are not found, as is a version alone', async () => {
    const { authorization } = await server.tokenFor('blue', 'reader');
    for (const path of ['/v2', '/v2/', '/v2.18/', '/v2/nothing', '/v2.0/images/x/nothing', '/vx/images', '/nothing']) {
      for (const method of ['GET', 'POST']) {
        const response = await ask(path, { method, headers: { authorization } });
        expect([path, response.status]).toEqual([path, 404]);
      }
    }
  });

  it('leaves what is below a version to callers: nobody is told so, whether or not there is something', async () => {
    const strangers = [{}, { 'x-auth-token': '' }, { 'x-auth-token': `vtr_${'a'.repeat(43)}` }, { authorization: 'Basic YTpi' }];
    for (const path of ['/v2', '/v2/', '/v2.18/', '/v2/nothing', '/v2.0/images/x/nothing', '/v2/images']) {
      for (const headers of strangers) {
        const response = await ask(path, { headers });
        expect([path, headers, response.status]).toEqual([path, headers, 401]);
        expect(response.headers.get('www-authenticate')).toContain('Bearer');
        expect(response.headers.get('content-type')).toBe('text/html; charset=UTF-8');
      }
    }
    for (const path of ['/vx/images', '/nothing']) expect([path, (await ask(path)).status]).toEqual([path, 404]);
  });

  it('is read, and nothing else', async () => {
    for (const path of ['/', '/versions', '/versions/']) {
      const head = await ask(path, { method: 'HEAD' });
      expect(head.status).toBe(path === '/' ? 300 : 200);
      expect(await head.text()).toBe('');
      const post = await ask(path, { method: 'POST', body: '{}' });
      expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
      expect(post.headers.get('content-type')).toBe('text/html; charset=UTF-8');
    }
  });
});

describe('a version in the Accept header', () => {
  const vendor = (version: string) => ({ accept: `application/vnd.openstack.images-${version}` });

  it('stands for the prefix of a path that has none', async () => {
    const blue = await server.tokenFor('blue', 'member');
    const { id } = await createArtifact(server.actAs('blue'), { type: 'image' });
    for (const version of ['v2', 'v2.0', 'v2.15', 'v2.18']) {
      const response = await ask(`/images/${id}`, { headers: { ...blue, ...vendor(version) } });
      expect([version, response.status]).toEqual([version, 200]);
      expect(await response.json()).toMatchObject({ id, self: `/v2/images/${id}` });
    }
    const list = await ask('/images?limit=1', { headers: { ...blue, ...vendor('v2.1') } });
    expect(await list.json()).toMatchObject({ images: [{ id }], first: '/v2/images?limit=1' });
  });

  it('that is unknown is answered with those that are', async () => {
    for (const version of ['v1', 'v2.99', 'v9.0']) expect((await ask('/images', { headers: vendor(version) })).status).toBe(300);
  });

  it('changes nothing elsewhere, and nothing but itself is one', async () => {
    expect((await ask('/healthz', { headers: vendor('v2.1') })).status).toBe(200);
    expect((await ask('/imagesque', { headers: vendor('v2.1') })).status).toBe(404);
    for (const accept of [
      '*/*',
      'application/json',
      'application/vnd.openstack.images-',
      'x application/vnd.openstack.images-v2',
    ]) {
      expect((await ask('/images', { headers: { accept } })).status).toBe(404);
    }
    expect((await ask('/v2/images', { headers: vendor('v2.1') })).status).toBe(401);
  });
});

describe('the health check', () => {
  it('is OK for anybody, as text or as JSON, also below its path', async () => {
    for (const path of ['/healthcheck', '/healthcheck/', '/healthcheck/any/thing']) {
      const response = await ask(path);
      expect([response.status, await response.text()]).toEqual([200, 'OK']);
      expect(response.headers.get('content-type')).toBe('text/plain; charset=UTF-8');
    }
    const json = await ask('/healthcheck', { headers: { accept: 'application/json' } });
    expect(await json.json()).toEqual({ detailed: false, reasons: ['OK'] });
    expect((await ask('/healthcheck', { method: 'HEAD' })).status).toBe(200);
    expect((await ask('/healthcheck', { method: 'POST' })).status).toBe(405);
  });

  it('is 503 with its reason while the database does not answer', async () => {
    await using broken = await startTestServer();
    await broken.services.db[Symbol.asyncDispose]();
    const response = await fetch(`${broken.url}/healthcheck`, { headers: { accept: 'application/json' } });
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({ detailed: false, reasons: ['the database does not answer'] });
  });
});

describe('a body that is only an odd content type', () => {
  it('is none', async () => {
    const { hostname, port } = new URL(server.url);
    for (const type of ['application/json', 'application/octet-stream', 'nonsense']) {
      const headers = { 'content-type': type, 'content-length': '0' };
      const request = httpRequest({ hostname, port, path: '/versions', headers });
      request.end();
      const [response] = await once(request, 'response');
      response.resume();
      expect(response.statusCode).toBe(200);
    }
  });
});
