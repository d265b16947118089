import { once } from 'node:events';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HttpPlane } from '#base/http-route.ts';
import { answerProblem } from '#base/problem-details.ts';
import { createMetrics } from '#http/http-server.ts';
import type { OpContext } from '#ops/context.ts';
import { startTestServer, type TestServer } from '#test/support/server.ts';

const seen: { signal?: AbortSignal; context?: OpContext } = {};

/** Routes that misbehave in known ways, to see what the pipeline makes of them. */
const oddPlane: HttpPlane<OpContext> = {
  name: 'odd',
  owns: (path) => path.startsWith('/odd/'),
  routes: [
    {
      path: '/odd/throws',
      methods: {
        GET: async () => {
          throw new Error('the password is hunter2');
        },
      },
    },
    {
      path: '/odd/half',
      methods: {
        GET: async ({ response }) => {
          response.writeHead(200, { 'Content-Length': 100 });
          response.write('half');
          throw new Error('no more');
        },
      },
    },
    {
      path: '/odd/sleeps',
      methods: {
        GET: async ({ context, response }) => {
          seen.signal = context.signal;
          await new Promise((resolve) => context.signal.addEventListener('abort', resolve));
          response.end('too late');
        },
      },
    },
    {
      path: '/odd/slow',
      isTransfer: true,
      methods: {
        GET: async ({ response }) => {
          await sleep(400);
          response.end('whole');
        },
      },
    },
    {
      path: '/odd/keeps',
      isTransfer: true,
      methods: {
        PUT: async ({ context, request, response }) => {
          seen.signal = context.signal;
          const body = await request.toArray();
          // As a store that is busy long after the last byte.
          await sleep(700);
          response.end(Buffer.concat([...body, Buffer.alloc(request.headers['x-flood'] === undefined ? 0 : 2 ** 26)]));
        },
      },
    },
    {
      path: '/odd/echo',
      methods: {
        POST: async ({ request, response }) => {
          const body = Buffer.concat(await request.toArray());
          response.setHeader('Content-Length', body.length);
          response.end(body);
        },
      },
    },
    {
      path: '/odd/context/:name',
      methods: {
        GET: async ({ context, params, response }) => {
          seen.context = context;
          response.end(params['name']);
        },
      },
    },
  ],
  answerError: answerProblem,
};

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ planes: [oddPlane], http: { deadlineMs: 500 } });
});
afterAll(() => server[Symbol.asyncDispose]());

/** Bytes as they are written, and everything that comes back until the other side closes. */
async function raw(text: string): Promise<string> {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  socket.setEncoding('latin1');
  let answer = '';
  socket.on('data', (chunk: string) => {
    answer += chunk;
  });
  socket.on('error', () => undefined);
  socket.end(text);
  await once(socket, 'close');
  return answer;
}

describe('every answer', () => {
  it('has a request id of its own, also where nothing was found', async () => {
    const ids = new Set<string>();
    for (const path of ['/', '/healthz', '/nowhere', '/v2/images/nowhere', '/graphql', '/api/v1/nowhere', '/%zz']) {
      const response = await fetch(`${server.url}${path}`);
      expect(response.headers.get('x-openstack-request-id')).toMatch(/^req-[0-9a-f-]{36}$/);
      ids.add(response.headers.get('x-openstack-request-id') ?? '');
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
      await response.arrayBuffer();
    }
    expect(ids.size).toBe(7);
  });

  it('is accounted for with its head, each on its connection for itself', async () => {
    const target = `/odd/context/${'n'.repeat(100)}`;
    const head = `GET ${target} HTTP/1.1\r\nHost: localhost\r\n`;
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    const lines = () => server.logged.filter(({ path }) => path === target);
    for (const text of [`${head}\r\n`, `${head}Connection: close\r\n\r\n`]) {
      const before = lines().length;
      socket.write(text);
      await expect.poll(lines).toHaveLength(before + 1);
    }
    socket.destroy();
    expect(lines().map(({ bytesIn }) => bytesIn)).toEqual([head.length + 2, head.length + 21]);
  });

  it('leaves one line in the log, with the id a client gave and without the query', async () => {
    const response = await fetch(`${server.url}/odd/context/x?token=secret`, {
      headers: { 'x-openstack-request-id': 'req-from-nova-1' },
    });
    await response.text();
    const requestId = response.headers.get('x-openstack-request-id');
    await expect.poll(() => server.logged.filter((line) => line['requestId'] === requestId)).toHaveLength(1);
    const line = server.logged.find((entry) => entry['requestId'] === requestId);
    expect(line).toMatchObject({
      method: 'GET',
      path: '/odd/context/x',
      status: 200,
      globalRequestId: 'req-from-nova-1',
      caller: 'dev',
    });
    expect(JSON.stringify(server.logged)).not.toContain('secret');
  });

  it('belongs to the trace of its sender, or to a new one where the header is no trace', async () => {
    const trace = async (traceparent: string): Promise<string | undefined> => {
      await (await fetch(`${server.url}/odd/context/x`, { headers: { traceparent } })).text();
      return seen.context?.traceparent;
    };
    const good = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    expect(await trace(good)).toBe(good);
    expect(await trace(`cc${good.slice(2)}-more`)).toBe(good);
    for (const bad of [
      '',
      `ff${good.slice(2)}`,
      `${good}-more`,
      good.toUpperCase(),
      '00-00000000000000000000000000000000-00f067aa0ba902b7-01',
    ]) {
      const made = await trace(bad);
      expect(made).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
      expect(made).not.toContain('4bf92f35');
    }
  });
});

