/** The blob as format inspectors read it: its first bytes at hand, any other range on request, all of it within bounds. */
import type { BlobView } from '../sdk.ts';

export interface ImageLimits {
  /** Most ranges that are fetched, and most bytes of them all: the same for an image of any size. */
  readonly reads: number;
  readonly readBytes: number;
  /** Largest disk an image may claim to be. */
  readonly virtualBytes: number;
}

export const imageLimits: ImageLimits = { reads: 32, readBytes: 2 * 1024 ** 2, virtualBytes: 2 ** 50 };

export interface ImageSource {
  readonly sizeBytes: number;
  readonly limits: ImageLimits;
  /** The first bytes, `headBytes` of them or the whole blob. */
  readonly head: Buffer;
  /** So many bytes from there, or undefined where the blob has fewer. */
  read(offset: number, length: number): Promise<Buffer | undefined>;
}

/** Enough for all that stands at a fixed place but in VHDX: an ISO's first descriptor ends at 34 KiB. */
export const headBytes = 64 * 1024;

/** Most bytes that one `read` of a blob gives. */
const readBytesMax = 1024 ** 2;

/** Thrown by `read` and caught where the inspectors are called: the image would have more read than any sound one needs. */
export class ReadsExhausted extends Error {}

export async function openImageSource(blob: BlobView, limits: ImageLimits): Promise<ImageSource> {
  let reads = 0;
  let readBytes = 0;
  const fetchRange = async (offset: number, length: number): Promise<Buffer> => {
    reads += 1;
    readBytes += length;
    if (length > readBytesMax || reads > limits.reads || readBytes > limits.readBytes) throw new ReadsExhausted();
    return Buffer.from(await blob.read(offset, length));
  };
  const head = blob.sizeBytes === 0 ? Buffer.alloc(0) : await fetchRange(0, Math.min(headBytes, blob.sizeBytes));
  return {
    sizeBytes: blob.sizeBytes,
    limits,
    head,
    async read(offset, length) {
      // Offsets come from headers: beyond 2^53 they are no longer exact, and beyond any blob.
      if (offset < 0 || !(offset + length <= blob.sizeBytes)) return undefined;
      if (offset + length <= head.length) return head.subarray(offset, offset + length);
      const bytes = await fetchRange(offset, length);
      return bytes.length === length ? bytes : undefined;
    },
  };
}

/** Of 64 bits as a number: inexact only beyond 2^53, where every bound refuses it. */
export function u64be(bytes: Buffer, offset: number): number {
  return Number(bytes.readBigUInt64BE(offset));
}

export function u64le(bytes: Buffer, offset: number): number {
  return Number(bytes.readBigUInt64LE(offset));
}

export function holdsAt(bytes: Buffer, offset: number, text: string): boolean {
  return bytes.subarray(offset, offset + text.length).equals(Buffer.from(text, 'latin1'));
}

export function isZero(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0);
}
