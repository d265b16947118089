/** Requests that mean harm, over the real port: each is a typed refusal, and nothing of it is kept. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createArtifact } from '#ops/create-artifact.ts';
import { putText } from '#test/support/operations.ts';
import { startTestServer, type TestServer } from '#test/support/server.ts';
import { countRows } from '#test/support/stored-rows.ts';

let server: TestServer;
let slots: string;
/** What stands before any of it. */
let before: Awaited<ReturnType<typeof countRows>>;
beforeAll(async () => {
  server = await startTestServer({ graphql: true, http: { stallMs: 1_000 } });
  const admin = server.actAs('default', 'admin');
  const { id } = await createArtifact(admin, { type: 'bundle' });
  await putText(admin, id, 'files', '0123456789', 'a.txt');
  slots = `/api/v1/artifacts/${id}/slots`;
  before = await countRows(server.services.db);
});
afterAll(async () => {
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  expect(server.logged.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  await server[Symbol.asyncDispose]();
});

interface Raw {
  readonly status: number;
  readonly text: string;
}

/** Sends bytes as they are and reads until the other side closes; half-open, as a client that waits. */
async function send(head: string, body: string | Buffer = ''): Promise<Raw> {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  socket.setEncoding('latin1');
  let text = '';
  socket.on('data', (chunk: string) => (text += chunk));
  socket.on('error', () => undefined);
  socket.write(head);
  socket.write(body);
  await once(socket, 'close');
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0), text };
}

const request = (
  method: string,
  target: string,
  headers: Record<string, string> = {},
  body: string | Buffer = '',
): Promise<Raw> => {
  const lines = Object.entries({ Host: '127.0.0.1', Connection: 'close', ...headers }).map(
    ([name, text]) => `${name}: ${text}\r\n`,
  );
  return send(`${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`, body);
};

