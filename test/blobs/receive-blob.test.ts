import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { BlobStore } from '#blobs/blob-store.ts';
import { newObjectKey, type ReceiveOptions } from '#blobs/blobs.ts';
import { type BlobFolder, openBlobFolder } from '#test/support/blob-folder.ts';

const mebibyte = 1024 * 1024;
const never = new AbortController().signal;
let folder: BlobFolder;

beforeAll(async () => {
  folder = await openBlobFolder();
});
afterAll(async () => {
  await folder[Symbol.asyncDispose]();
});

type Options = Partial<ReceiveOptions>;

function receive(source: Readable, options: Options = {}, key = newObjectKey()) {
  return folder.blobs.receive(folder.store, key, source, { limitBytes: 1024 * mebibyte, signal: never, ...options });
}

function digests(bytes: Uint8Array) {
  const digest = (algorithm: string): string => createHash(algorithm).update(bytes).digest('hex');
  return { sha256: digest('sha256'), sha512: digest('sha512'), md5: digest('md5') };
}

/** The bytes cut into pieces of these sizes, over and over. */
function* cut(bytes: Buffer, sizes: readonly number[]): Generator<Buffer> {
  for (let position = 0, turn = 0; position < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    yield bytes.subarray(position, position + size);
    position += size;
  }
}

async function stored(key: string): Promise<Buffer> {
  return Buffer.concat(await (await folder.store.open(key, { signal: never })).toArray());
}

describe('receiving a blob', () => {
  afterEach(async () => {
    for await (const { key } of folder.store.list(never)) await folder.store.remove(key);
  });

  it('computes the digests of node:crypto and keeps the bytes, however they are cut', async () => {
    const shapes = fc.record({
      size: fc.oneof(fc.nat(5000), fc.integer({ min: 120_000, max: 140_000 }), fc.nat(12 * mebibyte)),
      pieces: fc.array(fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1000, max: 3_000_000 })), {
        minLength: 1,
        maxLength: 5,
      }),
    });
    await fc.assert(
      fc.asyncProperty(shapes, async ({ size, pieces }) => {
        const bytes = randomBytes(size);
        // Of millions of tiny pieces only the count would be new.
        const sizes = size > mebibyte ? pieces.map((piece) => Math.max(piece, 5000)) : pieces;
        const key = newObjectKey();
        const received = await receive(Readable.from(cut(bytes, sizes)), {}, key);
        expect(received).toEqual({ sizeBytes: size, ...digests(bytes) });
        expect(Buffer.compare(await stored(key), bytes)).toBe(0);
      }),
      {
        numRuns: 25,
        examples: [
          [{ size: 0, pieces: [1] }],
          [{ size: 131_072, pieces: [131_072] }],
          [{ size: 131_073, pieces: [131_073] }],
          [{ size: 8 * mebibyte, pieces: [mebibyte] }],
          [{ size: 24 * mebibyte + 1, pieces: [24 * mebibyte + 1] }],
          [{ size: 20 * mebibyte, pieces: [65_536] }],
        ],
      },
    );
  });

  it('writes a small blob at once that comes in very many pieces', async () => {
    let writes = 0;
    const counting: BlobStore = {
      ...folder.store,
      async create(...args) {
        const writer = await folder.store.create(...args);
        return {
          ...writer,
          write(bytes) {
            writes += 1;
            return writer.write(bytes);
          },
        };
      },
    };
    for (const [size, mostWrites] of [
      [100_000, 1],
      [131_072, 1],
      [131_073, 1],
      [64, 64],
    ] as const) {
      const bytes = randomBytes(size);
      const key = newObjectKey();
      writes = 0;
      const options = { limitBytes: mebibyte, signal: never };
      const received = await folder.blobs.receive(counting, key, Readable.from(cut(bytes, [1])), options);
      expect(received).toEqual({ sizeBytes: size, ...digests(bytes) });
      expect(Buffer.compare(await stored(key), bytes)).toBe(0);
      expect(writes).toBeLessThanOrEqual(mostWrites);
    }
  });

  it('receives many at once, each its own', async () => {
    const contents = Array.from({ length: 14 }, (_, index) => randomBytes(100_000 + index * 700_000));
    const received = await Promise.all(contents.map((bytes) => receive(Readable.from(cut(bytes, [65_536])))));
    expect(received).toEqual(contents.map((bytes) => ({ sizeBytes: bytes.length, ...digests(bytes) })));
  });

  it('lets a small upload through while large ones keep coming', async () => {
    const stop = new AbortController();
    const endless = Array.from({ length: 4 }, () =>
      receive(Readable.from(endlessly(Buffer.alloc(65_536))), { signal: stop.signal, limitBytes: Number.MAX_SAFE_INTEGER }),
    );
    const bytes = randomBytes(3 * mebibyte);
    expect(await receive(Readable.from(cut(bytes, [65_536])))).toMatchObject(digests(bytes));
    stop.abort(new Error('enough'));
    for (const outcome of await Promise.allSettled(endless)) expect(outcome).toMatchObject({ reason: { message: 'enough' } });
  });

  it('waits for a source that pauses, and tells its progress a few times a second', async () => {
    const bytes = randomBytes(3 * mebibyte);
    const seen: number[] = [];
    const paced = async function* () {
      for (const piece of cut(bytes, [400_000])) {
        await sleep(40);
        yield piece;
      }
    };
    expect(await receive(Readable.from(paced()), { onProgress: (count) => seen.push(count) })).toMatchObject(digests(bytes));
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect(seen.length).toBeLessThanOrEqual(4);
    expect(seen.length).toBeGreaterThanOrEqual(1);
  });

  it('takes exactly as much as the limit and the declared length allow', async () => {
    for (const size of [1000, 2 * mebibyte]) {
      const bytes = randomBytes(size);
      const options = { limitBytes: size, expectedBytes: size, declared: digests(bytes) };
      expect(await receive(Readable.from([bytes]), options)).toMatchObject({ sizeBytes: size });
    }
  });
});

