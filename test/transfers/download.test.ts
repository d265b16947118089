import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readlink } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createArtifact } from '#ops/create-artifact.ts';
import { deactivateArtifact } from '#ops/deactivate-artifact.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { uploadBlob } from '#ops/upload-blob.ts';
import { startTestServer, type TestServer } from '#test/support/server.ts';

const bytes = randomBytes(300_000);
const sha256 = createHash('sha256').update(bytes).digest();
const etag = `"sha256:${sha256.toString('hex')}"`;

let server: TestServer;
let blue: { readonly authorization: string };
let id: string;
let url: string;

beforeAll(async () => {
  server = await startTestServer();
  blue = await server.tokenFor('blue', 'member');
  id = await publishKit('blue', 'shown', { visibility: 'community' });
  url = `${server.url}/api/v1/artifacts/${id}/slots/main`;
});
afterAll(() => server[Symbol.asyncDispose]());

/** A kit with `bytes` in its slot `main`, called `boot/disk.img` there, and a page in `docs`. */
async function publishKit(
  project: string,
  name: string,
  more: { readonly visibility?: 'community' | 'private' } = {},
): Promise<string> {
  const context = server.actAs(project);
  const draft = await createArtifact(context, { type: 'kit', name, version: '1.0.0', ...more });
  const put = (slot: string, path: string, content: Buffer, mediaType: string): Promise<unknown> =>
    uploadBlob(context, { artifactId: draft.id, slot, path, mediaType, source: Readable.from([content]) });
  await put('main', 'boot/disk.img', bytes, 'application/x-raw');
  await put('docs', 'a "b" ü.html', Buffer.from('<script>alert(1)</script>'), 'text/html');
  return (await publishArtifact(context, { id: draft.id })).id;
}

const get = (headers: Record<string, string> = {}, method = 'GET'): Promise<Response> =>
  fetch(url, { method, headers: { ...blue, 'accept-encoding': 'gzip, br', ...headers } });
const body = async (response: Response): Promise<Buffer> => Buffer.from(await response.arrayBuffer());

describe('a download', () => {
  it('is the bytes, with digest, length, type and a name to save them under', async () => {
    const response = await get();
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      etag,
      'content-length': String(bytes.length),
      'content-type': 'application/x-raw',
      'accept-ranges': 'bytes',
      'content-disposition': 'attachment; filename="disk.img"',
      'x-content-type-options': 'nosniff',
    });
    expect(response.headers.get('content-encoding')).toBeNull();
    const sha512 = createHash('sha512').update(bytes).digest('base64');
    expect(response.headers.get('repr-digest')).toBe(`sha-256=:${sha256.toString('base64')}:, sha-512=:${sha512}:`);
    expect((await body(response)).equals(bytes)).toBe(true);
  });

  it('says to HEAD what it says to GET, without the bytes', async () => {
    const [whole, head] = [await get(), await get({ range: 'bytes=0-1' }, 'HEAD')];
    expect(head.status).toBe(200);
    for (const name of ['etag', 'content-length', 'content-type', 'repr-digest', 'last-modified']) {
      expect(head.headers.get(name)).toBe(whole.headers.get(name));
    }
    await body(whole);
    expect((await body(head)).length).toBe(0);
  });

  it('of a stored page can run nothing in a browser', async () => {
    const page = await fetch(`${server.url}/api/v1/artifacts/${id}/slots/docs/a%20%22b%22%20%C3%BC.html`, { headers: blue });
    expect(page.headers.get('content-type')).toBe('text/html');
    expect(page.headers.get('content-security-policy')).toBe("default-src 'none'; sandbox");
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    const disposition = page.headers.get('content-disposition') ?? '';
    expect(disposition).toBe(`attachment; filename="a _b_ _.html"; filename*=UTF-8''a%20%22b%22%20%C3%BC.html`);
    expect(await page.text()).toContain('alert');
  });

  it('of a draft is for its project; of a deactivated artifact for administrators; else it is not there, or refused', async () => {
    const draft = await createArtifact(server.actAs('blue'), { type: 'kit' });
    await uploadBlob(server.actAs('blue'), { artifactId: draft.id, slot: 'main', source: Readable.from([bytes]) });
    const green = await server.tokenFor('green', 'member');
    const reader = await server.tokenFor('green', 'reader');
    const of = (artifact: string, headers: Record<string, string>): Promise<Response> =>
      fetch(`${server.url}/api/v1/artifacts/${artifact}/slots/main`, { headers });
    expect((await of(draft.id, blue)).status).toBe(200);
    expect((await of(draft.id, green)).status).toBe(404);
    expect((await of(id, green)).status).toBe(200);
    expect((await of(id, reader)).status).toBe(403);
    const closed = await publishKit('blue', 'closed', { visibility: 'community' });
    await deactivateArtifact(server.actAs('blue'), { id: closed });
    for (const headers of [blue, green]) {
      const refused = await of(closed, headers);
      expect(refused.status).toBe(403);
      expect(await refused.json()).toMatchObject({ code: 'ARTIFACT_DEACTIVATED' });
    }
    expect((await of(closed, await server.tokenFor('ops', 'admin'))).status).toBe(200);
  });
});

