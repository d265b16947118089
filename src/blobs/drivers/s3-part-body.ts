/** Where the bytes of a part wait until the store has them: in memory, or for large parts in one file of bounded size. */
import { randomBytes } from 'node:crypto';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { tornWrite } from '#base/failpoint.ts';
import type { S3Body } from './s3-connection.ts';

/** Can be sent as often as needed until it is released. */
export interface PartBody extends S3Body {
  readonly capacity: number;
  /** Takes as much as fits; returns how much that was. */
  append(bytes: Uint8Array): Promise<number>;
  /** Not used again. */
  release(): Promise<void>;
}

/** Buffers of parts, shared by all uploads to a store: memory of this size costs page faults, and is collected late. */
export interface PartMemory extends Disposable {
  take(capacity: number): Buffer;
  giveBack(buffer: Buffer): void;
}

const keptMax = 8;
const keptMs = 30_000;

export function createPartMemory(): PartMemory {
  const kept: Buffer[] = [];
  let timer: NodeJS.Timeout | undefined;
  const clear = (): void => void kept.splice(0);
  return {
    take(capacity) {
      const index = kept.findIndex((buffer) => buffer.length === capacity);
      return (index < 0 ? undefined : kept.splice(index, 1)[0]) ?? Buffer.allocUnsafeSlow(capacity);
    },
    giveBack(buffer) {
      if (kept.length < keptMax) kept.push(buffer);
      clearTimeout(timer);
      timer = setTimeout(clear, keptMs).unref();
    },
    [Symbol.dispose]() {
      clearTimeout(timer);
      clear();
    },
  };
}

export function createMemoryPart(memory: PartMemory, capacity: number): PartBody {
  let bytes: Buffer | undefined = memory.take(capacity);
  let length = 0;
  return {
    capacity,
    get length() {
      return length;
    },
    async append(chunk) {
      const count = Math.min(chunk.length, capacity - length);
      bytes?.set(count === chunk.length ? chunk : chunk.subarray(0, count), length);
      length += count;
      return count;
    },
    send(request) {
      const piece = tornWrite('store.s3:part-torn', (bytes ?? Buffer.alloc(0)).subarray(0, length));
      if (piece.isTorn) request.write(piece.bytes, () => request.destroy(new Error('a test tore this write')));
      else request.end(piece.bytes);
    },
    async release() {
      if (bytes !== undefined) memory.giveBack(bytes);
      bytes = undefined;
    },
  };
}

/** One file, without a name from its first moment (a crash leaves nothing), that holds one part after another. */
export interface SpoolFile extends AsyncDisposable {
  /** The part before must have been released. */
  createPart(capacity: number): PartBody;
}

export async function openSpoolFile(folder: string): Promise<SpoolFile> {
  const path = join(folder, `vitrine-part-${randomBytes(8).toString('hex')}`);
  const file = await open(path, 'wx+', 0o600);
  await unlink(path);
  return {
    createPart: (capacity) => createFilePart(file, capacity),
    [Symbol.asyncDispose]: () => file.close(),
  };
}

function createFilePart(file: FileHandle, capacity: number): PartBody {
  let length = 0;
  return {
    capacity,
    get length() {
      return length;
    },
    async append(chunk) {
      const count = Math.min(chunk.length, capacity - length);
      let written = 0;
      while (written < count) written += (await file.write(chunk, written, count - written, length + written)).bytesWritten;
      length += count;
      return count;
    },
    send(request) {
      const end = Math.max(length - 1, 0);
      const bytes = file.createReadStream({ start: 0, end, autoClose: false, highWaterMark: 1024 * 1024 });
      // A failure destroys the request, which is where it is seen.
      pipeline(bytes, request, () => undefined);
    },
    release: () => file.truncate(0),
  };
}
