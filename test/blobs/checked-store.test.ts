import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { BlobStore } from '#blobs/blob-store.ts';
import { newObjectKey, openBlobs } from '#blobs/blobs.ts';
import { checkStore, type StoreObservation } from '#blobs/checked-store.ts';
import { openFilesystemStore } from '#blobs/drivers/filesystem.ts';
import { describeBlobStore } from '#test/suites/blob-store-suite.ts';

const never = new AbortController().signal;

describeBlobStore('checked filesystem', {
  sizes: [],
  resumable: [],
  async open() {
    const path = await mkdtemp(join(tmpdir(), 'vitrine-checked-'));
    const reopen = async () => checkStore(await openFilesystemStore({ name: 'files', kind: 'filesystem', path }));
    return {
      store: await reopen(),
      reopen,
      leftovers: async () => [],
      [Symbol.asyncDispose]: () => rm(path, { recursive: true }),
    };
  },
});

describe('a store that is observed', () => {
  let path: string;
  let store: BlobStore;
  let seen: StoreObservation[];

  beforeAll(async () => {
    path = await mkdtemp(join(tmpdir(), 'vitrine-observed-'));
    const config = { stores: [{ name: 'files', kind: 'filesystem', path } as const], defaultStore: 'files' };
    store = (await openBlobs(config, { observe: (observation) => seen.push(observation) })).defaultStore;
  });
  beforeEach(() => {
    seen = [];
  });
  afterAll(() => rm(path, { recursive: true }));

  const told = () => seen.map(({ operation, bytes, error, running }) => [operation, bytes, error, running]);

  it('tells every operation once, with its bytes', async () => {
    const key = newObjectKey();
    const writer = await store.create(key, { signal: never });
    await writer.write(Buffer.alloc(700));
    await writer.finish();
    await writer.abort();
    await store.stat(key);
    await store.read(key, 0, 30);
    await store.send(key, new PassThrough().resume(), { range: { start: 1, end: 200 }, signal: never });
    await (await store.open(key, { signal: never })).toArray();
    await store.remove(key);
    expect(told()).toEqual([
      ['write', 700, undefined, 0],
      ['stat', 0, undefined, 0],
      ['read', 30, undefined, 0],
      ['send', 200, undefined, 0],
      ['open', 700, undefined, 0],
      ['remove', 0, undefined, 0],
    ]);
    expect(seen.every(({ store: name, kind, durationMs }) => name === 'files' && kind === 'filesystem' && durationMs >= 0)).toBe(
      true,
    );
  });

  it('tells what failed, and what was given up', async () => {
    const key = newObjectKey();
    await expect(store.read(key, 0, 1)).rejects.toMatchObject({ code: 'BLOB_UNAVAILABLE' });
    const writer = await store.create(key, { signal: never });
    await writer.write(Buffer.alloc(5));
    await writer.abort();
    const gone = new PassThrough();
    gone.destroy();
    await using kept = await store.create(key, { signal: never });
    await kept.write(Buffer.alloc(5));
    await kept.finish();
    await expect(store.send(key, gone, { signal: never })).rejects.toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' });
    expect(told()).toEqual([
      ['read', 0, 'BLOB_UNAVAILABLE', 0],
      ['write', 5, 'aborted', 0],
      ['write', 5, undefined, 0],
      ['send', 0, 'aborted', 0],
    ]);
    await store.remove(key);
  });

  it('refuses what is no range and no number of bytes', async () => {
    const key = newObjectKey();
    await expect(store.read(key, -1, 5)).rejects.toThrow(TypeError);
    await expect(store.read(key, 0, Number.NaN)).rejects.toThrow(TypeError);
    await expect(store.open(key, { range: { start: 5, end: 4 }, signal: never })).rejects.toThrow(TypeError);
    await expect(store.send(key, new PassThrough(), { range: { start: 0.5, end: 4 }, signal: never })).rejects.toThrow(TypeError);
  });

  it('lets no more short requests at once through than it may, and all in the end', async () => {
    let running = 0;
    let most = 0;
    const slow: BlobStore = {
      ...store,
      async stat(key) {
        running += 1;
        most = Math.max(most, running);
        await new Promise((resolve) => setTimeout(resolve, 2));
        running -= 1;
        if (key.endsWith('0')) throw new Error('one that fails');
        return undefined;
      },
    };
    const checked = checkStore(slow, { shortRequestsMax: 3 });
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => checked.stat(newObjectKey())));
    expect(outcomes).toHaveLength(20);
    expect(most).toBe(3);
  });
});