describe('ranges', () => {
  it.each([
    ['bytes=0-0', 0, 1],
    ['bytes=100-', 100, bytes.length],
    ['bytes=-100', bytes.length - 100, bytes.length],
    ['bytes=299999-400000', 299_999, 300_000],
    ['bytes=5-9,7-20', 5, 21],
  ])('%s is one part', async (range, start, end) => {
    const response = await get({ range });
    expect(response.status).toBe(206);
    expect(response.headers.get('content-range')).toBe(`bytes ${start}-${end - 1}/${bytes.length}`);
    expect(response.headers.get('etag')).toBe(etag);
    expect((await body(response)).equals(bytes.subarray(start, end))).toBe(true);
  });

  it.each(['bytes=300000-', 'bytes=-0', 'bytes=999999-9999999'])('%s is beyond the end: 416 with the length', async (range) => {
    const response = await get({ range });
    expect(response.status).toBe(416);
    expect(response.headers.get('content-range')).toBe(`bytes */${bytes.length}`);
    expect(await response.json()).toMatchObject({ code: 'RANGE_NOT_SATISFIABLE' });
  });

  it.each([
    'bits=0-1',
    'bytes=b-a',
    'bytes=9-5',
    'bytes=',
    `bytes=${Array.from({ length: 40 }, (_, i) => `${i * 10}-${i * 10}`).join(',')}`,
  ])('%s is no range that is answered: the whole', async (range) => {
    const response = await get({ range });
    expect(response.status).toBe(200);
    expect((await body(response)).length).toBe(bytes.length);
  });

  it('several of them are a multipart answer that says the same bytes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(5_000)), { minLength: 2, maxLength: 6 }),
        async (spans) => {
          const range = `bytes=${spans.map(([start, more]) => `${start}-${start + more}`).join(',')}`;
          const response = await get({ range });
          expect(response.status).toBe(206);
          const content = await body(response);
          expect(content.length).toBe(Number(response.headers.get('content-length')));
          const parts = readParts(response.headers.get('content-type') ?? '', content, response.headers.get('content-range'));
          // Every byte asked for is in one of the parts, and each part has the bytes of its range.
          for (const part of parts) expect(part.content.equals(bytes.subarray(part.start, part.end + 1))).toBe(true);
          for (const [start, more] of spans) {
            const end = Math.min(start + more, bytes.length - 1);
            expect(parts.some((part) => part.start <= start && part.end >= end)).toBe(true);
          }
        },
      ),
      { numRuns: 40 },
    );
  });
});

interface Part {
  readonly start: number;
  readonly end: number;
  readonly content: Buffer;
}

/** Reads multipart/byteranges by its delimiters (RFC 2046), or the one part of a plain 206. */
function readParts(contentType: string, content: Buffer, contentRange: string | null): readonly Part[] {
  const boundary = /^multipart\/byteranges; boundary=([0-9a-f]+)$/.exec(contentType)?.[1];
  const toPart = (header: string, bytesOfPart: Buffer): Part => {
    const [, start = '', end = ''] = /bytes (\d+)-(\d+)\/300000/.exec(header) ?? [];
    return { start: Number(start), end: Number(end), content: bytesOfPart };
  };
  if (boundary === undefined) return [toPart(contentRange ?? '', content)];
  const parts: Part[] = [];
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  let position = content.indexOf(delimiter);
  for (;;) {
    const from = position + delimiter.length;
    if (content.subarray(from, from + 2).toString() === '--') return parts;
    const headEnd = content.indexOf('\r\n\r\n', from);
    const next = content.indexOf(delimiter, headEnd);
    parts.push(toPart(content.subarray(from, headEnd).toString(), content.subarray(headEnd + 4, next)));
    position = next;
  }
}

