import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Checkpoint } from '#blobs/blob-store.ts';
import { type AppendOptions, type AppendResult, type Digests, newObjectKey, openBlobs } from '#blobs/blobs.ts';
import { type BlobFolder, openBlobFolder } from '#test/support/blob-folder.ts';

const mebibyte = 1024 * 1024;
const signal = new AbortController().signal;
const algorithms = ['sha1', 'md5', 'sha256', 'sha512'] as const;

/** One upload with its session on record. */
class Session {
  readonly folder: BlobFolder;
  readonly key = newObjectKey();
  recorded: Checkpoint = { offset: 0, state: {} };
  readonly offsets: number[] = [];
  blobs: BlobFolder['blobs'];

  constructor(folder: BlobFolder) {
    this.folder = folder;
    this.blobs = folder.blobs;
  }

  append(source: Readable, options: Partial<AppendOptions> = {}): Promise<AppendResult> {
    const upload = { store: this.blobs.defaultStore, key: this.key, sessionId: this.key, ...this.recorded };
    return this.blobs.append(upload, source, {
      limitBytes: Number.MAX_SAFE_INTEGER,
      signal,
      onCheckpoint: async (checkpoint) => {
        this.offsets.push(checkpoint.offset);
        this.recorded = checkpoint;
      },
      ...options,
    });
  }

  finish(): Promise<Digests | null> {
    const { offset, state } = this.recorded;
    const upload = { store: this.blobs.defaultStore, key: this.key, state, sizeBytes: offset, sessionId: this.key };
    return this.blobs.finish(upload, signal);
  }

  async stored(): Promise<Buffer> {
    return Buffer.concat(await (await this.blobs.defaultStore.open(this.key, { signal })).toArray());
  }
}

