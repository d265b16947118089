import { createHash, randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase } from '#test/support/database.ts';
import { missingProxies, proxyKinds, type StartedProxy, startProxy } from '#test/support/proxies.ts';
import { mustSkip } from '#test/support/suites.ts';
import { startVitrine, type VitrineProcess } from '#test/support/vitrine-process.ts';

const mebibyte = 1024 * 1024;
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

let stack: AsyncDisposableStack;
let env: Record<string, string>;
let nodes: readonly [VitrineProcess, VitrineProcess];
let token: string;

const skipped = mustSkip('proxies', missingProxies);

beforeAll(async () => {
  stack = new AsyncDisposableStack();
  if (skipped) return;
  const database = stack.use(await createTestDatabase());
  const path = await mkdtemp(join(tmpdir(), 'vitrine-proxied-'));
  stack.defer(() => rm(path, { recursive: true, force: true }));
  env = {
    VITRINE_DATABASE_URL: database.url,
    VITRINE_INSTANCE_KEY: randomBytes(32).toString('hex'),
    VITRINE_STORES: JSON.stringify([{ name: 'shared', kind: 'filesystem', path }]),
    VITRINE_LIMITS_DRAIN_NOTICE_MS: '4000',
    VITRINE_IMAGE_PUBLIC_ENDPOINT: 'https://images.example.org',
    VITRINE_CORS_ORIGINS: 'https://dashboard.example.org',
  };
  nodes = [stack.use(await startVitrine({ env })), stack.use(await startVitrine({ env }))];
  const created = await nodes[0].cli(['token', 'create', '--project', 'blue', '--subject', 'proxied', '--json']);
  token = JSON.parse(created.stdout).secret;
}, 120_000);
afterAll(() => stack.disposeAsync());

const address = (node: VitrineProcess): string => new URL(node.url).host;

