import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { BlobStore } from '#blobs/blob-store.ts';
import { newObjectKey } from '#blobs/blobs.ts';
import { openS3Store } from '#blobs/drivers/s3.ts';
import { type FlakyProxy, startFlakyProxy, type Verdict } from '#test/support/flaky-proxy.ts';
import { minioBinary, startMinio } from '#test/support/minio.ts';
import type { S3Server } from '#test/support/s3-server.ts';
import { mustSkip } from '#test/support/suites.ts';

const mebibyte = 1024 * 1024;
const never = new AbortController().signal;
const isPart = (request: IncomingMessage): boolean => request.method === 'PUT' && request.url?.includes('partNumber=') === true;
const isSingle = (request: IncomingMessage): boolean => request.method === 'PUT' && !isPart(request);
const isBegin = (request: IncomingMessage): boolean => request.method === 'POST' && request.url?.includes('uploads=') === true;
const isComplete = (request: IncomingMessage): boolean => request.method === 'POST' && !isBegin(request);
const isGet = (request: IncomingMessage): boolean => request.method === 'GET';

const missing = minioBinary === undefined ? ['a MinIO binary (VITRINE_TEST_MINIO)'] : [];

describe.skipIf(mustSkip('s3', missing))('an S3 store (MinIO) that misbehaves', () => {
  let server: S3Server;
  let proxy: FlakyProxy;
  let spoolDir: string;
  let store: BlobStore;

  beforeAll(async () => {
    server = await startMinio();
    proxy = await startFlakyProxy(server.endpoint);
    spoolDir = await mkdtemp(join(tmpdir(), 'vitrine-spool-'));
    store = await openS3Store({ ...server.storeConfig('faults'), endpoint: proxy.endpoint, spoolDir, idleTimeoutMs: 1500 });
  });
  afterAll(async () => {
    await store?.[Symbol.asyncDispose]();
    await proxy?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
    await rm(spoolDir, { recursive: true });
  });
  afterEach(async () => {
    proxy.decide = () => 'pass';
    for await (const { key } of store.list(never)) await store.remove(key);
    assert.deepEqual(await server.unfinishedUploads(), []);
    assert.deepEqual(await readdir(spoolDir), []);
  });

  /** The verdict for the first `times` requests of this kind. */
  const firstTimes = (times: number, matches: (request: IncomingMessage) => boolean, verdict: Verdict): void => {
    let left = times;
    proxy.decide = (request) => {
      if (left === 0 || !matches(request)) return 'pass';
      left -= 1;
      return verdict;
    };
  };

  const write = async (bytes: Uint8Array, signal = never): Promise<string> => {
    const key = newObjectKey();
    await using writer = await store.create(key, { signal });
    await writer.write(bytes);
    await writer.finish();
    return key;
  };

  it.each([
    ['a part meets 503 twice', isPart, 503, 2],
    ['a part meets 500 three times', isPart, 500, 3],
    ['the connection of a part is cut', isPart, 'cut', 2],
    ['the answer to a part is lost', isPart, 'lose', 2],
    ['a part hangs once', isPart, 'hang', 1],
    ['the answer to the beginning is lost', isBegin, 'lose', 1],
    ['the completion meets 503', isComplete, 503, 2],
    ['the answer to the completion is lost', isComplete, 'lose', 2],
  ] as const)('keeps an object of several parts when %s', async (_, matches, verdict, times) => {
    const bytes = randomBytes(20 * mebibyte);
    firstTimes(times, matches, verdict);
    const key = await write(bytes);
    const stored = Buffer.concat(await (await store.open(key, { signal: never })).toArray());
    expect(Buffer.compare(stored, bytes)).toBe(0);
  });

  it.each([
    ['meets 503', 503],
    ['is cut', 'cut'],
    ['loses its answer', 'lose'],
  ] as const)('keeps a small object whose PUT %s', async (_, verdict) => {
    firstTimes(2, isSingle, verdict);
    const key = await write(Buffer.from('small'));
    expect(Buffer.from(await store.read(key, 0, 10)).toString()).toBe('small');
  });

  it.each([
    ['parts are refused', isPart, 503],
    ['parts hang', isPart, 'hang'],
    ['parts are cut', isPart, 'cut'],
    ['the beginning hangs', isBegin, 'hang'],
    ['the answers to the beginning are lost', isBegin, 'lose'],
    ['the completion is refused', isComplete, 500],
  ] as const)('says that it is unavailable when %s for good, and leaves nothing', async (_, matches, verdict) => {
    proxy.decide = (request) => (matches(request) ? verdict : 'pass');
    await expect(write(randomBytes(20 * mebibyte))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(await Array.fromAsync(store.list(never))).toEqual([]);
  });

  it('removes an object whose completion succeeded without ever saying so', async () => {
    const isHeadOrComplete = (request: IncomingMessage): boolean => isComplete(request) || request.method === 'HEAD';
    proxy.decide = (request) => (isHeadOrComplete(request) ? (isComplete(request) ? 'lose' : 'cut') : 'pass');
    await expect(write(randomBytes(20 * mebibyte))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(await Array.fromAsync(store.list(never))).toEqual([]);
  });

  it('rejects at once with the reason when the signal aborts while the store hangs', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    proxy.decide = (request) => {
      if (!isPart(request)) return 'pass';
      setTimeout(() => controller.abort(reason), 20);
      return 'hang';
    };
    await expect(write(randomBytes(60 * mebibyte), controller.signal)).rejects.toBe(reason);
  });

  it('never writes over an object that is there', async () => {
    const key = newObjectKey();
    const writeTo = async (bytes: Uint8Array): Promise<void> => {
      await using writer = await store.create(key, { signal: never });
      await writer.write(bytes);
      await writer.finish();
    };
    await writeTo(Buffer.from('first'));
    for (const bytes of [Buffer.from('later'), randomBytes(20 * mebibyte)]) {
      await expect(writeTo(bytes)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    }
    expect(Buffer.from(await store.read(key, 0, 10)).toString()).toBe('first');
  });

  it('reads again what could not be read at first, and says so when it cannot', async () => {
    const key = await write(Buffer.from('small'));
    firstTimes(2, isGet, 503);
    expect(Buffer.from(await store.read(key, 0, 10)).toString()).toBe('small');
    proxy.decide = (request) => (isGet(request) ? 'hang' : 'pass');
    await expect(store.read(key, 0, 10)).rejects.toMatchObject({ code: 'BLOB_UNAVAILABLE' });
    await expect(store.open(key, { signal: never })).rejects.toMatchObject({ code: 'BLOB_UNAVAILABLE' });
  });

  it('sends parts that are too large for memory from a file', async () => {
    const tuned = await openS3Store(
      { ...server.storeConfig('faults'), endpoint: proxy.endpoint, spoolDir },
      { planParts: () => (number) => (number <= 2 ? 5 * mebibyte : 18 * mebibyte) },
    );
    const bytes = randomBytes(50 * mebibyte);
    const key = newObjectKey();
    firstTimes(2, (request) => request.url?.includes('partNumber=3') === true, 503);
    {
      await using writer = await tuned.create(key, { signal: never });
      for (let at = 0; at < bytes.length; at += mebibyte) await writer.write(bytes.subarray(at, at + mebibyte));
      await writer.finish();
    }
    const stored = Buffer.concat(await (await tuned.open(key, { signal: never })).toArray());
    expect(Buffer.compare(stored, bytes)).toBe(0);
    const parts = new Set(proxy.seen.flatMap((line) => /partNumber=(\d+)/.exec(line)?.[1] ?? []));
    expect(parts).toContain('5');
    const given = await tuned.create(newObjectKey(), { signal: never });
    await given.write(bytes);
    await given.abort();
    await tuned[Symbol.asyncDispose]();
  });

  it('lists more objects than fit on one page', async () => {
    const paged = await openS3Store({ ...server.storeConfig('faults') }, { listPageMax: 3 });
    const keys: string[] = [];
    for (let count = 0; count < 10; count += 1) keys.push(await write(Buffer.from('x')));
    const listed = await Array.fromAsync(paged.list(never));
    expect(listed.map(({ key }) => key).toSorted()).toEqual(keys.toSorted());
    await paged[Symbol.asyncDispose]();
  });

  it('does not open without its bucket, with wrong credentials, or when nothing answers; and tells no secret', async () => {
    const config = server.storeConfig('nowhere');
    const secretKey = 'a-wrong-secret-key';
    for (const wrong of [
      { ...config, createBucket: false },
      { ...config, bucket: 'faults', secretKey },
      { ...config, bucket: 'faults', accessKey: 'a-wrong-access-key' },
      { ...config, endpoint: 'http://127.0.0.1:1' },
    ]) {
      const error: unknown = await openS3Store(wrong).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE' });
      const told = inspect(error, { depth: 10 });
      for (const secret of [wrong.secretKey, wrong.accessKey, 'X-Amz-Signature']) expect(told).not.toContain(secret);
    }
    proxy.decide = () => 'hang';
    const hung = openS3Store({ ...config, endpoint: proxy.endpoint, idleTimeoutMs: 100 });
    await expect(hung).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await expect(openS3Store({ ...config, endpoint: 'ftp://x' })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});
