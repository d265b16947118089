/**
 * What every store driver must do, run against a real one. A driver from outside calls `describeBlobStore` in a test file of
 * its own. After each test the store must hold exactly what the test left in it, and nothing half-written.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { PassThrough, type Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { BlobStore, ByteRange } from 'vitrine/stores';
import { describeResumable } from './resumable-suite.ts';

export interface BlobStoreSubject extends AsyncDisposable {
  readonly store: BlobStore;
  /** The same place, opened once more, as another node would. */
  reopen(): Promise<BlobStore>;
  /** What lies in the store beside finished objects and its identity: half-written files, unfinished uploads. */
  leftovers(): Promise<readonly string[]>;
}

export interface BlobStoreSuiteOptions {
  /** Opens a new, empty store. */
  readonly open: () => Promise<BlobStoreSubject>;
  /** Sizes worth trying beside the small ones: around the driver's own part or buffer sizes. */
  readonly sizes: readonly number[];
  /** For a store that has `resumable`: lengths of the pieces worth trying there, around its own parts. */
  readonly resumable?: readonly number[];
}

const never = new AbortController().signal;

export function describeBlobStore(name: string, options: BlobStoreSuiteOptions): void {
  describe(`the ${name} store`, () => {
    let subject: BlobStoreSubject;
    let store: BlobStore;
    const kept = new Map<string, number>();

    beforeAll(async () => {
      subject = await options.open();
      store = subject.store;
    });
    afterAll(async () => {
      await subject?.[Symbol.asyncDispose]();
    });
    afterEach(async () => {
      const listed = await Array.fromAsync(store.list(never));
      assert.deepEqual(new Map(listed.map(({ key, sizeBytes }) => [key, sizeBytes])), kept);
      assert.deepEqual(await subject.leftovers(), []);
      for (const key of kept.keys()) await store.remove(key);
      kept.clear();
    });

    const put = async (bytes: Uint8Array, expectedBytes?: number): Promise<string> => {
      const key = newKey();
      await write(store, key, [bytes], expectedBytes);
      kept.set(key, bytes.length);
      return key;
    };
    const context: SuiteContext = { subject: () => subject, store: () => store, put, kept };

    describeWriting(context, options.sizes);
    describeGivingUp(context);
    describeReading(context, options.sizes);
    describeStreams(context);
    describeKeeping(context);
    if (options.resumable !== undefined) describeResumable(context, options.resumable);
  });
}

export interface SuiteContext {
  readonly subject: () => BlobStoreSubject;
  readonly store: () => BlobStore;
  /** Stores the bytes under a new key, which `afterEach` then expects. */
  readonly put: (bytes: Uint8Array, expectedBytes?: number) => Promise<string>;
  readonly kept: Map<string, number>;
}

function describeWriting({ store, put, kept }: SuiteContext, sizes: readonly number[]): void {
  it.each([0, 1, 4095, 4096, 4097, ...sizes])('gives back %i bytes as they were written', async (size) => {
    const bytes = randomBytes(size);
    for (const expectedBytes of [undefined, size]) {
      const key = await put(bytes, expectedBytes);
      expect(await store().stat(key)).toEqual({ key, sizeBytes: size });
      expect(equal(await readAll(store(), key), bytes)).toBe(true);
    }
  });

  it('puts any sequence of pieces together in order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 9000 }), { maxLength: 12 }), async (pieces) => {
        const key = newKey();
        const { sizeBytes } = await write(store(), key, pieces);
        const expected = Buffer.concat(pieces);
        expect(sizeBytes).toBe(expected.length);
        expect(equal(await readAll(store(), key), expected)).toBe(true);
        await store().remove(key);
      }),
      { numRuns: 15 },
    );
  });

  it('lets the caller reuse its memory as soon as a write has resolved', async () => {
    const key = newKey();
    const memory = Buffer.alloc(100_000);
    await using writer = await store().create(key, { signal: never });
    for (const value of [1, 2, 3]) await writer.write(memory.fill(value));
    memory.fill(9);
    await writer.finish();
    kept.set(key, 300_000);
    const bytes = await store().read(key, 0, 300_000);
    expect([bytes[0], bytes[150_000], bytes[299_999]]).toEqual([1, 2, 3]);
  });

  it('takes page-aligned shared memory as it takes any other', async () => {
    const key = newKey();
    const memory = new Uint8Array(new SharedArrayBuffer(64 * 1024)).fill(5);
    await write(store(), key, [memory, memory.subarray(0, 4096), memory.subarray(1, 4097), memory.subarray(0, 8192)]);
    kept.set(key, 64 * 1024 + 4096 + 4096 + 8192);
    expect((await readAll(store(), key)).every((byte) => byte === 5)).toBe(true);
  });

  it('shows nothing of an object before it is finished', async () => {
    const key = newKey();
    await using writer = await store().create(key, { signal: never });
    await writer.write(randomBytes(Math.max(100_000, ...sizes)));
    expect(await store().stat(key)).toBeUndefined();
    expect(await Array.fromAsync(store().list(never))).toEqual([]);
    await expect(store().read(key, 0, 1)).rejects.toMatchObject({ code: 'BLOB_UNAVAILABLE' });
  });

  it('writes many objects at once without mixing them', async () => {
    const contents = Array.from({ length: 8 }, (_, index) => Buffer.alloc(50_000 * (index + 1), index));
    const keys = await Promise.all(contents.map((bytes) => put(bytes)));
    for (const [index, key] of keys.entries()) {
      const bytes = contents[index];
      expect(bytes !== undefined && equal(await readAll(store(), key), bytes)).toBe(true);
    }
  });
}

