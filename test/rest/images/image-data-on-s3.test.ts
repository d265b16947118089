/** The data of images on a real S3 store: taken, inspected where they lie, and given as from any other store. */
import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '#base/json.ts';
import { type Blobs, openBlobs } from '#blobs/blobs.ts';
import type { HttpServer } from '#http/http-server.ts';
import { claimStores } from '#ops/claim-stores.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { qcow2 } from '#test/sdk/image-formats/images.ts';
import { startImageServer } from '#test/support/image-server.ts';
import { minioBinary, startMinio } from '#test/support/minio.ts';
import { startTestServer, type TestServer } from '#test/support/server.ts';
import { mustSkip } from '#test/support/suites.ts';

describe.skipIf(mustSkip('s3', minioBinary === undefined ? ['MinIO'] : []))('the data of an image in a bucket', () => {
  const stack = new AsyncDisposableStack();
  let server: TestServer;
  let blobs: Blobs;
  let http: HttpServer;
  let blue: Readonly<Record<string, string>>;

  beforeAll(async () => {
    server = stack.use(await startTestServer());
    const minio = stack.use(await startMinio());
    blobs = stack.use(await openBlobs({ stores: [{ ...minio.storeConfig('images'), name: 'bucket' }], defaultStore: 'bucket' }));
    await claimStores(server.services.db, blobs, crypto.randomUUID());
    http = stack.use(await startImageServer(server, blobs));
    blue = await server.tokenFor('blue', 'member');
  }, 60_000);
  afterAll(() => stack.disposeAsync());

  const ask = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`${http.url}/v2${path}`, { ...init, headers: { ...blue, ...(init.headers as Record<string, string>) } });
  const countObjects = async (): Promise<number> =>
    (await Array.fromAsync(blobs.defaultStore.list(new AbortController().signal))).length;

  async function put(
    bytes: Uint8Array<ArrayBuffer>,
    disk_format: string,
  ): Promise<{ readonly id: string; readonly status: number }> {
    const properties = { disk_format, container_format: 'bare' };
    const { id } = await createArtifact(server.actAs('blue'), { type: 'image', properties });
    const headers = { 'content-type': 'application/octet-stream' };
    const { status } = await ask(`/images/${id}/file`, { method: 'PUT', body: bytes, headers });
    return { id, status };
  }

  // One part, several parts, and none.
  it.each([0, 70_000, 20 * 1024 ** 2])(
    'of %i bytes comes and goes whole, in ranges, and only where it has changed',
    async (size) => {
      const bytes = Buffer.from(randomBytes(size));
      const { id, status } = await put(bytes, 'raw');
      expect(status).toBe(204);
      const md5 = createHash('md5').update(bytes).digest('hex');
      const shown = (await (await ask(`/images/${id}`)).json()) as JsonObject;
      expect(shown).toMatchObject({ status: 'active', size, checksum: md5, stores: 'bucket', virtual_size: size });
      const whole = await ask(`/images/${id}/file`);
      const { etag } = Object.fromEntries(whole.headers);
      expect(Object.fromEntries(whole.headers)).toMatchObject({
        'content-md5': md5,
        'content-length': `${size}`,
        'accept-ranges': 'bytes',
      });
      expect(Buffer.from(await whole.arrayBuffer()).equals(bytes)).toBe(true);
      const ranges =
        size === 0
          ? []
          : [
              [0, 0],
              [5, 9_999],
              [size - 3, size - 1],
            ];
      for (const [start = 0, end = 0] of ranges) {
        const part = await ask(`/images/${id}/file`, { headers: { range: `bytes=${start}-${end}` } });
        expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes ${start}-${end}/${size}`]);
        expect(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(start, end + 1))).toBe(true);
      }
      expect((await ask(`/images/${id}/file`, { headers: { range: `bytes=${size}-` } })).status).toBe(416);
      expect((await ask(`/images/${id}/file`, { headers: { 'if-none-match': etag ?? '' } })).status).toBe(304);
    },
  );

  it('is inspected where it lies, and nothing of it is kept where it is refused', async () => {
    const good = await put(Buffer.from(qcow2()), 'qcow2');
    expect(good.status).toBe(204);
    expect(await (await ask(`/images/${good.id}`)).json()).toMatchObject({ virtual_size: 1024 ** 2 });
    const before = await countObjects();
    for (const bytes of [qcow2({ 72: Buffer.from('0000000000000004', 'hex') }), Buffer.from('no qcow2 at all')]) {
      const { id, status } = await put(Buffer.from(bytes), 'qcow2');
      expect(status).toBe(415);
      expect(await (await ask(`/images/${id}`)).json()).toMatchObject({ status: 'queued', size: null });
    }
    expect(await countObjects()).toBe(before);
  });

  it('lies where administrators are told, without a secret', async () => {
    const response = await fetch(`${http.url}/v2/info/stores/detail`, { headers: await server.tokenFor('ops', 'admin') });
    const text = await response.text();
    expect(JSON.parse(text)).toEqual({
      stores: [
        {
          ...{ id: 'bucket', default: 'true', type: 's3', weight: 0 },
          properties: { bucket: 'images', endpoint: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) },
        },
      ],
    });
    expect(text).not.toMatch(/secret|vitrine-test/i);
  });
});