async function* endlessly(piece: Buffer): AsyncGenerator<Buffer> {
  for (;;) {
    yield piece;
    await sleep(0);
  }
}

describe('a blob that cannot be received', () => {
  afterEach(async () => {
    assert.deepEqual(await folder.files(), []);
  });

  it.each([
    [1000, 'small'],
    [10 * mebibyte, 'large'],
  ])('is refused at the first byte over the limit of %i, and the source is destroyed', async (limitBytes) => {
    let given = 0;
    const source = Readable.from(
      (async function* () {
        for (;;) {
          given += 50_000;
          yield Buffer.alloc(50_000);
        }
      })(),
    );
    await expect(receive(source, { limitBytes })).rejects.toMatchObject({ code: 'BLOB_TOO_LARGE' });
    expect(source.destroyed).toBe(true);
    // What the stream itself buffers ahead, in objects.
    expect(given).toBeLessThan(limitBytes + 50_000 * (source.readableHighWaterMark + 2));
  });

  it('is refused before the first byte when it declares more than the limit', async () => {
    const source = new Readable({ read: () => expect.unreachable('nothing is read') });
    const attempt = receive(source, { limitBytes: 10, expectedBytes: 11 });
    await expect(attempt).rejects.toMatchObject({ code: 'BLOB_TOO_LARGE', details: { limitBytes: 10 } });
    expect(source.destroyed).toBe(true);
  });

  it.each([10, 3 * mebibyte])('is refused when another number of bytes comes than the %i declared', async (expectedBytes) => {
    for (const size of [0, expectedBytes - 1, expectedBytes + 1]) {
      const attempt = receive(Readable.from(cut(Buffer.alloc(size), [65_536])), { expectedBytes });
      await expect(attempt).rejects.toMatchObject({ code: 'BLOB_SIZE_MISMATCH' });
    }
  });

  it.each([1000, 3 * mebibyte])('is refused when a declared digest of %i bytes differs, in any algorithm', async (size) => {
    const bytes = randomBytes(size);
    const right = digests(bytes);
    const wrong = digests(Buffer.from('other'));
    for (const algorithm of ['sha256', 'sha512', 'md5'] as const) {
      const declared = { ...right, [algorithm]: wrong[algorithm] };
      await expect(receive(Readable.from([bytes]), { declared })).rejects.toMatchObject({ code: 'BLOB_DIGEST_MISMATCH' });
    }
  });

  it('is interrupted when its source ends early, fails, or was over before', async () => {
    const failing = (after: number) =>
      Readable.from(
        (async function* () {
          for (let sent = 0; sent < after; sent += 50_000) yield Buffer.alloc(50_000);
          throw new Error('cut off');
        })(),
      );
    for (const after of [0, 50_000, 12 * mebibyte]) {
      await expect(receive(failing(after))).rejects.toMatchObject({ code: 'UPLOAD_INTERRUPTED' });
    }
    const closing = new Readable({ read() {} });
    closing.push(Buffer.alloc(300_000));
    setTimeout(() => closing.destroy(), 10);
    await expect(receive(closing)).rejects.toMatchObject({ code: 'UPLOAD_INTERRUPTED' });
    await expect(receive(closing)).rejects.toMatchObject({ code: 'UPLOAD_INTERRUPTED' });
  });

  it('leaves nothing wherever it is aborted', async () => {
    const reason = new Error('enough');
    await fc.assert(
      fc.asyncProperty(fc.nat(14 * mebibyte), fc.nat(2), async (at, ticks) => {
        const controller = new AbortController();
        const source = Readable.from(
          (async function* () {
            for (let sent = 0; sent < 15 * mebibyte; sent += 65_536) {
              if (sent <= at && at < sent + 65_536) setTimeout(() => controller.abort(reason), ticks);
              yield Buffer.alloc(65_536);
              if (sent > at) await sleep(1);
            }
          })(),
        );
        await expect(receive(source, { signal: controller.signal })).rejects.toBe(reason);
        expect(source.destroyed).toBe(true);
        expect(await folder.files()).toEqual([]);
      }),
      { numRuns: 25 },
    );
    await expect(receive(Readable.from(['x']), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  it('leaves its source paused and whole when asked to', async () => {
    const source = Readable.from(cut(Buffer.alloc(mebibyte), [10_000]));
    await expect(receive(source, { limitBytes: 300_000, leaveSource: true })).rejects.toMatchObject({ code: 'BLOB_TOO_LARGE' });
    expect(source.destroyed).toBe(false);
    expect(source.isPaused()).toBe(true);
    source.destroy(new Error('nobody listens'));
  });

  it('is a mistake of the program when it is not made of bytes or its key is not a key', async () => {
    await expect(receive(Readable.from([{ not: 'bytes' }]))).rejects.toThrow(TypeError);
    await expect(receive(Readable.from(['x']), {}, '../x')).rejects.toThrow(TypeError);
  });
});
