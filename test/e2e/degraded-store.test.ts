/** A store that stops, comes back, or is slow, under a server that runs on. */
import { randomBytes } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '#test/support/database.ts';
import { type DegradedVitrine, startDegraded, untilDone } from '#test/support/degraded.ts';
import { type FlakyProxy, startFlakyProxy, type Verdict } from '#test/support/flaky-proxy.ts';
import { minioBinary, startMinio } from '#test/support/minio.ts';
import type { S3Server } from '#test/support/s3-server.ts';
import { mustSkip } from '#test/support/suites.ts';

const mebibyte = 1024 * 1024;
const timeoutMs = 240_000;

describe.skipIf(mustSkip('s3', minioBinary === undefined ? ['minio'] : []))('a store', () => {
  let stack: AsyncDisposableStack;
  let database: TestDatabase;
  let minio: S3Server;
  let proxy: FlakyProxy;
  let vitrine: DegradedVitrine;

  beforeEach(async () => {
    stack = new AsyncDisposableStack();
    database = stack.use(await createTestDatabase());
    minio = stack.use(await startMinio());
    proxy = stack.use(await startFlakyProxy(minio.endpoint));
    const store = { ...minio.storeConfig('degraded'), endpoint: proxy.endpoint };
    const env = {
      VITRINE_DATABASE_URL: database.url,
      VITRINE_STORES: JSON.stringify([store]),
      VITRINE_STORAGE_COLLECT_GRACE_MS: '0',
    };
    vitrine = await startDegraded(stack, { env });
  }, timeoutMs);
  afterEach(() => stack.disposeAsync(), timeoutMs);

  const count = async (text: string) => (await database.db.query<{ count: number }>({ text }))[0]?.count;

  it(
    'that is down is said to be, costs nothing that was stored, and is used again when it is back',
    async () => {
      const id = await vitrine.newDraft();
      const stored = randomBytes(2 * mebibyte);
      expect(await vitrine.put(id, 'stored', stored)).toBe('OK');
      const parts = randomBytes(12 * mebibyte);
      const upload = await vitrine.beginTus(id, 'parts', parts.length);
      expect(await vitrine.patchTus(upload, 0, parts.subarray(0, 6 * mebibyte))).toBe('OK');

      const source = new PassThrough();
      const running = vitrine.put(id, 'running', source);
      source.write(randomBytes(10 * mebibyte));
      await untilDone('a request of the upload', async () => (proxy.seen.some(isPart) ? true : undefined));
      await minio.kill();
      source.end(randomBytes(10 * mebibyte));
      expect(await running).toBe('STORE_UNAVAILABLE');
      expect(await vitrine.put(id, 'new', randomBytes(1000))).toBe('STORE_UNAVAILABLE');
      expect(await vitrine.patchTus(upload, 6 * mebibyte, parts.subarray(6 * mebibyte))).toBe('STORE_UNAVAILABLE');
      expect(await vitrine.read(id, 'stored')).toBe('BLOB_UNAVAILABLE');
      expect(await vitrine.list()).toBe('OK');
      expect((await vitrine.mutate('updateArtifact', { id, tags: ['meanwhile'] })).outcome).toBe('OK');
      expect(await vitrine.tusStatus(upload)).toMatchObject({ state: 'open', offset: 6 * mebibyte });

      await minio.restart();
      expect(await vitrine.put(id, 'new', randomBytes(1000))).toBe('OK');
      expect(await vitrine.put(id, 'running', randomBytes(9 * mebibyte))).toBe('OK');
      expect(await vitrine.patchTus(upload, 6 * mebibyte, parts.subarray(6 * mebibyte))).toBe('OK');
      await untilDone('the end of the upload', async () => {
        return (await vitrine.tusStatus(upload)).state === 'finished' ? true : undefined;
      });
      expect(await vitrine.read(id, 'stored')).toEqual(stored);
      expect(await vitrine.read(id, 'parts')).toEqual(parts);
      expect((await vitrine.mutate('publishArtifact', { id })).outcome).toBe('OK');

      await vitrine.runJob('uploads:expire');
      await vitrine.runJob('stores:reconcile', { repair: true, strayAgeMs: 0 });
      expect(await vitrine.runJob('stores:reconcile', { repair: false, strayAgeMs: 0 })).toMatchObject({ isClean: true });
      expect(await count(`SELECT count(*)::integer AS count FROM upload_session WHERE state <> 'finished'`)).toBe(0);
      expect(await minio.unfinishedUploads()).toEqual([]);
    },
    timeoutMs,
  );

  it(
    'that is slow keeps nobody waiting but those who read and write bytes, and they get what they asked for',
    async () => {
      const id = await vitrine.newDraft();
      const stored = randomBytes(mebibyte);
      expect(await vitrine.put(id, 'stored', stored)).toBe('OK');
      const { promise: released, resolve: release } = Promise.withResolvers<Verdict>();
      let held = 0;
      proxy.decide = () => {
        held += 1;
        return released;
      };
      const names = Array.from({ length: 16 }, (_, index) => `slow-${index}`);
      let isAnyDone = false;
      const watch = async <Value>(work: Promise<Value>): Promise<Value> => {
        const value = await work;
        isAnyDone = true;
        return value;
      };
      const uploads = names.map((name) => watch(vitrine.put(id, name, Buffer.concat([stored, Buffer.from(name)]))));
      const downloads = names.map(() => watch(vitrine.read(id, 'stored')));
      await untilDone('requests that wait', async () => (held >= 8 ? true : undefined));
      for (let round = 0; round < 4; round += 1) {
        expect(await vitrine.list()).toBe('OK');
        expect((await vitrine.mutate('updateArtifact', { id: await vitrine.newDraft(), tags: [`round-${round}`] })).outcome).toBe(
          'OK',
        );
      }
      expect(isAnyDone).toBe(false);
      release('pass');
      proxy.decide = () => sleep(150);
      expect(new Set(await Promise.all(uploads))).toEqual(new Set(['OK']));
      for (const bytes of await Promise.all(downloads)) expect(bytes).toEqual(stored);
      // Every request of a large one is slow, and none is given up.
      const large = randomBytes(12 * mebibyte);
      expect(await vitrine.put(id, 'large', large)).toBe('OK');
      const upload = await vitrine.beginTus(id, 'parts', large.length);
      expect(await vitrine.patchTus(upload, 0, large.subarray(0, 7 * mebibyte))).toBe('OK');
      expect(await vitrine.patchTus(upload, 7 * mebibyte, large.subarray(7 * mebibyte))).toBe('OK');
      expect(await vitrine.read(id, 'large')).toEqual(large);
    },
    timeoutMs,
  );
});

function isPart(line: string): boolean {
  return line.startsWith('PUT') && line.includes('partNumber=');
}