/** A refusal in the documented shape, after which as many rows stand as before. */
async function expectRefused(ask: () => Promise<Raw>, statuses: RegExp = /^4\d\d$/): Promise<void> {
  const { status, text } = await ask();
  expect(String(status), text.slice(0, 300)).toMatch(statuses);
  const shape = text.includes('application/problem+json') ? /"code":"[A-Z_]+".*"remedy":/ : /<h1>4\d\d |"errors":\[/;
  expect(text).toMatch(shape);
  expect(text).not.toContain('    at ');
  // A broken request is answered on its socket, while what it had begun is still being cleared.
  await expectNothingKept();
}

const expectNothingKept = () => expect.poll(() => countRows(server.services.db), { timeout: 5_000 }).toEqual(before);

describe('a path of a blob', () => {
  it.each([
    '..%2fx',
    '%2e%2e/x',
    '../x',
    './x',
    'a/../../x',
    'a//b',
    '/',
    'a/',
    '%00',
    'a%00b',
    '%ff',
    '%c3',
    '%ed%a0%80',
    '%',
    '%zz',
    'a%2fb',
    '%5c..%5cx',
    'C:',
    'C%3a%2fx',
    'e%CC%81',
    '%E2%80%AEtxt.exe',
    '%1b%5b31m',
    'a.txt/below',
    'x'.repeat(256),
    'x/'.repeat(600),
    'é'.repeat(20),
  ])('is refused: %s', (path) =>
    expectRefused(() => request('PUT', `${slots}/files/${path}`, { 'Content-Length': '1' }, Buffer.from('x', 'latin1'))),
  );
});

describe('an upload', () => {
  it.each<[string, Record<string, string>]>([
    ['a length that is negative', { 'Content-Length': '-1' }],
    ['a length in words of a float', { 'Content-Length': '1e3' }],
    ['a length beyond 64 bits', { 'Content-Length': '18446744073709551616' }],
    ['a length beyond every limit', { 'Content-Length': '9007199254740993' }],
    ['a digest that is too short', { 'Content-Length': '1', 'Repr-Digest': 'sha-256=:AAAA:' }],
    ['a digest that is none', { 'Content-Length': '1', 'Repr-Digest': 'sha-256=x' }],
    ['a digest of nobody', { 'Content-Length': '1', 'Repr-Digest': 'md4=:AAAA:' }],
    ['a digest of other bytes', { 'Content-Length': '1', 'Repr-Digest': `sha-256=:${'A'.repeat(43)}=:` }],
    ['a list of no digests', { 'Content-Length': '1', 'Content-Digest': ',,,' }],
    ['a revision that is none', { 'Content-Length': '1', 'If-Match': 'x' }],
    ['a revision that is weak', { 'Content-Length': '1', 'If-Match': 'W/"1"' }],
    ['a revision of the future', { 'Content-Length': '1', 'If-Match': '"7777"' }],
    ['a revision beyond numbers', { 'Content-Length': '1', 'If-Match': '"99999999999999"' }],
    ['a media type that is none', { 'Content-Length': '1', 'Content-Type': `a/${'b'.repeat(8_000)}` }],
    ['a media type that breaks lines', { 'Content-Length': '1', 'Content-Type': 'text/plain; a="\u0001"' }],
    ['a coding of its bytes', { 'Content-Length': '1', 'Content-Encoding': 'gzip' }],
    ['a coding of its transfer', { 'Transfer-Encoding': 'gzip' }],
    ['a range of a blob', { 'Content-Length': '1', 'Content-Range': 'bytes 0-0/2' }],
    ['a condition that is not heard', { 'Content-Length': '1', 'If-None-Match': '*' }],
    ['a length beside chunks', { 'Content-Length': '1', 'Transfer-Encoding': 'chunked' }],
  ])('with %s is refused', (_name, headers) => expectRefused(() => request('PUT', `${slots}/files/new`, headers, 'x')));

  it.each([
    ['noise', 'zz\r\nfoo\r\n'],
    ['a size beyond 64 bits', 'fffffffffffffffff\r\nfoo\r\n'],
    ['a size that is negative', '-5\r\nfoo\r\n'],
    ['more than a chunk said', '1\r\nfoo\r\n0\r\n\r\n'],
  ])('in chunks of %s is refused', (_name, body) =>
    expectRefused(() => request('PUT', `${slots}/files/new`, { 'Transfer-Encoding': 'chunked' }, body)),
  );

  it.each([
    ['a coding within', 'gzip, chunked'],
    ['a coding, named in a line of its own,', 'gzip\r\nTransfer-Encoding: Chunked'],
  ])('in chunks of %s is refused', (_name, coding) =>
    expectRefused(() => request('PUT', `${slots}/files/new`, { 'Transfer-Encoding': coding }, '1\r\nx\r\n0\r\n\r\n'), /^415$/),
  );

  it.each([
    ['that stalls', { 'Content-Length': '100' }, 'abc'],
    ['that stalls within a chunk', { 'Transfer-Encoding': 'chunked' }, '5\r\nab'],
  ])('%s is cut, and leaves the slot to the next', async (_name, headers, body) => {
    await request('PUT', `${slots}/files/stalled`, headers, body);
    await expectNothingKept();
  });

  it('that vanishes in its middle leaves nothing, many times at once', async () => {
    const vanish = async (index: number): Promise<void> => {
      const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
      socket.on('error', () => undefined);
      const head = `PUT ${slots}/files/v${index} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5000000\r\n\r\n`;
      socket.write(head + 'x'.repeat(index * 10_000));
      await sleep(index * 10);
      socket.resetAndDestroy();
    };
    await Promise.all(Array.from({ length: 20 }, (_, index) => vanish(index)));
    await expectNothingKept();
  });
});

describe('a download', () => {
  const whole = ['chars=0-1', 'bytes', 'bytes=', 'bytes=a-b', 'bytes=5-2', 'bytes=1-2-3', `bytes=${'0-0,'.repeat(2_000)}0-0`];
  it.each(whole)('is whole where the range is none: %s', async (range) => {
    const { status, text } = await request('GET', `${slots}/files/a.txt`, { Range: range });
    expect(status).toBe(200);
    expect(text).toMatch(/\r\n\r\n0123456789$/);
  });

  it.each(['bytes=-0', 'bytes=99-', `bytes=${'9'.repeat(40)}-`])('is refused where the range lies outside: %s', (range) =>
    expectRefused(() => request('GET', `${slots}/files/a.txt`, { Range: range }), /^416$/),
  );
});

describe('an address', () => {
  it.each([
    '/api/v1/artifacts/x/slots/files/a',
    '/api/v1/artifacts//slots/files/a',
    '/api/v1/artifacts/%00/slots/files',
    `/api/v1/artifacts/${'9'.repeat(10_000)}/slots/files`,
    '/api/v1/closure',
    '/api/v1/closure?ref=%00',
    '/api/v1/closure?ref=%ff',
    `/api/v1/closure?ref=${'a'.repeat(10_000)}`,
    `/api/v1/closure?ref=image/a@${'1||'.repeat(2_000)}1`,
    '/api/v1/closure?ref=x&ref=y',
    '/api/v1/closure?ref=image/x@1&inline=99999999999',
    '/api/v1/closure?ref=image/x@1&__proto__=1',
    '/v2/images/%00',
    '/v2/images/..%2f..%2fetc',
    '/v2/images/%ff',
    '//graphql',
    '/graphql;x',
    '/%67raphql',
    '/healthz/../graphql',
    '/\u00ff',
  ])('that leads nowhere is refused: %s', (target) => expectRefused(() => request('GET', target)));
});
