import { randomBytes } from 'node:crypto';
import type { HttpRequest, HttpResponse } from 'tus-js-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createArtifact } from '#ops/create-artifact.ts';
import { createPageFetch } from '#test/support/page-fetch.ts';
import { startTestServer, type TestServer } from '#test/support/server.ts';
import { tusUpload } from '#test/support/tus-client.ts';
import { encodeMetadata } from '#test/support/tus-request.ts';

const origin = 'https://dashboard.example.org';
const page = createPageFetch(origin);
const version = { 'Tus-Resumable': '1.0.0' };
const bytesType = { 'Content-Type': 'application/offset+octet-stream' };

let server: TestServer;
let token: { readonly authorization: string };
let uploads: string;
beforeAll(async () => {
  server = await startTestServer({ http: { corsOrigins: [origin] } });
  token = await server.tokenFor('blue', 'member');
  uploads = `${server.url}/api/v1/uploads`;
});
afterAll(() => server[Symbol.asyncDispose]());

const newDraft = async (): Promise<string> => (await createArtifact(server.actAs('blue'), { type: 'kit' })).id;

/** The network of tus-js-client in a page of `from`. */
const networkOf = (from: string) => ({
  getName: () => 'a page',
  createRequest: (method: string, url: string) => createRequest(createPageFetch(from), method, url),
});

function createRequest(pageFetch: typeof page, method: string, url: string): HttpRequest {
  const headers: Record<string, string> = {};
  return {
    getMethod: () => method,
    getURL: () => url,
    setHeader: (name, value) => {
      headers[name] = value;
    },
    getHeader: (name) => headers[name],
    setProgressHandler: () => undefined,
    send: async (body: Uint8Array | null | undefined) => {
      const bytes = body === null || body === undefined ? {} : { body: new Uint8Array(body) };
      return toResponse(await pageFetch(url, { method, headers, ...bytes }));
    },
    abort: async () => undefined,
    getUnderlyingObject: () => undefined,
  };
}

async function toResponse(answer: Response): Promise<HttpResponse> {
  const text = await answer.text();
  return {
    getStatus: () => answer.status,
    getHeader: (name) => answer.headers.get(name) ?? undefined,
    getBody: () => text,
    getUnderlyingObject: () => answer,
  };
}

describe('tus-js-client in a page of a configured origin', () => {
  const send = (id: string, bytes: Buffer, more: Parameters<typeof tusUpload>[2] = {}) => {
    const metadata = { artifact: id, slot: 'main' };
    return tusUpload(uploads, bytes, { headers: token, metadata, httpStack: networkOf(origin), retryDelays: [], ...more });
  };
  const stored = async (id: string): Promise<Buffer> =>
    Buffer.from(await (await page(`${server.url}/api/v1/artifacts/${id}/slots/main`, { headers: token })).arrayBuffer());

  it.each([
    ['in pieces', { chunkSize: 100_000 }],
    ['with the first bytes in the creation', { chunkSize: 100_000, uploadDataDuringCreation: true }],
    ['whose length comes last', { chunkSize: 100_000, uploadLengthDeferred: true }],
    ['with POST in place of PATCH', { chunkSize: 100_000, overridePatchMethod: true }],
    ['as parts that are joined', { parallelUploads: 3, metadataForPartialUploads: {} }],
  ])('sends a blob %s', async (_name, options) => {
    const id = await newDraft();
    const bytes = randomBytes(250_000);
    const { done, troubles } = send(id, bytes, options);
    await done;
    expect(troubles).toEqual([]);
    expect(await stored(id)).toEqual(bytes);
  });

  it('goes on with what it began, and gives up what it does not want', async () => {
    const id = await newDraft();
    const bytes = randomBytes(250_000);
    const metadata = encodeMetadata({ artifact: id, slot: 'main' });
    const begin = { ...token, ...version, ...bytesType, 'Upload-Length': '250000', 'Upload-Metadata': metadata };
    const begun = await page(uploads, { method: 'POST', headers: begin, body: new Uint8Array(bytes.subarray(0, 100_000)) });
    const uploadUrl = new URL(begun.headers.get('location') ?? '', uploads).href;
    const { done, confirmed } = send(id, bytes, { uploadUrl, chunkSize: 100_000 });
    await done;
    expect(confirmed).toEqual([200_000, 250_000]);
    expect(await stored(id)).toEqual(bytes);

    const other = await newDraft();
    const unwanted = await page(uploads, {
      method: 'POST',
      headers: {
        ...token,
        ...version,
        'Upload-Length': '10',
        'Upload-Metadata': encodeMetadata({ artifact: other, slot: 'main' }),
      },
    });
    const url = new URL(unwanted.headers.get('location') ?? '', uploads).href;
    expect((await page(url, { method: 'DELETE', headers: { ...token, ...version } })).status).toBe(204);
    expect((await page(url, { method: 'HEAD', headers: { ...token, ...version } })).status).toBe(404);
  });

  it('gets nowhere in a page of another origin', async () => {
    const { done } = send(await newDraft(), randomBytes(10), { httpStack: networkOf('https://elsewhere.example.org') });
    await expect(done).rejects.toThrow(/the preflight was answered 401/);
  });
});

describe('what the upload protocol answers', () => {
  it('is shown to the page, every field of it', async () => {
    const id = await newDraft();
    const place = { 'Upload-Metadata': encodeMetadata({ artifact: id, slot: 'main' }) };
    const create = { method: 'POST', headers: { ...token, ...version, 'Upload-Length': '10', ...place } };
    const url = new URL((await page(uploads, create)).headers.get('location') ?? '', uploads).href;
    const deferred = { ...create, headers: { ...token, ...version, 'Upload-Defer-Length': '1', 'Upload-Concat': 'partial' } };
    const part = new URL((await page(uploads, deferred)).headers.get('location') ?? '', uploads).href;
    const patch = (offset: string) => ({
      method: 'PATCH',
      headers: { ...token, ...version, ...bytesType, 'Upload-Offset': offset },
      body: new Uint8Array(5),
    });
    const seen = new Set<string>();
    for (const [at, init] of [
      [uploads, { method: 'OPTIONS', headers: token }],
      [url, { method: 'HEAD', headers: { ...token, ...version } }],
      [part, { method: 'HEAD', headers: { ...token, ...version } }],
      [url, patch('0')],
      [url, patch('7')],
      [url, { method: 'HEAD', headers: { ...token, 'Tus-Resumable': '0.2.2' } }],
      [uploads, create],
    ] as const) {
      const raw = await fetch(at, { ...init, headers: { ...init.headers, origin } });
      await raw.arrayBuffer();
      const exposed = (raw.headers.get('access-control-expose-headers') ?? '').toLowerCase().split(', ');
      const told = [...raw.headers.keys()].filter((name) => /^(tus|upload|vitrine)-|^location$/.test(name));
      expect(exposed).toEqual(expect.arrayContaining(told));
      for (const name of told) seen.add(name);
    }
    expect([...seen].sort()).toEqual([
      'location',
      'tus-checksum-algorithm',
      'tus-extension',
      'tus-max-size',
      'tus-resumable',
      'tus-version',
      'upload-concat',
      'upload-defer-length',
      'upload-expires',
      'upload-length',
      'upload-metadata',
      'upload-offset',
      'vitrine-upload-state',
    ]);
  });

  it('may be asked for by the page itself', async () => {
    const answer = await page(uploads, { method: 'OPTIONS', headers: token });
    expect(answer.headers.get('tus-extension')).toContain('creation');
    expect(answer.headers.get('tus-max-size')).toBe(String(server.services.settings.maxBlobBytes));
  });
});