describe('preconditions', () => {
  const past = 'Mon, 01 Jan 2001 00:00:00 GMT';
  const future = 'Fri, 01 Jan 2100 00:00:00 GMT';
  it.each([
    [{ 'if-none-match': etag }, 304],
    [{ 'if-none-match': `"x", W/${etag}` }, 304],
    [{ 'if-none-match': '*' }, 304],
    [{ 'if-none-match': '"x"' }, 200],
    [{ 'if-none-match': '"x"', 'if-modified-since': future }, 200],
    [{ 'if-modified-since': future }, 304],
    [{ 'if-modified-since': past }, 200],
    [{ 'if-modified-since': 'yesterday' }, 200],
    [{ 'if-match': etag }, 200],
    [{ 'if-match': `W/${etag}` }, 412],
    [{ 'if-match': '"x"' }, 412],
    [{ 'if-unmodified-since': past }, 412],
    [{ 'if-unmodified-since': past, 'if-match': etag }, 200],
    [{ range: 'bytes=0-1', 'if-range': etag }, 206],
    [{ range: 'bytes=0-1', 'if-range': '"x"' }, 200],
    [{ range: 'bytes=0-1', 'if-range': `W/${etag}` }, 200],
    [{ range: 'bytes=0-1', 'if-range': future }, 200],
    [{ range: 'bytes=0-1', 'if-none-match': etag }, 304],
    [{ range: 'bytes=999999-', 'if-range': '"x"' }, 200],
  ])('%o answers %i', async (headers, status) => {
    const response = await get(headers);
    expect(response.status).toBe(status);
    if (status === 304) expect(response.headers.get('etag')).toBe(etag);
    await body(response);
  });
});

describe('a client that goes away', () => {
  /** Files of the store that this process has open. */
  async function openFiles(): Promise<string[]> {
    const descriptors = await readdir('/proc/self/fd');
    const targets = await Promise.all(descriptors.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
    return targets.filter((target) => target.startsWith(server.storeFolder));
  }

  it('in the middle of a large answer frees its file at once', async () => {
    const context = server.actAs('blue');
    const draft = await createArtifact(context, { type: 'kit' });
    const large = Readable.from(
      (function* () {
        for (let index = 0; index < 64; index += 1) yield Buffer.alloc(1024 * 1024, index);
      })(),
    );
    await uploadBlob(context, { artifactId: draft.id, slot: 'main', source: large });
    expect(await openFiles()).toEqual([]);
    const leaving = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const path = `/api/v1/artifacts/${draft.id}/slots/main`;
        const request = httpRequest({ port: new URL(server.url).port, host: '127.0.0.1', path, headers: blue });
        request.end();
        const [response] = (await once(request, 'response')) as [IncomingMessage];
        // It reads a little and then nothing more: the server waits for it with its file open.
        await once(response, 'readable');
        response.read(1000);
        return request;
      }),
    );
    expect((await openFiles()).length).toBe(4);
    for (const request of leaving) request.destroy();
    await expect.poll(openFiles).toEqual([]);
  });
});

describe('what a stranger may learn', () => {
  it('is the same of a foreign artifact as of a random id, on every byte route and method', async () => {
    const foreign = await publishKit('blue', 'secret');
    const green = await server.tokenFor('green', 'member');
    const random = crypto.randomUUID();
    const paths = [
      'slots/main',
      'slots/docs/a',
      'slots/docs/..%2fx',
      'slots/nothing',
      'slots/main?path=x',
      'slots/%00',
      'slots/main/x',
    ];
    for (const path of paths) {
      for (const [method, headers] of [
        ['GET', {}],
        ['GET', { range: 'bytes=0-1', 'if-none-match': etag }],
        ['HEAD', {}],
        ['PUT', { 'content-type': 'text/plain' }],
        ['PUT', { 'if-match': '"1"', 'repr-digest': `sha-256=:${sha256.toString('base64')}:` }],
        ['DELETE', {}],
        ['POST', {}],
      ] as const) {
        const ask = async (artifact: string): Promise<{ status: number; headers: object; body: string }> => {
          const content = method === 'PUT' ? { body: bytes } : {};
          const target = `${server.url}/api/v1/artifacts/${artifact}/${path}`;
          const response = await fetch(target, {
            method,
            headers: { ...green, ...headers } as Record<string, string>,
            ...content,
          });
          const seen = Object.fromEntries(
            [...response.headers].filter(([name]) => !['date', 'x-openstack-request-id'].includes(name)),
          );
          const text = await response.text();
          return {
            status: response.status,
            headers: seen,
            body: text.replaceAll(artifact, 'ID').replace(/req-[0-9a-f-]{36}/g, 'REQ'),
          };
        };
        const [known, unknown] = [await ask(foreign), await ask(random)];
        expect(known, `${method} ${path}`).toEqual(unknown);
        expect(known.status).toBeGreaterThanOrEqual(400);
        expect(known.status).toBeLessThan(500);
      }
    }
  });
});