describe.skipIf(skipped).each(proxyKinds)('behind %s', (kind) => {
  let proxy: StartedProxy;
  beforeAll(async () => {
    proxy = await startProxy(kind, [address(nodes[0]), address(nodes[1])]);
  });
  afterAll(() => proxy?.[Symbol.asyncDispose]());

  const headers = (more: object = {}): Record<string, string> => ({ 'x-auth-token': token, ...more });

  async function createDraft(type: string, properties: object = {}): Promise<string> {
    const query = `mutation ($input: CreateArtifactInput!) {
      createArtifact(input: $input) { ... on ArtifactPayload { artifact { id } } } }`;
    const body = JSON.stringify({
      query,
      variables: { input: { type, name: `${kind}-${randomBytes(6).toString('hex')}`, properties } },
    });
    const answer = await proxy.ask('/graphql', {
      method: 'POST',
      headers: headers({ 'content-type': 'application/json' }),
      body,
    });
    expect(answer.status).toBe(200);
    return JSON.parse(answer.body.toString()).data.createArtifact.artifact.id;
  }
  const createImage = () => createDraft('image', { disk_format: 'raw', container_format: 'bare' });
  const octets = { 'content-type': 'application/octet-stream' };
  const send = (id: string, body: Buffer | Readable, more: object = {}) =>
    proxy.ask(`/v2/images/${id}/file`, { method: 'PUT', headers: headers({ ...octets, ...more }), body });

  it('an image goes up in chunks and comes down whole, by range and by condition, byte for byte', async () => {
    const id = await createImage();
    const bytes = randomBytes(24 * mebibyte + 7);
    const path = `/v2/images/${id}/file`;
    expect((await send(id, Readable.from(pieces(bytes, 300_000)))).status).toBe(204);
    const whole = await proxy.ask(path, { headers: headers({ 'accept-encoding': 'gzip' }) });
    expect(whole.headers).toMatchObject({
      'content-length': String(bytes.length),
      'content-type': 'application/octet-stream',
      'content-md5': createHash('md5').update(bytes).digest('hex'),
      etag: `"sha256:${sha256(bytes)}"`,
      'accept-ranges': 'bytes',
      'x-openstack-request-id': expect.stringMatching(/^req-/),
    });
    expect(sha256(whole.body)).toBe(sha256(bytes));
    const etag = whole.headers.etag ?? '';
    const part = await proxy.ask(path, { headers: headers({ range: 'bytes=20000000-', 'if-range': etag }) });
    expect([part.status, part.headers['content-range']]).toEqual([206, `bytes 20000000-${bytes.length - 1}/${bytes.length}`]);
    expect(part.body.equals(bytes.subarray(20_000_000))).toBe(true);
    expect((await proxy.ask(path, { headers: headers({ 'if-none-match': etag }) })).status).toBe(304);
    expect((await proxy.ask(path, { headers: headers({ range: 'bytes=99999999-' }) })).status).toBe(416);
    const head = await proxy.ask(path, { method: 'HEAD', headers: headers() });
    expect([head.headers['content-length'], head.body.length]).toEqual([String(bytes.length), 0]);
    if (kind === 'nginx') expect(readdirSync(join(proxy.folder, 'gathered'))).toEqual([]);
  });

  it('bytes reach the node as they come, none of them gathered before', async () => {
    const id = await createImage();
    const source = new PassThrough();
    const sending = send(id, source);
    source.write(randomBytes(mebibyte));
    const show = async (): Promise<string> =>
      JSON.parse((await proxy.ask(`/v2/images/${id}`, { headers: headers() })).body.toString()).status;
    await expect.poll(show, { timeout: 10_000 }).toBe('saving');
    source.end(randomBytes(mebibyte));
    expect((await sending).status).toBe(204);
    expect(await show()).toBe('active');
  });

  it('a path is what was sent: an encoded slash draws no border, and dots climb nowhere', async () => {
    const id = await createDraft('bundle');
    const slot = `/api/v1/artifacts/${id}/slots/files`;
    const put = (path: string) => proxy.ask(`${slot}/${path}`, { method: 'PUT', headers: headers(), body: path });
    expect((await put('caf%C3%A9%20au/lait%3F')).status).toBe(201);
    expect((await proxy.ask(`${slot}/caf%C3%A9%20au/lait%3F`, { headers: headers() })).body.toString()).toBe(
      'caf%C3%A9%20au/lait%3F',
    );
    expect((await put('a%2Fb')).status).toBe(400);
    expect((await put('a//b')).status).toBe(400);
    expect((await put('a/%2e%2e/b')).status).toBe(400);
  });

  it('clients are sent to where they came from, and not to a node', async () => {
    const body = JSON.stringify({ name: 'made', disk_format: 'raw', container_format: 'bare' });
    const made = await proxy.ask('/v2/images', {
      method: 'POST',
      headers: headers({ 'content-type': 'application/json' }),
      body,
    });
    expect(made.status).toBe(201);
    expect(made.headers.location).toBe(`https://images.example.org/v2/images/${JSON.parse(made.body.toString()).id}`);
    const versions = await proxy.ask('/');
    expect(versions.status).toBe(300);
    expect(JSON.parse(versions.body.toString()).versions[0].links[0].href).toBe('https://images.example.org/v2/');
  });

  it('a dashboard’s page may upload from the browser', async () => {
    const origin = 'https://dashboard.example.org';
    const id = await createImage();
    const asked = await proxy.ask(`/v2/images/${id}/file`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'PUT', 'access-control-request-headers': 'content-type,x-auth-token' },
    });
    expect([asked.status, asked.headers['access-control-allow-origin']]).toEqual([204, origin]);
    const sent = await send(id, Buffer.from('from a browser'), { origin });
    expect([sent.status, sent.headers['access-control-allow-origin']]).toEqual([204, origin]);
  });

  it('what the node refuses is its own word, also while the sender still sends', async () => {
    const id = await createImage();
    const big = () => Readable.from(pieces(Buffer.alloc(20 * mebibyte), 65_536));
    const unknown = await proxy.ask(`/v2/images/${id}/file`, {
      method: 'PUT',
      headers: { ...octets, 'x-auth-token': 'bad' },
      body: big(),
    });
    expect([unknown.status, unknown.headers['content-type']]).toEqual([401, 'text/html; charset=UTF-8']);
    expect((await send(id, big(), { 'content-type': 'text/plain' })).status).toBe(415);
    const wrongMethod = await proxy.ask(`/v2/images/${id}`, { method: 'POST', headers: headers() });
    expect(wrongMethod.status).toBe(405);
    expect(wrongMethod.headers.allow).toContain('GET');
    const missing = await proxy.ask('/api/v1/artifacts/none/slots/data', { headers: headers() });
    expect([missing.status, missing.headers['content-type']]).toEqual([404, 'application/problem+json']);
  });

  it('nobody is the developer on the node’s machine, and long tokens are the node’s to judge', async () => {
    expect((await fetch(`${nodes[0].url}/v2/images/x`)).status).toBe(404);
    expect((await proxy.ask('/v2/images/x')).status).toBe(401);
    expect((await proxy.ask('/v2/images/x', { headers: { 'x-auth-token': 'x'.repeat(20_000) } })).status).toBe(401);
  });

  it('metrics and readiness stay inside, and plain HTTP is sent to TLS with its method', async () => {
    expect((await proxy.ask('/healthz')).status).toBe(200);
    for (const path of ['/metrics', '/readyz', '/%6detrics', '/metric%73', '/ready%7A?x']) {
      expect((await proxy.ask(path)).status).toBe(404);
    }
    const plain = await fetch(`http://localhost:${proxy.port}/v2/images?x=1`, { redirect: 'manual' });
    expect(plain.status).toBe(308);
    expect(plain.headers.get('location')).toMatch(/^https:\/\/localhost.*\/v2\/images\?x=1$/);
  });

  it('a node can be stopped under load: what runs on it ends whole, and no request of any method fails', async () => {
    await using leaving = await startVitrine({ env });
    await using shared = await startProxy(kind, [address(leaving), address(nodes[1])]);
    const id = await createDraft('bundle');
    const counts = new Map<number, number>();
    let isOver = false;
    const work = async (worker: number): Promise<void> => {
      for (let turn = 0; !isOver; turn += 1) {
        const path = `/api/v1/artifacts/${id}/slots/files/${worker}/${turn}`;
        const body = JSON.stringify({ query: '{ __typename }' });
        const json = headers({ 'content-type': 'application/json' });
        for (const answer of [
          await shared.ask(path, { method: 'PUT', headers: headers(), body: 'x' }),
          await shared.ask(path, { headers: headers() }),
          await shared.ask('/graphql', { method: 'POST', headers: json, body }),
        ]) {
          counts.set(answer.status, (counts.get(answer.status) ?? 0) + 1);
        }
      }
    };
    const workers = [0, 1, 2].map(work);
    await sleep(500);
    const long = await beginUpload(leaving, id);
    const exited = new Promise<number | null>((resolve) => leaving.child.once('exit', resolve));
    shared.takeOut(address(leaving));
    leaving.child.kill('SIGTERM');
    // Past the notice, when its listener is closed.
    await expect
      .poll(
        () =>
          fetch(leaving.url).then(
            () => 'open',
            () => 'closed',
          ),
        { timeout: 20_000 },
      )
      .toBe('closed');
    await sleep(500);
    expect(await long()).toBe(201);
    expect(await exited).toBe(0);
    await sleep(500);
    isOver = true;
    await Promise.all(workers);
    expect(Object.fromEntries(counts)).toEqual({ 200: expect.any(Number), 201: expect.any(Number) });
    expect(counts.get(201)).toBeGreaterThan(30);
  }, 120_000);
});

/** An upload straight to a node, half of it sent; what is returned sends the rest and answers with its status. */
async function beginUpload(node: VitrineProcess, id: string): Promise<() => Promise<number>> {
  const { hostname, port } = new URL(node.url);
  const path = `/api/v1/artifacts/${id}/slots/files/long`;
  const request = httpRequest({ hostname, port, method: 'PUT', path, headers: { 'x-auth-token': token, 'content-length': 8 } });
  const answered = new Promise<number>((resolve, reject) => {
    request.once('error', reject).once('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
  });
  request.write('half');
  await sleep(200);
  return () => {
    request.end('half');
    return answered;
  };
}

function* pieces(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
