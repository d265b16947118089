import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '#test/support/server.ts';
import { renderOpenApi } from '../../docs/write-tables.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

const ask = (init: RequestInit = {}): Promise<Response> => fetch(`${server.url}/openapi.json`, init);

describe('/openapi.json', () => {
  it('is the document that docs/ has, also for who shows no valid token', async () => {
    const response = await ask({ headers: { 'x-auth-token': 'bad' } });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(await response.json()).toEqual(JSON.parse(renderOpenApi()));
  });

  it('is sent once to who remembers it', async () => {
    const etag = (await ask({ method: 'HEAD' })).headers.get('etag') ?? '';
    expect(etag).toMatch(/^"[\w-]{43}"$/);
    const again = await ask({ headers: { 'if-none-match': etag } });
    expect([again.status, await again.text()]).toEqual([304, '']);
    expect((await ask({ headers: { 'if-none-match': '"other"' } })).status).toBe(200);
  });

  it('is only read', async () => {
    const response = await ask({ method: 'PUT', body: '{}' });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('GET, HEAD');
  });
});
