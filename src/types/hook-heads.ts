/** What inspected blobs begin with, sent along with the call: most hooks look no further, and a question takes longer than they do. */
import type { BlobView } from '#sdk/sdk.ts';

/** A blob to inspect. */
export interface InspectedBlob {
  readonly blob: BlobView;
  readonly head: Uint8Array;
}

/** Together at most 512 KiB. */
export const inspectedAtOnce = 32;
const headBytesMax = 16 * 1024;

/** @throws what reading a blob throws */
export function readHeads(blobs: readonly BlobView[]): Promise<readonly InspectedBlob[]> {
  return Promise.all(blobs.map(async (blob) => ({ blob, head: await blob.read(0, Math.min(headBytesMax, blob.sizeBytes)) })));
}

/** In memory of their own, which goes to another thread as it is. */
export function joinHeads(inspected: readonly InspectedBlob[]): Uint8Array<ArrayBuffer> {
  const heads = new Uint8Array(inspected.reduce((sum, { head }) => sum + head.length, 0));
  let offset = 0;
  for (const { head } of inspected) {
    heads.set(head, offset);
    offset += head.length;
  }
  return heads;
}

/** As `joinHeads` joined them. */
export function splitHeads(heads: Uint8Array, headBytes: readonly number[]): readonly Uint8Array[] {
  let offset = 0;
  return headBytes.map((length) => {
    offset += length;
    return heads.subarray(offset - length, offset);
  });
}

/** What a read of the blob gives, where its head alone can tell. */
export function readFromHead(
  { head, sizeBytes }: { readonly head: Uint8Array; readonly sizeBytes: number },
  offset: number,
  length: number,
): Uint8Array | undefined {
  const isPlain = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0;
  return isPlain && Math.min(offset + length, sizeBytes) <= head.length ? head.slice(offset, offset + length) : undefined;
}
