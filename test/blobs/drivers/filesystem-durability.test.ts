/** What the filesystem store has answered for survives a power cut: every byte was synced, and every name on the way to it. */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { armFailpoints } from '#base/failpoint.ts';
import type { BlobStore } from '#blobs/blob-store.ts';
import { memberKey, newObjectKey } from '#blobs/blobs.ts';
import { syncFolder } from '#blobs/drivers/file-publish.ts';
import { openFilesystemStore } from '#blobs/drivers/filesystem.ts';
import { type SyncWatch, watchSyncs } from '#test/support/watch-syncs.ts';

const signal = new AbortController().signal;

describe('after a power cut', () => {
  let path: string;
  let watch: SyncWatch;
  let store: BlobStore;
  let key: string;

  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), 'vitrine-power-'));
    watch = await watchSyncs();
    store = await openFilesystemStore({ name: 'files', kind: 'filesystem', path });
    await store.claim('store-1');
    key = newObjectKey();
  });
  afterEach(async () => {
    watch[Symbol.dispose]();
    await rm(path, { recursive: true });
  });

  const objectPath = () => `objects/${key.slice(0, 2)}/${key}`;
  const resume = async (offset: number) => {
    if (store.resumable === undefined) throw new Error('not resumable');
    return store.resumable.resume(key, {}, offset, { signal });
  };

  it.each([0, 100, 128 * 1024, 128 * 1024 + 1, 3_000_000])('an object of %i bytes is there whole', async (size) => {
    await using writer = await store.create(key, { signal });
    await writer.write(randomBytes(size));
    await writer.finish();
    expect(watch.survivors(path).get(objectPath())).toBe(size);
  });

  it.each([100, 3_000_000])('an object of %i bytes in a folder that a dead process made is there whole', async (size) => {
    await mkdir(join(path, 'objects', key.slice(0, 2)));
    await using writer = await store.create(key, { signal });
    await writer.write(randomBytes(size));
    await writer.finish();
    expect(watch.survivors(path).get(objectPath())).toBe(size);
  });

  it('objects of one folder that are written at the same time are there whole, each when its own write is over', async () => {
    const put = async (index: number): Promise<void> => {
      const member = memberKey(key, index);
      await using writer = await store.create(member, { signal });
      await writer.write(randomBytes(100 + index));
      await writer.finish();
      // They share the folder's syncs, but none that began before its name was there.
      expect(watch.survivors(path).get(`objects/${key.slice(0, 2)}/${member}`)).toBe(100 + index);
    };
    // In lanes: while one syncs, another makes a name.
    const lanes = Array.from({ length: 8 }, async (_, lane) => {
      for (let index = lane; index < 80; index += 8) await put(index);
    });
    await Promise.all(lanes);
  });

  it('a sync of a folder that fails is told to all who wait for the next, and not to those who come later', async () => {
    armFailpoints('store.filesystem:sync-folder=fail');
    const outcomes = await Promise.allSettled([syncFolder(path), syncFolder(path), syncFolder(path)]);
    armFailpoints('none:none=fail');
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    await Promise.all([syncFolder(path), syncFolder(path), syncFolder(path)]);
    await using writer = await store.create(key, { signal });
    await writer.write(randomBytes(100));
    await writer.finish();
    expect(watch.survivors(path).get(objectPath())).toBe(100);
  });

  it('an object that was not finished is not taken for one', async () => {
    await using writer = await store.create(key, { signal });
    await writer.write(randomBytes(3_000_000));
    expect([...watch.survivors(path).keys()].filter((name) => name.startsWith('objects/'))).toEqual([]);
  });

  it('an unfinished object has what its checkpoints told of, the first one and later ones', async () => {
    for (const offset of [0, 1000]) {
      await using writer = await resume(offset);
      await writer.write(randomBytes(1000));
      expect(await writer.checkpoint()).toMatchObject({ offset: offset + 1000 });
      expect(watch.survivors(path).get(`staged/${key}`)).toBe(offset + 1000);
    }
  });

  it('an object written in several requests is there whole once it is finished', async () => {
    {
      await using writer = await resume(0);
      await writer.write(randomBytes(2000));
      await writer.checkpoint();
    }
    await store.resumable?.finish(key, {}, 2000, signal);
    expect(watch.survivors(path).get(objectPath())).toBe(2000);
  });

  it('an object that a process had given its name when it died is there whole once it is finished again', async () => {
    {
      await using writer = await resume(0);
      await writer.write(randomBytes(2000));
      await writer.checkpoint();
    }
    await mkdir(join(path, 'objects', key.slice(0, 2)));
    await rename(join(path, 'staged', key), join(path, objectPath()));
    await store.resumable?.finish(key, {}, 2000, signal);
    expect(watch.survivors(path).get(objectPath())).toBe(2000);
  });

  it('a finish that fails beside another of the same object takes nothing from it', async () => {
    {
      await using writer = await resume(0);
      await writer.write(randomBytes(2000));
      await writer.checkpoint();
    }
    armFailpoints('store.filesystem:linked=fail');
    await expect(store.resumable?.finish(key, {}, 2000, signal)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    armFailpoints('none:none=fail');
    // As the other has it: linked, and its way there removed.
    expect(await store.stat(key)).toEqual({ key, sizeBytes: 2000 });
    await store.resumable?.finish(key, {}, 2000, signal);
    expect(watch.survivors(path).get(objectPath())).toBe(2000);
  });

  it('an object that was removed is gone', async () => {
    await using writer = await store.create(key, { signal });
    await writer.write(randomBytes(10));
    await writer.finish();
    await store.remove(key);
    expect(watch.survivors(path).has(objectPath())).toBe(false);
  });

  it('the store is still the one that was claimed', () => {
    expect(watch.survivors(path).get('identity')).toBeGreaterThan('store-1'.length - 1);
  });
});