function describeGivingUp({ store, subject, kept }: SuiteContext): void {
  const remains = async (): Promise<unknown[]> => [
    ...(await Array.fromAsync(store().list(never))),
    ...(await subject().leftovers()),
  ];

  it('leaves nothing of an aborted write, however often it is aborted', async () => {
    const writer = await store().create(newKey(), { signal: never });
    await writer.write(randomBytes(200_000));
    await writer.abort();
    await writer.abort();
    expect(await remains()).toEqual([]);
  });

  it('leaves nothing when the abort comes while a write runs', async () => {
    const writer = await store().create(newKey(), { signal: never });
    const running = writer.write(randomBytes(20_000_000)).catch(() => undefined);
    await writer.abort();
    await running;
    expect(await remains()).toEqual([]);
  });

  it('leaves nothing of a writer that is disposed of unfinished', async () => {
    {
      await using writer = await store().create(newKey(), { signal: never });
      await writer.write(randomBytes(10));
    }
    expect(await remains()).toEqual([]);
  });

  it('keeps a finished object when its writer is disposed of or aborted after', async () => {
    const key = newKey();
    const writer = await write(store(), key, [randomBytes(10)]);
    await writer.abort();
    await writer[Symbol.asyncDispose]();
    kept.set(key, 10);
    expect(await store().stat(key)).toEqual({ key, sizeBytes: 10 });
  });

  it('rejects with the reason of an aborted signal and leaves nothing', async () => {
    const reason = new Error('enough');
    await expect(store().create(newKey(), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const writer = await store().create(newKey(), { signal: controller.signal });
    await writer.write(randomBytes(10));
    controller.abort(reason);
    await expect(writer.write(randomBytes(10))).rejects.toBe(reason);
    await expect(writer.finish()).rejects.toBe(reason);
    await writer.abort();
  });
}

function describeReading({ store, put }: SuiteContext, sizes: readonly number[]): void {
  it('gives any range, whichever way it is asked for', async () => {
    const bytes = randomBytes(Math.max(700_000, ...sizes));
    const key = await put(bytes);
    const last = bytes.length - 1;
    const range = fc.tuple(fc.nat(last), fc.nat(last)).map(([a, b]) => ({ start: Math.min(a, b), end: Math.max(a, b) }));
    await fc.assert(
      fc.asyncProperty(range, async ({ start, end }) => {
        const expected = bytes.subarray(start, end + 1);
        expect(equal(await store().read(key, start, end - start + 1), expected)).toBe(true);
        expect(equal(await collect(await store().open(key, { range: { start, end }, signal: never })), expected)).toBe(true);
        expect(equal(await sent(store(), key, { start, end }), expected)).toBe(true);
      }),
      { numRuns: 12, examples: [[{ start: 0, end: 0 }], [{ start: last, end: last }], [{ start: 0, end: last }]] },
    );
  });

  it('cuts a range at the end of the object and refuses one beyond it', async () => {
    const bytes = randomBytes(1000);
    const key = await put(bytes);
    expect(equal(await sent(store(), key, { start: 990, end: 5000 }), bytes.subarray(990))).toBe(true);
    expect(await store().read(key, 990, 5000)).toHaveLength(10);
    expect(await store().read(key, 5000, 10)).toHaveLength(0);
    expect(await store().read(key, 10, 0)).toHaveLength(0);
    const beyond = { range: { start: 1000, end: 1001 }, signal: never };
    await expect(store().open(key, beyond)).rejects.toMatchObject({ code: 'RANGE_NOT_SATISFIABLE' });
    await expect(store().send(key, new PassThrough(), beyond)).rejects.toMatchObject({ code: 'RANGE_NOT_SATISFIABLE' });
  });

  it('says that a missing object is unavailable', async () => {
    const key = newKey();
    expect(await store().stat(key)).toBeUndefined();
    await expect(store().read(key, 0, 1)).rejects.toMatchObject({ code: 'BLOB_UNAVAILABLE' });
    await expect(store().open(key, { signal: never })).rejects.toMatchObject({ code: 'BLOB_UNAVAILABLE' });
    await expect(store().send(key, new PassThrough(), { signal: never })).rejects.toMatchObject({ code: 'BLOB_UNAVAILABLE' });
  });
}

function describeStreams({ store, put }: SuiteContext): void {
  it('sends to a slow destination in order, and does not end it', async () => {
    const bytes = randomBytes(900_000);
    const key = await put(bytes);
    const got: Buffer[] = [];
    const slow = new Writable({
      highWaterMark: 1,
      write(chunk: Buffer, _encoding, done) {
        got.push(Buffer.from(chunk));
        setTimeout(done, 1);
      },
    });
    await store().send(key, slow, { signal: never });
    expect(slow.writableEnded).toBe(false);
    expect(equal(Buffer.concat(got), bytes)).toBe(true);
  });

  it('stops sending when the signal aborts or the destination closes', async () => {
    const key = await put(randomBytes(3_000_000));
    const reason = new Error('enough');
    const controller = new AbortController();
    const stuck = new Writable({ highWaterMark: 1, write() {} });
    const aborted = store().send(key, stuck, { signal: controller.signal });
    await sleep(20);
    controller.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    const closing = new Writable({ highWaterMark: 1, write() {} });
    const closed = store().send(key, closing, { signal: never });
    await sleep(20);
    closing.destroy();
    await expect(closed).rejects.toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' });
    await expect(store().send(key, closing, { signal: never })).rejects.toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' });
    const gone = { signal: AbortSignal.abort(reason) };
    await expect(store().send(key, new PassThrough(), gone)).rejects.toBe(reason);
    await expect(store().open(key, gone)).rejects.toBe(reason);
  });

  it('frees an opened stream that is destroyed, or whose signal aborts', async () => {
    const key = await put(randomBytes(3_000_000));
    const destroyed = await store().open(key, { signal: never });
    await once(destroyed, 'readable');
    destroyed.destroy();
    await once(destroyed, 'close');
    const controller = new AbortController();
    const aborted = await store().open(key, { signal: controller.signal });
    const failed = once(aborted, 'error');
    controller.abort();
    expect((await failed)[0]).toMatchObject({ name: 'AbortError' });
  });

  it('gives an opened stream to a reader that pauses', async () => {
    const bytes = randomBytes(900_000);
    const key = await put(bytes);
    const got: Buffer[] = [];
    for await (const chunk of await store().open(key, { signal: never })) {
      got.push(chunk);
      await sleep(1);
    }
    expect(equal(Buffer.concat(got), bytes)).toBe(true);
  });
}

function describeKeeping({ store, subject, put, kept }: SuiteContext): void {
  it('removes an object, and what is not there', async () => {
    const key = await put(randomBytes(10));
    await store().remove(key);
    await store().remove(key);
    kept.delete(key);
    expect(await store().stat(key)).toBeUndefined();
  });

  it('lists every finished object with its size', async () => {
    for (let size = 0; size < 20; size += 1) await put(randomBytes(size));
    const controller = new AbortController();
    controller.abort(new Error('enough'));
    await expect(Array.fromAsync(store().list(controller.signal))).rejects.toThrow('enough');
  });

  it.each([
    '',
    '..',
    '../../etc/passwd',
    'a/b',
    'UPPERCASE-KEY-0000',
    'short',
    'identity',
    `${'a'.repeat(20)}/..`,
    'a'.repeat(101),
  ])('refuses %j as a key', async (key) => {
    await expect(store().create(key, { signal: never })).rejects.toThrow(TypeError);
    await expect(store().stat(key)).rejects.toThrow(TypeError);
    await expect(store().remove(key)).rejects.toThrow(TypeError);
    await expect(store().read(key, 0, 1)).rejects.toThrow(TypeError);
  });

  it('keeps what another node reads, and who it belongs to', async () => {
    const key = await put(randomBytes(10));
    const own = await store().identity();
    expect(own).toBeUndefined();
    const claims = await Promise.all([store().claim('store-1'), store().claim('store-1')]);
    expect(claims).toEqual(['store-1', 'store-1']);
    await using other = await subject().reopen();
    expect(await other.identity()).toBe('store-1');
    expect(await other.stat(key)).toEqual({ key, sizeBytes: 10 });
    await expect(other.claim('store-2')).rejects.toMatchObject({ code: 'STORE_MISMATCH' });
    expect(await store().identity()).toBe('store-1');
  });
}

export function newKey(): string {
  return randomBytes(16).toString('hex');
}

async function write(store: BlobStore, key: string, pieces: readonly Uint8Array[], expectedBytes?: number) {
  const writer = await store.create(key, { expectedBytes, signal: never });
  for (const piece of pieces) await writer.write(piece);
  return { ...writer, ...(await writer.finish()) };
}

export async function readAll(store: BlobStore, key: string): Promise<Buffer> {
  return collect(await store.open(key, { signal: never }));
}

async function sent(store: BlobStore, key: string, range?: ByteRange): Promise<Buffer> {
  const destination = new PassThrough();
  const collected = collect(destination);
  await store.send(key, destination, { range, signal: never });
  destination.end();
  return collected;
}

async function collect(stream: Readable): Promise<Buffer> {
  return Buffer.concat(await stream.toArray());
}

export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
