/** The unpacked bytes of a gzip, from its start, as far as its limits allow: a bomb ends the reading, not the thread. */
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { ArchiveLimits } from './archive-members.ts';
import type { BlobView } from './sdk.ts';

export interface GunzipReader extends AsyncDisposable {
  /** So many unpacked bytes, or undefined where there are fewer. */
  take(bytes: number): Promise<Buffer | undefined>;
  skip(bytes: number): Promise<void>;
  /** Why the bytes ended early, where that is the gzip's fault. */
  problem(): string | undefined;
  /** The bytes ended because no more of the blob is read. */
  isCut(): boolean;
}

const readBytesMax = 256 * 1024;

export function createGunzipReader(blob: BlobView, limits: ArchiveLimits): GunzipReader {
  const readBytes = Math.min(blob.sizeBytes, limits.readBytes);
  const isBomb = (): boolean => {
    // Of what is read to its end the whole counts; else the part that was read stands for it.
    const packedBytes = unpackedBytes > limits.inflateBytes ? gunzip.bytesWritten : blob.sizeBytes;
    return unpackedBytes > limits.ratioFromBytes && unpackedBytes > limits.ratio * packedBytes;
  };
  let problem: string | undefined;
  let unpackedBytes = 0;
  /** A store that does not answer is no fault of the bytes. */
  let failure: Error | undefined;
  async function* packed(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < readBytes; ) {
      const part = await blob.read(at, Math.min(readBytesMax, readBytes - at)).catch((error: unknown) => {
        failure = error instanceof Error ? error : new Error(String(error));
        throw failure;
      });
      if (part.length === 0) return;
      at += part.length;
      yield part;
    }
  }
  const source = Readable.from(packed(), { objectMode: false });
  const gunzip = createGunzip();
  source.on('error', (error) => gunzip.destroy(error));
  // Told by the iterator, to whoever reads on.
  gunzip.on('error', () => undefined);
  const chunks: AsyncIterator<Buffer> = source.pipe(gunzip)[Symbol.asyncIterator]();
  let buffered: Buffer = Buffer.alloc(0);

  /** False where nothing more comes. */
  const more = async (): Promise<boolean> => {
    if (problem !== undefined || unpackedBytes > limits.inflateBytes) return false;
    try {
      const next = await chunks.next();
      if (next.done === true) return false;
      unpackedBytes += next.value.length;
      if (isBomb()) problem = `unpacks to more than ${limits.ratio} times its size`;
      if (problem !== undefined || unpackedBytes > limits.inflateBytes) return false;
      buffered = buffered.length === 0 ? next.value : Buffer.concat([buffered, next.value]);
      return true;
    } catch (error) {
      if (failure !== undefined) throw failure;
      if (readBytes === blob.sizeBytes) problem = `is no whole gzip: ${error instanceof Error ? error.message : String(error)}`;
      return false;
    }
  };
  return {
    async take(bytes) {
      while (buffered.length < bytes) if (!(await more())) return undefined;
      const found = buffered.subarray(0, bytes);
      buffered = buffered.subarray(bytes);
      return found;
    },
    async skip(bytes) {
      let left = bytes;
      for (;;) {
        const step = Math.min(left, buffered.length);
        buffered = buffered.subarray(step);
        left -= step;
        if (left === 0 || !(await more())) return;
      }
    },
    problem: () => problem,
    isCut: () => problem === undefined && (readBytes < blob.sizeBytes || unpackedBytes > limits.inflateBytes),
    async [Symbol.asyncDispose]() {
      source.destroy();
      gunzip.destroy();
    },
  };
}
