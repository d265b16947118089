import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '#base/app-error.ts';
import type { BlobStore } from '#blobs/blob-store.ts';
import { openBlobs } from '#blobs/blobs.ts';
import type { HttpServer } from '#http/http-server.ts';
import { claimStores } from '#ops/claim-stores.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { startImageServer } from '#test/support/image-server.ts';
import { startTestServer, type TestServer } from '#test/support/server.ts';

const octets = { 'content-type': 'application/octet-stream' };

let stack: AsyncDisposableStack | undefined;
let server: TestServer;
let http: HttpServer;
let blue: Readonly<Record<string, string>>;

/** A store that takes nothing, for one reason or another. */
function refusing(store: BlobStore, name: string, code: 'STORE_FULL' | 'STORE_UNAVAILABLE'): BlobStore {
  const create = async (): Promise<never> => {
    throw new AppError(code);
  };
  return { ...store, name, create };
}

beforeAll(async () => {
  await using opened = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'vitrine-image-stores-'));
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  server = opened.use(await startTestServer());
  const stores = ['fast', 'cheap'].map((name) => ({ name, kind: 'filesystem' as const, path: join(folder, name) }));
  const blobs = opened.use(await openBlobs({ stores, defaultStore: 'fast' }));
  await claimStores(server.services.db, blobs, crypto.randomUUID());
  const more = new Map(blobs.stores);
  for (const [name, code] of [
    ['full', 'STORE_FULL'],
    ['gone', 'STORE_UNAVAILABLE'],
  ] as const) {
    more.set(name, refusing(blobs.defaultStore, name, code));
    const text = 'INSERT INTO store (store_id, name, kind) VALUES ($1, $2, $3)';
    await server.services.db.query({ text }, [crypto.randomUUID(), name, 'filesystem']);
  }
  const store = (name: string): BlobStore => more.get(name) ?? blobs.store(name);
  http = opened.use(await startImageServer(server, { ...blobs, stores: more, store }));
  blue = await server.tokenFor('blue', 'member');
  stack = opened.move();
});
afterAll(() => stack?.[Symbol.asyncDispose]());

const ask = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${http.url}/v2${path}`, { ...init, headers: { ...blue, ...(init.headers as Record<string, string>) } });

async function put(bytes: Buffer<ArrayBuffer>, store?: string): Promise<{ readonly id: string; readonly status: number }> {
  const properties = { disk_format: 'raw', container_format: 'bare' };
  const { id } = await createArtifact(server.actAs('blue'), { type: 'image', properties });
  const headers = store === undefined ? octets : { ...octets, 'x-image-meta-store': store };
  const { status } = await ask(`/images/${id}/file`, { method: 'PUT', body: bytes, headers });
  return { id, status };
}

const storesOf = async (id: string): Promise<string | undefined> =>
  ((await (await ask(`/images/${id}`)).json()) as { readonly stores?: string }).stores;

describe('the data of an image among several stores', () => {
  it('go to the default store, or to the one that is asked for', async () => {
    expect(await storesOf((await put(randomBytes(10))).id)).toBe('fast');
    expect(await storesOf((await put(randomBytes(10), '')).id)).toBe('fast');
    expect(await storesOf((await put(randomBytes(10), 'cheap')).id)).toBe('cheap');
  });

  it('are told in both, sorted, where the same bytes were put into both', async () => {
    const bytes = randomBytes(100);
    const [one, other] = [await put(bytes), await put(bytes, 'cheap')];
    expect([await storesOf(one.id), await storesOf(other.id)]).toEqual(['cheap,fast', 'cheap,fast']);
  });

  it.each([
    ['full', 413],
    ['gone', 503],
    ['nowhere', 400],
  ])('that go to the store %s are refused with %i, and the image stays queued', async (store, expected) => {
    const { id, status } = await put(randomBytes(10), store);
    expect(status).toBe(expected);
    expect(await (await ask(`/images/${id}`)).json()).toMatchObject({ status: 'queued', size: null });
    const { db } = server.services;
    expect(await db.query({ text: 'SELECT 1 FROM upload_session WHERE artifact_id = $1' }, [id])).toEqual([]);
    expect((await ask(`/images/${id}/file`, { method: 'PUT', body: 'good', headers: octets })).status).toBe(204);
  });

  it.each([
    ['?prefer=cheap', 200],
    ['?prefer=cheap,fast', 200],
    ['?prefer=gone', 200],
    ['?prefer=', 200],
    ['?prefer=%20cheap%20,,', 200],
    ['?prefer=cheap&prefer=fast', 200],
    ['?prefer=cheap,nope', 400],
    ['?prefer=__proto__', 400],
  ])('that are asked for with %s are answered with %i', async (query, status) => {
    const bytes = randomBytes(100);
    const { id } = await put(bytes);
    const response = await ask(`/images/${id}/file${query}`);
    expect(response.status).toBe(status);
    if (status === 200) expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true);
    else expect(await response.text()).toContain('store');
    const part = await ask(`/images/${id}/file${query}`, { headers: { range: 'bytes=0-9' } });
    expect(part.status).toBe(status === 200 ? 206 : status);
  });

  it('may be listed by name, the default one marked', async () => {
    expect(await (await ask('/info/stores')).json()).toEqual({
      stores: [{ id: 'cheap' }, { id: 'fast', default: 'true' }, { id: 'full' }, { id: 'gone' }],
    });
  });
});
