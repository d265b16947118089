/** A range of a blob read from its start to its end, in pieces of any size, by reads that a hook is allowed. */
import type { BlobView } from './sdk.ts';

export interface BlobReader {
  /** So many bytes, or undefined where the range has fewer left. */
  take(bytes: number): Promise<Buffer | undefined>;
  /** Goes on so many bytes further, which are not read. */
  skip(bytes: number): void;
  /** Of the next byte, in the blob. */
  position(): number;
  /** The bytes ended because no more of the blob is read. */
  isCut(): boolean;
}

const windowBytes = 64 * 1024;
const readBytesMax = 1024 * 1024;
/** After a jump over a member it is not known whether more than the next header is wanted. */
const jumpBytes = 512;
/** Each is a request to a store of its own. */
const jumpsMax = 10_000;

/** @param budgetBytes most that is read */
export function createBlobReader(blob: BlobView, start: number, end: number, budgetBytes: number): BlobReader {
  let budget = budgetBytes;
  let jumps = 0;
  let isCut = false;
  let window = Buffer.alloc(0);
  let windowAt = start;
  let at = start;
  let isJump = false;
  const fill = async (bytes: number): Promise<void> => {
    const wanted = Math.max(bytes, isJump ? jumpBytes : windowBytes);
    budget -= wanted;
    if (isJump) jumps += 1;
    isCut ||= budget < 0 || jumps > jumpsMax;
    if (isCut) return;
    const parts: Uint8Array[] = [];
    let length = 0;
    while (length < Math.min(wanted, end - at)) {
      const part = await blob.read(at + length, Math.min(readBytesMax, Math.min(wanted, end - at) - length));
      if (part.length === 0) break;
      parts.push(part);
      length += part.length;
    }
    window = Buffer.concat(parts);
    windowAt = at;
    isJump = false;
  };
  return {
    async take(bytes) {
      if (at + bytes > end) return undefined;
      if (at < windowAt || at + bytes > windowAt + window.length) await fill(bytes);
      if (isCut) return undefined;
      const found = window.subarray(at - windowAt, at - windowAt + bytes);
      if (found.length < bytes) return undefined;
      at += bytes;
      return found;
    },
    skip(bytes) {
      isJump = bytes > windowBytes;
      at += bytes;
    },
    position: () => at,
    isCut: () => isCut,
  };
}
