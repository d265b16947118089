import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { BlobStore, Checkpoint, ResumableObjects } from '#blobs/blob-store.ts';
import { newObjectKey } from '#blobs/blobs.ts';
import { openS3Store } from '#blobs/drivers/s3.ts';
import { type FlakyProxy, startFlakyProxy, type Verdict } from '#test/support/flaky-proxy.ts';
import { minioBinary, startMinio } from '#test/support/minio.ts';
import type { S3Server } from '#test/support/s3-server.ts';
import { mustSkip } from '#test/support/suites.ts';

const mebibyte = 1024 * 1024;
const never = new AbortController().signal;
type Matches = (request: IncomingMessage) => boolean;
const isPart: Matches = ({ method, url }) => method === 'PUT' && url?.includes('partNumber=') === true;
const isTail: Matches = ({ method, url }) => method === 'PUT' && url?.includes('/tail-') === true;
const isBegin: Matches = ({ method, url }) => method === 'POST' && url?.includes('uploads=') === true;
const isComplete: Matches = (request) => request.method === 'POST' && !isBegin(request);
const isDelete: Matches = ({ method }) => method === 'DELETE';
const bytes = randomBytes(21 * mebibyte + 5);

describe.skipIf(mustSkip('s3', minioBinary === undefined ? ['a MinIO binary (VITRINE_TEST_MINIO)'] : []))(
  'an upload in several requests to an S3 store (MinIO) that misbehaves',
  () => {
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
      assert.deepEqual(await unfinished(), []);
      assert.deepEqual(await server.unfinishedUploads(), []);
      assert.deepEqual(await readdir(spoolDir), []);
    });

    const unfinished = (): Promise<string[]> => Array.fromAsync(resumable(store).listUnfinished(never), ({ key }) => key);
    const firstTimes = (times: number, matches: Matches, verdict: Verdict): void => {
      let left = times;
      proxy.decide = (request) => {
        if (left === 0 || !matches(request)) return 'pass';
        left -= 1;
        return verdict;
      };
    };
    const always = (matches: Matches, verdict: Verdict): void => {
      proxy.decide = (request) => (matches(request) ? verdict : 'pass');
    };
    /** One request that ends at `end` and is on record. */
    const append = async (key: string, at: Checkpoint, end: number, target = store): Promise<Checkpoint> => {
      await using writer = await resumable(target).resume(key, at.state, at.offset, { signal: never });
      await writer.write(bytes.subarray(at.offset, end));
      return await writer.checkpoint();
    };
    const begin = async (key: string, expectedBytes?: number): Promise<Checkpoint> => ({
      offset: 0,
      state: await resumable(store).begin(key, { expectedBytes, signal: never }),
    });
    const expectWhole = async (key: string, target = store): Promise<void> => {
      const stored = Buffer.concat(await (await target.open(key, { signal: never })).toArray());
      expect(Buffer.compare(stored, bytes)).toBe(0);
    };

    it.each([
      ['the answer to the beginning is lost', isBegin, 'lose', 1],
      ['a part meets 503 twice', isPart, 503, 2],
      ['the answer to a part is lost', isPart, 'lose', 2],
      ['a tail is cut', isTail, 'cut', 2],
      ['the completion meets 503', isComplete, 503, 2],
      ['the answer to the completion is lost', isComplete, 'lose', 2],
    ] as const)('is kept when %s', async (_, matches, verdict, times) => {
      firstTimes(times, matches, verdict);
      const key = newObjectKey();
      let at = await begin(key);
      for (const end of [3 * mebibyte, 12 * mebibyte, bytes.length]) at = await append(key, at, end);
      await resumable(store).finish(key, at.state, bytes.length, never);
      await expectWhole(key);
    });

    it.each([
      ['parts are refused', isPart, 503],
      ['parts hang', isPart, 'hang'],
      ['answers to parts are lost', isPart, 'lose'],
      ['tails are refused', isTail, 500],
    ] as const)('goes on from the record after %s for a while', async (_, matches, verdict) => {
      const key = newObjectKey();
      const first = await append(key, await begin(key), 9 * mebibyte);
      always(matches, verdict);
      await expect(append(key, first, 19 * mebibyte)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      proxy.decide = () => 'pass';
      const second = await append(key, first, 10 * mebibyte);
      const end = await append(key, second, bytes.length);
      await resumable(store).finish(key, end.state, bytes.length, never);
      await expectWhole(key);
    });

    it('does not use the number of a part again that was cut off', async () => {
      const key = newObjectKey();
      const first = await append(key, await begin(key), 8 * mebibyte);
      const controller = new AbortController();
      proxy.decide = (request) => {
        if (!isPart(request)) return 'pass';
        setTimeout(() => controller.abort(new Error('enough')), 20);
        return 'hang';
      };
      {
        await using writer = await resumable(store).resume(key, first.state, first.offset, { signal: controller.signal });
        const cut = writer.write(bytes.subarray(first.offset)).then(() => writer.checkpoint());
        await expect(cut).rejects.toThrow('enough');
      }
      proxy.decide = () => 'pass';
      const hung = numbersSeen(proxy);
      const end = await append(key, first, bytes.length);
      const since = numbersSeen(proxy).slice(hung.length);
      expect(Math.min(...since)).toBeGreaterThan(Math.max(...hung));
      await resumable(store).finish(key, end.state, bytes.length, never);
      await expectWhole(key);
    });

    it('is finished by a second attempt when the first one never heard of its success', async () => {
      const key = newObjectKey();
      const end = await append(key, await begin(key), bytes.length);
      proxy.decide = (request) => (isComplete(request) ? 'lose' : request.method === 'HEAD' ? 'cut' : 'pass');
      await expect(resumable(store).finish(key, end.state, bytes.length, never)).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
      });
      proxy.decide = () => 'pass';
      await resumable(store).finish(key, end.state, bytes.length, never);
      await expectWhole(key);
    });

    it('is finished also when what it leaves cannot be removed, and that is found later', async () => {
      const key = newObjectKey();
      const end = await append(key, await begin(key), bytes.length);
      always(isDelete, 503);
      await resumable(store).finish(key, end.state, bytes.length, never);
      proxy.decide = () => 'pass';
      expect(await unfinished()).toEqual([key]);
      await resumable(store).abort(key, {});
      await expectWhole(key);
    });

    it('is gone when the store ended it by a rule of its own, and says so', async () => {
      const key = newObjectKey();
      const first = await append(key, await begin(key), 9 * mebibyte);
      await resumable(store).abort(key, {});
      await expect(append(key, { ...first }, bytes.length)).rejects.toMatchObject({ code: 'BLOB_UNAVAILABLE' });
      await expect(resumable(store).finish(key, first.state, first.offset, never)).rejects.toMatchObject({
        code: 'BLOB_UNAVAILABLE',
      });
      await expect(append(key, { offset: 5, state: { uploadId: 'x' } }, 10)).rejects.toMatchObject({ code: 'BLOB_UNAVAILABLE' });
    });

    it('leaves nothing when it cannot begin', async () => {
      always(isBegin, 503);
      await expect(begin(newObjectKey())).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    });

    it('keeps parts and tails that are too large for memory in a file', async () => {
      const config = { ...server.storeConfig('faults'), endpoint: proxy.endpoint, spoolDir };
      // No part may end early: what is left would not fit.
      await using tuned = await openS3Store(config, { planParts: () => (number) => (number < 10_000 ? 18 * mebibyte : 0) });
      const key = newObjectKey();
      let at: Checkpoint = { offset: 0, state: await resumable(tuned).begin(key, { expectedBytes: 5e12, signal: never }) };
      for (const end of [6 * mebibyte, 17 * mebibyte, bytes.length]) at = await append(key, at, end, tuned);
      await resumable(tuned).finish(key, at.state, bytes.length, never);
      await expectWhole(key, tuned);
    });
  },
);

function resumable(store: BlobStore): ResumableObjects {
  if (store.resumable === undefined) throw new Error('the store has no resumable objects');
  return store.resumable;
}

function numbersSeen({ seen }: FlakyProxy): number[] {
  return seen.flatMap((line) => Number(/partNumber=(\d+)/.exec(line)?.[1] ?? Number.NaN)).filter(Number.isFinite);
}