describe('an upload in several requests', () => {
  let folder: BlobFolder;
  let session: Session;

  beforeEach(async () => {
    folder = await openBlobFolder();
    session = new Session(folder);
  });
  afterEach(() => folder[Symbol.asyncDispose]());

  it('is hashed on the way, however it is cut', async () => {
    const cuts = fc.array(fc.oneof(fc.nat(300_000), fc.constantFrom(0, 1, 4096, 4097, 2 * mebibyte + 1)), { maxLength: 5 });
    const property = fc.asyncProperty(cuts, fc.integer({ min: 1, max: 70_000 }), async (sizes, pieceBytes) => {
      const bytes = randomBytes(sizes.reduce((a, b) => a + b, 0));
      const upload = new Session(folder);
      for (const size of sizes) {
        const { offset } = upload.recorded;
        const result = await upload.append(slowly(bytes.subarray(offset, offset + size), pieceBytes));
        expect(result).toEqual({ ...upload.recorded, offset: offset + size, isInterrupted: false });
      }
      expect(await upload.finish()).toEqual(digestsOf(bytes));
      expect(Buffer.compare(await upload.stored(), bytes)).toBe(0);
      await folder.store.remove(upload.key);
    });
    await fc.assert(property, { numRuns: 25 });
    expect(await folder.files()).toEqual([]);
  });

  it('records what is durable about every 16 MiB, and at the end', async () => {
    const bytes = randomBytes(50 * mebibyte + 5);
    await session.append(slowly(bytes, 65_536));
    expect(session.offsets.length).toBeGreaterThanOrEqual(3);
    expect(session.offsets).toEqual(session.offsets.toSorted((a, b) => a - b));
    expect(session.offsets.at(-1)).toBe(bytes.length);
    expect(await session.finish()).toEqual(digestsOf(bytes));
  });

  it('keeps what came before its source broke off', async () => {
    const bytes = randomBytes(3 * mebibyte);
    const cut = await session.append(breaking(bytes.subarray(0, 1_234_567)));
    expect(cut).toMatchObject({ offset: 1_234_567, isInterrupted: true });
    expect(session.recorded.offset).toBe(1_234_567);
    await session.append(Readable.from([bytes.subarray(1_234_567)]));
    expect(await session.finish()).toEqual(digestsOf(bytes));
    expect(Buffer.compare(await session.stored(), bytes)).toBe(0);
  });

  it('keeps what is on record when the record cannot be made, and has no digests then', async () => {
    const bytes = randomBytes(40 * mebibyte);
    const onCheckpoint = async (checkpoint: Checkpoint): Promise<void> => {
      if (session.recorded.offset > 0) throw new Error('the lease is lost');
      session.recorded = checkpoint;
    };
    await expect(session.append(slowly(bytes, 65_536), { onCheckpoint })).rejects.toThrow('the lease is lost');
    const { offset } = session.recorded;
    expect(offset).toBeGreaterThan(0);
    expect(offset).toBeLessThan(bytes.length);
    await session.append(Readable.from([bytes.subarray(offset)]));
    expect(await session.finish()).toBeNull();
    expect(await folder.blobs.digest(folder.store, session.key, { signal })).toEqual({
      sizeBytes: bytes.length,
      ...digestsOf(bytes),
    });
  });

  it('stops with the reason of its signal, and goes on from the record', async () => {
    const bytes = randomBytes(2 * mebibyte);
    await session.append(Readable.from([bytes.subarray(0, mebibyte)]));
    const controller = new AbortController();
    const reason = new Error('enough');
    const source = unended(bytes.subarray(mebibyte));
    setTimeout(() => controller.abort(reason), 30);
    await expect(session.append(source, { signal: controller.signal })).rejects.toBe(reason);
    expect(source.destroyed).toBe(true);
    expect(session.recorded.offset).toBe(mebibyte);
    await session.append(Readable.from([bytes.subarray(mebibyte)]));
    expect(await session.finish()).toBeNull();
    expect(Buffer.compare(await session.stored(), bytes)).toBe(0);
  });

  it('takes no byte more than its limit, and keeps what is on record', async () => {
    await session.append(Readable.from([randomBytes(1000)]));
    const source = unended(randomBytes(3000));
    const tooMuch = session.append(source, { limitBytes: 2999, leaveSource: true });
    await expect(tooMuch).rejects.toMatchObject({ code: 'BLOB_TOO_LARGE' });
    expect([source.destroyed, session.recorded.offset]).toEqual([false, 1000]);
  });

  it('has no digests when another process wrote part of it', async () => {
    const bytes = randomBytes(600_000);
    await session.append(Readable.from([bytes.subarray(0, 200_000)]));
    {
      const config = { stores: [{ name: 'files', kind: 'filesystem', path: folder.path } as const], defaultStore: 'files' };
      await using other = await openBlobs(config);
      session.blobs = other;
      await session.append(Readable.from([bytes.subarray(200_000, 400_000)]));
      session.blobs = folder.blobs;
    }
    await session.append(Readable.from([bytes.subarray(400_000)]));
    expect(await session.finish()).toBeNull();
    expect(Buffer.compare(await session.stored(), bytes)).toBe(0);
  });

  it('of no bytes has digests too, with or without a request', async () => {
    expect(await session.finish()).toEqual(digestsOf(Buffer.alloc(0)));
    const other = new Session(folder);
    expect(await other.append(Readable.from([]))).toMatchObject({ offset: 0, isInterrupted: false });
    expect(await other.finish()).toEqual(digestsOf(Buffer.alloc(0)));
  });

  it('leaves nothing when it is aborted', async () => {
    await session.append(Readable.from([randomBytes(300_000)]));
    expect(await folder.files()).toEqual([`staged/${session.key}`]);
    const { state } = session.recorded;
    await folder.blobs.abort({ store: folder.store, key: session.key, state, sessionId: session.key });
    expect(await folder.files()).toEqual([]);
  });

  it('is refused where the store takes objects in one piece only', async () => {
    const { resumable: _, ...plain } = folder.store;
    const upload = { store: plain, key: session.key, sessionId: session.key, offset: 0, state: {} };
    const options = { limitBytes: 10, signal, onCheckpoint: async () => undefined };
    const source = Readable.from(['x']);
    await expect(folder.blobs.append(upload, source, options)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(source.destroyed).toBe(true);
  });
});

describe('a request with a checksum', () => {
  let folder: BlobFolder;
  let session: Session;
  const bytes = randomBytes(4 * mebibyte);
  const first = bytes.subarray(0, 1_000_001);
  const second = bytes.subarray(1_000_001);

  beforeEach(async () => {
    folder = await openBlobFolder();
    session = new Session(folder);
    await session.append(Readable.from([first]));
  });
  afterEach(() => folder[Symbol.asyncDispose]());

  it.each(algorithms)('counts when its %s is right', async (algorithm) => {
    const value = createHash(algorithm).update(second).digest();
    await session.append(slowly(second, 65_536), { checksum: { algorithm, value } });
    expect(session.offsets).toEqual([first.length, bytes.length]);
    expect(await session.finish()).toEqual(digestsOf(bytes));
  });

  it.each(algorithms)('leaves no trace when its %s is wrong, also in the digests of the whole', async (algorithm) => {
    const wrong = { algorithm, value: createHash(algorithm).update('other').digest() };
    const long = slowly(randomBytes(40 * mebibyte), 65_536);
    await expect(session.append(long, { checksum: wrong })).rejects.toMatchObject({ code: 'BLOB_DIGEST_MISMATCH' });
    expect(session.offsets).toEqual([first.length]);
    await session.append(Readable.from([second]));
    expect(await session.finish()).toEqual(digestsOf(bytes));
    expect(Buffer.compare(await session.stored(), bytes)).toBe(0);
  });

  it('does not count when it breaks off', async () => {
    const checksum = { algorithm: 'sha1', value: createHash('sha1').update(second).digest() } as const;
    const broken = session.append(breaking(second.subarray(0, 100)), { checksum });
    await expect(broken).rejects.toMatchObject({ code: 'UPLOAD_INTERRUPTED' });
    expect(session.offsets).toEqual([first.length]);
  });

  it('is checked also where the digests of the whole are lost', async () => {
    const config = { stores: [{ name: 'files', kind: 'filesystem', path: folder.path } as const], defaultStore: 'files' };
    await using other = await openBlobs(config);
    session.blobs = other;
    const wrong = { algorithm: 'md5', value: Buffer.alloc(16) } as const;
    await expect(session.append(Readable.from([second]), { checksum: wrong })).rejects.toMatchObject({
      code: 'BLOB_DIGEST_MISMATCH',
    });
    const right = { algorithm: 'md5', value: createHash('md5').update(second).digest() } as const;
    await session.append(Readable.from([second]), { checksum: right });
    expect(await session.finish()).toBeNull();
    expect(Buffer.compare(await session.stored(), bytes)).toBe(0);
  });
});

function digestsOf(bytes: Uint8Array): Digests {
  const hex = (algorithm: string): string => createHash(algorithm).update(bytes).digest('hex');
  return { sha256: hex('sha256'), sha512: hex('sha512'), md5: hex('md5') };
}

function slowly(bytes: Uint8Array, pieceBytes: number): Readable {
  return Readable.from(
    (async function* () {
      for (let at = 0; at < bytes.length; at += pieceBytes) {
        yield bytes.subarray(at, at + pieceBytes);
        await setImmediate();
      }
    })(),
  );
}

/** Gives the bytes and then fails, as a request does whose connection is cut. */
function breaking(bytes: Uint8Array): Readable {
  return Readable.from(
    (async function* () {
      yield bytes;
      await setImmediate();
      throw new Error('cut');
    })(),
  );
}

/** Gives the bytes and then nothing, without an end. */
function unended(bytes: Uint8Array): Readable {
  const source = new Readable({ read() {} });
  source.push(bytes);
  return source;
}
