import { createHash, randomBytes } from 'node:crypto';
import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BlobStore } from '#blobs/blob-store.ts';
import { newObjectKey } from '#blobs/blobs.ts';
import { type BlobFolder, openBlobFolder } from '#test/support/blob-folder.ts';

const signal = new AbortController().signal;

describe('reading back what is stored', () => {
  let folder: BlobFolder;

  beforeEach(async () => {
    folder = await openBlobFolder();
  });
  afterEach(() => folder[Symbol.asyncDispose]());

  const put = async (bytes: Buffer): Promise<string> => {
    const key = newObjectKey();
    await folder.blobs.receive(folder.store, key, Readable.from([bytes]), { limitBytes: bytes.length, signal });
    return key;
  };

  it.each([0, 1, 256 * 1024, 20_000_003])('answers the digests of %i bytes', async (size) => {
    const bytes = randomBytes(size);
    const hex = (algorithm: string): string => createHash(algorithm).update(bytes).digest('hex');
    const expected = { sizeBytes: size, sha256: hex('sha256'), sha512: hex('sha512'), md5: hex('md5') };
    expect(await folder.blobs.digest(folder.store, await put(bytes), { signal })).toEqual(expected);
  });

  it('answers for what is there now', async () => {
    const key = await put(randomBytes(1_000_000));
    await truncate(join(folder.path, 'objects', key.slice(0, 2), key), 500_000);
    expect(await folder.blobs.digest(folder.store, key, { signal })).toMatchObject({ sizeBytes: 500_000 });
  });

  it('reads no faster than it may, and tells how far it is', async () => {
    const key = await put(randomBytes(3_000_000));
    const told: number[] = [];
    const startedAt = performance.now();
    await folder.blobs.digest(folder.store, key, {
      signal,
      bytesPerSecond: 5_000_000,
      onProgress: (bytes) => told.push(bytes),
    });
    expect(performance.now() - startedAt).toBeGreaterThan(500);
    expect(told.length).toBeGreaterThanOrEqual(2);
  });

  it('stops with the reason of its signal', async () => {
    const key = await put(randomBytes(3_000_000));
    const reason = new Error('enough');
    const controller = new AbortController();
    const slow = folder.blobs.digest(folder.store, key, { signal: controller.signal, bytesPerSecond: 1 });
    setTimeout(() => controller.abort(reason), 30);
    await expect(slow).rejects.toBe(reason);
  });

  it('says what cannot be read', async () => {
    const missing = folder.blobs.digest(folder.store, newObjectKey(), { signal });
    await expect(missing).rejects.toMatchObject({ code: 'BLOB_UNAVAILABLE' });
    const broken: BlobStore = {
      ...folder.store,
      async open() {
        return new Readable({
          read() {
            this.destroy(Object.assign(new Error('bad sector'), { code: 'EIO' }));
          },
        });
      },
    };
    await expect(folder.blobs.digest(broken, newObjectKey(), { signal })).rejects.toMatchObject({
      code: 'BLOB_UNAVAILABLE',
      message: expect.stringContaining('EIO'),
    });
  });
});
