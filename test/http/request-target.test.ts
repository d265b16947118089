import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '#test/support/server.ts';

let server: TestServer;
let authorization: string;
beforeAll(async () => {
  server = await startTestServer({ graphql: true });
  ({ authorization } = await server.tokenFor('blue', 'member'));
});
afterAll(() => server[Symbol.asyncDispose]());

/** What comes back for a head that is written as it stands. */
async function send(...lines: readonly string[]): Promise<string> {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  socket.setEncoding('latin1');
  let answer = '';
  socket.on('data', (chunk: string) => {
    answer += chunk;
  });
  socket.write([...lines, 'Connection: close', '', ''].join('\r\n'));
  await once(socket, 'close');
  return answer;
}

const query = '/graphql?query={__typename}';

describe('a target with a host of its own', () => {
  it('means the same path on this server, on every plane', async () => {
    const token = `Authorization: ${authorization}`;
    expect(await send(`GET http://127.0.0.1${query} HTTP/1.1`, 'Host: a', token)).toContain('{"data":{"__typename":"Query"}}');
    const nothing = 'http://a.example:80/api/v1/artifacts/5f0a3b0e-0000-4000-8000-000000000000/slots/x';
    expect(await send(`GET ${nothing} HTTP/1.1`, 'Host: a', token)).toContain('"code":"ARTIFACT_NOT_FOUND"');
    expect(await send('GET http://a.example HTTP/1.1', 'Host: a')).toContain('"id":"v2.0"');
    expect(await send('GET http://a.example?x HTTP/1.1', 'Host: a')).toContain('"id":"v2.0"');
  });

  it('is addressed to that host, whatever Host says: no way round the rule of the dev caller', async () => {
    expect(await send(`GET http://vitrine.example${query} HTTP/1.1`, 'Host: localhost')).toMatch(/^HTTP\/1.1 401 /);
    expect(await send(`GET http://localhost${query} HTTP/1.1`, 'Host: localhost')).toMatch(/^HTTP\/1.1 200 /);
  });

  it.each(['http://[/graphql', 'ftp://localhost/graphql', 'graphql', 'http://', 'http://localhost#/healthz'])(
    'is refused when it is none: %s',
    async (target) => {
      const answer = await send(`GET ${target} HTTP/1.1`, 'Host: localhost');
      expect(answer).toMatch(/^HTTP\/1.1 400 /);
      expect(answer).toContain('"code":"REQUEST_MALFORMED"');
    },
  );

  it.each(['/healthz#', '/metrics#x', '/v2/images#/x', '/graphql?query={__typename}#', '/nowhere#'])(
    'is refused with a fragment, which the router would pass over: %s',
    async (target) => {
      const answer = await send(`GET ${target} HTTP/1.1`, 'Host: localhost');
      expect(answer).toMatch(/^HTTP\/1.1 400 /);
      expect(answer).toContain('The target of the request is neither a path nor an http URL.');
    },
  );
});

describe('a Host that no URL can have', () => {
  it.each(['a b', '%%%', '[', '[::1', 'a/b', 'a?b', 'a@b', 'x:99999', '1.2.3.999'])(
    'is refused in the words of the plane, never with a stack: %s',
    async (host) => {
      for (const path of [query, '/v2/images/x', '/api/v1/closure?ref=x', '/healthz']) {
        const answer = await send(`GET ${path} HTTP/1.1`, `Host: ${host}`, `Authorization: ${authorization}`);
        expect(answer).toMatch(/^HTTP\/1.1 400 /);
        expect(answer).toMatch(/\r\nX-Openstack-Request-Id: req-/);
        expect(answer).not.toContain('    at ');
      }
    },
  );
});

describe('what a server may pass over or must refuse', () => {
  it('an expectation that nobody knows is passed over', async () => {
    expect(await send('GET /healthz HTTP/1.1', 'Host: a', 'Expect: 200-maybe')).toMatch(/^HTTP\/1.1 200 /);
  });

  it('a tunnel is refused with a problem', async () => {
    const answer = await send('CONNECT a.example:443 HTTP/1.1', 'Host: a.example');
    expect(answer).toMatch(/^HTTP\/1.1 405 /);
    expect(answer).toContain('"code":"METHOD_NOT_ALLOWED"');
  });
});