describe('the error boundary', () => {
  it('answers what was not foreseen as INTERNAL, without a word of it, and logs its cause', async () => {
    const response = await fetch(`${server.url}/odd/throws`);
    expect(response.status).toBe(500);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({ code: 'INTERNAL', status: 500, type: 'urn:vitrine:error:INTERNAL' });
    expect(text).not.toContain('hunter2');
    const requestId = response.headers.get('x-openstack-request-id');
    const line = server.logged.find((entry) => entry['requestId'] === requestId && entry['level'] === 50);
    expect(JSON.stringify(line)).toContain('hunter2');
  });

  it('cuts an answer that cannot be finished, so that nobody takes a half for the whole', async () => {
    await expect(fetch(`${server.url}/odd/half`).then((response) => response.text())).rejects.toThrow();
  });

  it('ends a request at its deadline, and aborts what it still does', async () => {
    const response = await fetch(`${server.url}/odd/sleeps`);
    expect(response.status).toBe(408);
    expect(await response.json()).toMatchObject({ code: 'REQUEST_TIMEOUT' });
    expect(seen.signal?.aborted).toBe(true);
  });

  it('aborts what a request does when its client goes', async () => {
    const leaving = new AbortController();
    const answer = fetch(`${server.url}/odd/sleeps`, { signal: leaving.signal }).catch(() => undefined);
    await sleep(100);
    expect(seen.signal?.aborted).toBe(false);
    leaving.abort();
    await answer;
    await expect.poll(() => seen.signal?.aborted).toBe(true);
  });

  it.each([
    ['GET', '/nowhere', 404, 'PATH_NOT_FOUND'],
    ['GET', '/api/v1/nowhere', 404, 'PATH_NOT_FOUND'],
    ['GET', '/odd/../odd/throws/../x%00', 404, 'PATH_NOT_FOUND'],
    ['POST', '/odd/throws', 405, 'METHOD_NOT_ALLOWED'],
    ['DELETE', '/healthz', 405, 'METHOD_NOT_ALLOWED'],
    ['PUT', '/graphql', 405, 'METHOD_NOT_ALLOWED'],
    ['GET', '/odd/context/%ff', 400, 'REQUEST_MALFORMED'],
    ['GET', '/odd/%', 400, 'REQUEST_MALFORMED'],
  ])('refuses %s %s with %i %s', async (method, path, status, code) => {
    const answer = await raw(`${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer).toContain('application/problem+json');
    expect(answer).toContain(`"code":"${code}"`);
    if (status === 405) expect(answer).toMatch(/\r\nAllow: GET/);
  });
});

describe('a connection on which nothing moves', () => {
  let hasty: TestServer;
  beforeAll(async () => {
    hasty = await startTestServer({ planes: [oddPlane], http: { stallMs: 300 } });
  });
  afterAll(() => hasty[Symbol.asyncDispose]());

  const put = (extra: string, body: string) =>
    `PUT /odd/keeps HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n${extra}\r\n${body}`;

  it('is kept while its client waits for the answer to all it sent, and cut again at the next that does not send', async () => {
    const socket = connect(Number(new URL(hasty.url).port), '127.0.0.1');
    socket.on('error', () => undefined);
    let answer = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => (answer += chunk));
    const closed = once(socket, 'close');
    for (const turn of [1, 2]) {
      socket.write(put('', 'hello'));
      await expect.poll(() => answer.split('\r\n\r\nhello').length - 1, { timeout: 5_000 }).toBe(turn);
      expect(seen.signal?.aborted).toBe(false);
    }
    socket.write(put('', 'hell'));
    await closed;
    await expect.poll(() => seen.signal?.aborted).toBe(true);
  });

  it('is cut when its client does not read the answer', async () => {
    delete seen.signal;
    const socket = connect(Number(new URL(hasty.url).port), '127.0.0.1').pause();
    socket.on('error', () => undefined);
    socket.write(put('X-Flood: yes\r\n', 'flood'));
    await expect.poll(() => seen.signal?.aborted, { timeout: 10_000 }).toBe(true);
    socket.destroy();
  });
});

describe('what is hardly HTTP', () => {
  it.each([
    ['noise', 'Z\0\x01\x02\r\n\r\n', 400],
    ['two lengths', 'PUT /api/v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx', 400],
    [
      'length beside chunks',
      'PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    ['an unknown method', 'BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['a huge header', `GET / HTTP/1.1\r\nHost: a\r\nX-Big: ${'x'.repeat(70_000)}\r\n\r\n`, 431],
    ['a space in a header name', 'GET / HTTP/1.1\r\nHost : a\r\n\r\n', 400],
  ])('is refused with a problem: %s', async (_name, text, status) => {
    const answer = await raw(text);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer).toContain('application/problem+json');
  });

  it('is a request all the same without a Host, or of HTTP/1.0', async () => {
    expect(await raw('GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n')).toMatch(/^HTTP\/1.1 200 /);
    expect(await raw('GET /healthz HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1.1 200 /);
  });

  it.each([';;', 'a', '../..', 'text/html; charset=\\', 'multipart/form-data', ''])(
    'is a request all the same with the content type %j, which is for whoever reads the body',
    async (type) => {
      const send = (target: string, body: string) =>
        raw(
          `${target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
        );
      for (const body of ['', '{}']) {
        expect(await send('GET /odd/context/x', body)).toMatch(/^HTTP\/1.1 200 /);
        expect(await send('POST /odd/echo', body)).toMatch(new RegExp(`^HTTP/1.1 200 [^]*\r\n\r\n${body}$`));
        expect(await send('POST /healthz', body)).toMatch(/^HTTP\/1.1 405 /);
        expect(await send('DELETE /nowhere', body)).toMatch(/^HTTP\/1.1 404 /);
      }
    },
  );
});

describe('who is calling', () => {
  const show = async (headers: Readonly<Record<string, string>>): Promise<{ status: number; headers: IncomingHttpHeaders }> => {
    const { port } = new URL(server.url);
    const request = httpRequest({ port, host: '127.0.0.1', path: '/odd/context/x', headers });
    request.end();
    const [response] = await once(request, 'response');
    response.resume();
    await once(response, 'end');
    return { status: response.statusCode, headers: response.headers };
  };

  it('is the dev caller, from this machine and addressed to it', async () => {
    expect((await show({ host: 'localhost:9292' })).status).toBe(200);
    expect(seen.context?.caller).toMatchObject({ id: 'dev', project: 'default', isAdmin: true });
  });

  it.each([
    ['another name', { host: 'vitrine.example' }],
    ['a proxy', { host: 'localhost', 'x-forwarded-for': '203.0.113.7' }],
    ['a proxy by the standard', { host: 'localhost', forwarded: 'for=203.0.113.7' }],
  ])('is nobody behind %s', async (_name, headers) => {
    const answer = await show(headers);
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toContain('Bearer');
  });

  it('is who the token says, by either header, and nobody when the token is bad', async () => {
    const { authorization } = await server.tokenFor('blue', 'member');
    expect((await show({ authorization })).status).toBe(200);
    expect(seen.context?.caller).toMatchObject({ project: 'blue', isAdmin: false });
    const secret = authorization.slice('Bearer '.length);
    expect((await show({ 'x-auth-token': secret, host: 'vitrine.example' })).status).toBe(200);
    for (const bad of [`${secret.slice(0, -1)}~`, 'vtr_', '', 'x'.repeat(5000)]) {
      expect((await show({ authorization: `Bearer ${bad}` })).status).toBe(401);
      expect((await show({ 'x-auth-token': bad })).status).toBe(401);
    }
    expect((await show({ authorization: 'Basic YTpi' })).status).toBe(401);
  });
});

describe('operators', () => {
  it('see readiness and metrics', async () => {
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
    await (await fetch(`${server.url}/odd/context/x`)).text();
    const text = await (await fetch(`${server.url}/metrics`)).text();
    expect(text).toMatch(/vitrine_http_request_seconds_count\{method="GET",route="\/odd\/context\/:name",status="200"\} \d+/);
    expect(text).toContain('vitrine_database_connections{state="idle"}');
    expect(text).toContain('vitrine_process_resident_memory_bytes');
  });

  it.each(['/%6detrics', '/metric%73?x', '/%72eadyz', '/healthz/', '//metrics', '/metrics#', '/readyz#/v2'])(
    'see them by one spelling only, so that a proxy can keep them inside: not by %s',
    async (path) => {
      expect(await raw(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)).toMatch(/^HTTP\/1.1 40[04] /);
    },
  );

  it('are cut off where nothing can be told, instead of being left to wait', async () => {
    const broken = { ...createMetrics(server.services.db), answer: () => Promise.reject(new Error('no more')) };
    for (const metricsAddress of [undefined, { host: '127.0.0.1', port: 0 }]) {
      await using failing = await startTestServer({ http: { metrics: broken, metricsAddress } });
      await expect(fetch(`${failing.http.metricsUrl ?? failing.url}/metrics`)).rejects.toThrow();
    }
  });

  it('may have metrics on a listener of their own, and then only there', async () => {
    await using apart = await startTestServer({ http: { metricsAddress: { host: '127.0.0.1', port: 0 } } });
    expect((await fetch(`${apart.url}/metrics`)).status).toBe(404);
    expect(apart.http.metricsUrl).toBeDefined();
    const response = await fetch(`${apart.http.metricsUrl}/metrics`);
    expect(await response.text()).toContain('vitrine_http_requests_in_flight');
    expect((await fetch(`${apart.http.metricsUrl}/readyz`)).status).toBe(200);
  });

  it('stop the server while requests run: those end whole, a slow one is cut at the limit, no new one is taken', async () => {
    const stopping = await startTestServer({ planes: [oddPlane], http: { drainMs: 1_500, deadlineMs: 60_000 } });
    const whole = fetch(`${stopping.url}/odd/slow`).then((response) => response.text());
    const cut = fetch(`${stopping.url}/odd/sleeps`).then(
      () => 'answered',
      () => 'cut',
    );
    await sleep(100);
    const stopped = stopping[Symbol.asyncDispose]();
    await sleep(50);
    await expect(fetch(`${stopping.url}/healthz`)).rejects.toThrow();
    expect(await whole).toBe('whole');
    expect(await cut).toBe('cut');
    await stopped;
  });

  it('stop it without waiting for a connection that asks for nothing', async () => {
    const stopping = await startTestServer({ http: { drainMs: 3_600_000 } });
    const silent = connect(Number(new URL(stopping.url).port), '127.0.0.1').on('error', () => undefined);
    await once(silent, 'connect');
    const closed = once(silent, 'close');
    await stopping[Symbol.asyncDispose]();
    await closed;
  });

  it('stop it behind a balancer: it says so and still serves for as long as it was told, and ends at once when hurried', async () => {
    const stopping = await startTestServer({ http: { drainNoticeMs: 60_000 } });
    const idle = connect(Number(new URL(stopping.url).port), '127.0.0.1');
    await once(idle, 'connect');
    const stopped = stopping[Symbol.asyncDispose]();
    await expect.poll(async () => (await fetch(`${stopping.url}/readyz`)).status).toBe(503);
    const alive = await fetch(`${stopping.url}/healthz`);
    expect([alive.status, alive.headers.get('connection')]).toEqual([200, 'close']);
    const { authorization } = await stopping.tokenFor('blue', 'member');
    expect((await fetch(`${stopping.url}/v2/images/x`, { headers: { authorization } })).status).toBe(404);
    stopping.http.cut();
    await once(idle, 'close');
    await stopped;
    await expect(fetch(stopping.url)).rejects.toThrow();
  });
});