describe('hostile requests', () => {
  it('are answered, and never by a fault of ours', async () => {
    const odd = fc.oneof(
      fc.string({ maxLength: 30 }),
      fc.constantFrom(
        '..',
        '.',
        '%2e%2e',
        '%00',
        '%',
        '%c3%28',
        '%ff',
        '//',
        '\\',
        '*',
        ':id',
        '{id}',
        '%2F',
        '\u202e',
        'ü',
        ' ',
        'a'.repeat(3000),
        '$%7Bjndi:x%7D',
        "' OR 1=1 --",
        '%u0041',
        ';a=b',
        '__proto__',
        'constructor',
      ),
      fc.constantFrom(id, id.toUpperCase(), `${id}%00`, id.slice(1)),
    );
    const header = fc.constantFrom<[string, string]>(
      ['Range', 'bytes=0-18446744073709551616'],
      ['Range', 'bytes=--1'],
      ['Range', `bytes=${'0-,'.repeat(2000)}`],
      ['If-None-Match', '"'.repeat(3000)],
      ['If-None-Match', `${'"a",'.repeat(2000)}x`],
      ['If-Range', 'x'.repeat(3000)],
      ['Content-Type', 'a/b; c="\\'],
      ['Content-Type', ''],
      ['Repr-Digest', `sha-256=:${'A'.repeat(4000)}:`],
      ['Repr-Digest', 'sha-256=::, sha-256=1, =:;'],
      ['If-Match', '"99999999999999999999"'],
      ['Expect', '100-continue'],
      ['Accept', 'text/html;q=x, */*;q=-1,,;;'],
      ['Content-Length', '3'],
      ['Traceparent', '00-\u00ff'],
      ['Host', 'a:b:c'],
      ['X-Auth-Token', '\u00e9'],
    );
    const methods = fc.constantFrom('GET', 'HEAD', 'PUT', 'DELETE', 'POST', 'PATCH', 'OPTIONS', 'TRACE');
    const path = fc.oneof(
      fc.tuple(odd, odd).map(([a, b]) => `/api/v1/artifacts/${a}/slots/${b}`),
      odd.map((a) => `/api/v1/artifacts/${id}/slots/docs/${a}`),
      odd.map((a) => `/api/v1/artifacts/${id}/slots/main?path=${a}&store=${a}`),
      odd.map((a) => `/v2/images/${a}`),
      odd.map((a) => `/v2.7/images/${a}/file?prefer=${a}`),
      odd.map((a) => `/${a}`),
    );
    await fc.assert(
      fc.asyncProperty(
        methods,
        path,
        fc.array(header, { maxLength: 3 }),
        fc.boolean(),
        async (method, target, headers, isKnown) => {
          // Bytes as they are, past every client that would repair them; what would split the request is not a path.
          const safe = target.replace(/[\0-\x20\x7f]/g, '');
          const lines = [
            `${method} ${safe} HTTP/1.1`,
            'Host: a',
            'Connection: close',
            ...headers.map(([name, value]) => `${name}: ${value}`),
          ];
          if (isKnown) lines.push(`Authorization: ${blue.authorization}`);
          const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
          socket.on('error', () => undefined);
          socket.write(`${lines.join('\r\n')}\r\n\r\nabc`);
          const chunks: Buffer[] = [];
          socket.on('data', (chunk: Buffer) => chunks.push(chunk));
          await once(socket, 'close');
          const answer = Buffer.concat(chunks).toString('latin1');
          expect(answer, safe).toMatch(/^HTTP\/1.1 [1-4]\d\d /);
          expect(answer.replace(/^HTTP\/1.1 100 Continue\r\n\r\n/, ''), safe).toMatch(/^HTTP\/1.1 [2-4]\d\d /);
        },
      ),
      { numRuns: 400 },
    );
    expect(server.logged.filter((line) => Number(line['level']) >= 50)).toEqual([]);
  });
});
