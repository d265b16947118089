import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '#config/config.ts';
import { startTestServer, type TestServer } from '#test/support/server.ts';

const dashboard = 'https://dashboard.example.org';
const elsewhere = 'https://elsewhere.example.org';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ http: { corsOrigins: [dashboard, 'http://localhost:8080'] } });
});
afterAll(() => server[Symbol.asyncDispose]());

const paths = ['/', '/v2/images/x/file', '/api/v1/closure', '/graphql', '/nowhere'];

const preflight = (url: string, origin: string, method = 'PUT'): Promise<Response> =>
  fetch(url, {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': method, 'access-control-request-headers': 'content-type,x-auth-token' },
  });

const allowed = (response: Response): string | null => response.headers.get('access-control-allow-origin');

describe('a browser that asks before it sends', () => {
  it.each(paths)('gets leave for a page of a configured origin, without a token, at %s', async (path) => {
    const response = await preflight(`${server.url}${path}`, dashboard);
    expect(response.status).toBe(204);
    expect(allowed(response)).toBe(dashboard);
    expect(response.headers.get('vary')).toBe('Origin');
    expect(response.headers.get('access-control-allow-methods')?.split(', ')).toEqual(
      expect.arrayContaining(['GET', 'PUT', 'PATCH', 'DELETE']),
    );
    const headers = response.headers.get('access-control-allow-headers')?.toLowerCase().split(', ');
    expect(headers).toEqual(expect.arrayContaining(['x-auth-token', 'authorization', 'content-type', 'x-image-meta-store']));
    expect(response.headers.get('access-control-allow-credentials')).toBeNull();
    expect(response.headers.get('x-openstack-request-id')).toMatch(/^req-/);
    await expect.poll(() => server.logged.some((line) => line['status'] === 204 && line['path'] === path)).toBe(true);
  });

  it.each([elsewhere, 'null', `${dashboard}.example.com`, dashboard.toUpperCase(), 'http://localhost:8081'])(
    'gets none for a page of %s',
    async (origin) => {
      const response = await preflight(`${server.url}/v2/images/x`, origin);
      expect(response.status).toBe(405);
      expect(allowed(response)).toBeNull();
      expect(response.headers.get('access-control-allow-methods')).toBeNull();
    },
  );

  it('is not taken for a client of the upload protocol, whose OPTIONS has its own answer', async () => {
    const headers = { origin: dashboard, ...(await server.tokenFor('blue', 'member')) };
    const response = await fetch(`${server.url}/api/v1/uploads`, { method: 'OPTIONS', headers });
    expect(response.status).toBe(204);
    expect(response.headers.get('tus-version')).toBe('1.0.0');
    expect(allowed(response)).toBe(dashboard);
    expect(response.headers.get('access-control-allow-methods')).toBeNull();
  });
});

describe('an answer', () => {
  it('may be read by pages of configured origins, refusals included, with what is in its headers', async () => {
    const { authorization } = await server.tokenFor('blue', 'member');
    const found = await fetch(`${server.url}/api/v1/closure?ref=image/none`, { headers: { origin: dashboard, authorization } });
    expect(found.status).toBe(404);
    expect(allowed(found)).toBe(dashboard);
    const exposed = found.headers.get('access-control-expose-headers')?.toLowerCase().split(', ');
    expect(exposed).toEqual(expect.arrayContaining(['etag', 'content-md5', 'location', 'x-openstack-request-id']));
    const unknown = await fetch(`${server.url}/v2/images/x`, { headers: { origin: dashboard, 'x-auth-token': 'bad' } });
    expect(unknown.status).toBe(401);
    expect(allowed(unknown)).toBe(dashboard);
  });

  it('says to caches that it depends on the origin, whether or not one was sent', async () => {
    for (const headers of [{}, { origin: elsewhere }, { origin: dashboard }]) {
      const response = await fetch(`${server.url}/healthz`, { headers });
      expect(response.headers.get('vary')).toBe('Origin');
      expect(allowed(response)).toBe('origin' in headers && headers.origin === dashboard ? dashboard : null);
      expect(response.status).toBe(200);
    }
  });

  it('to a page of elsewhere needs a token also on a machine of one’s own', async () => {
    const ask = async (origin: string): Promise<number> =>
      (await fetch(`${server.url}/v2/images/x`, { headers: { origin } })).status;
    expect(await ask(dashboard)).toBe(401);
    expect(await ask(elsewhere)).toBe(401);
    expect(await ask('http://localhost:8080')).toBe(404);
  });
});

describe('without configured origins', () => {
  it('no answer says a word of it', async () => {
    await using closed = await startTestServer();
    for (const response of [
      await preflight(`${closed.url}/v2/images/x`, dashboard),
      await fetch(`${closed.url}/healthz`, { headers: { origin: dashboard } }),
    ]) {
      expect([...response.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
      expect(response.headers.get('vary')).toBeNull();
    }
  });
});

describe('with all origins', () => {
  it('every page may ask, and no cache has to tell them apart', async () => {
    await using open = await startTestServer({ http: { corsOrigins: ['*'] } });
    const response = await preflight(`${open.url}/v2/images/x`, elsewhere, 'PATCH');
    expect(response.status).toBe(204);
    expect(allowed(response)).toBe('*');
    expect(response.headers.get('vary')).toBeNull();
  });
});

describe('the setting cors.origins', () => {
  const load = (origins: string) => loadConfig({ env: { VITRINE_CORS_ORIGINS: origins }, cwd: '/tmp' }).config.cors.origins;

  it('takes origins as browsers write them, and the star', () => {
    expect(load('')).toEqual([]);
    expect(load('https://a.example, http://b.example:8080,http://[::1]:3000')).toEqual([
      'https://a.example',
      'http://b.example:8080',
      'http://[::1]:3000',
    ]);
    expect(load('*')).toEqual(['*']);
  });

  it.each(['a.example', 'https://a.example/', 'https://a.example/page', 'https://*.example', 'https://u@a.example', 'null'])(
    'refuses %s, which no browser would send',
    (origin) => {
      expect(() => load(origin)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    },
  );
});
