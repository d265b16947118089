/** A ring of equal slots in shared, page-aligned memory: the bytes of one transfer between its source, the hash threads and the store. */

// TypeScript has WebAssembly only in its browser library. Its memory is the one page-aligned memory that Node hands out.
declare const WebAssembly: {
  readonly Memory: new (shape: { initial: number; maximum: number; shared: true }) => { readonly buffer: SharedArrayBuffer };
};

const wasmPageBytes = 64 * 1024;

export interface DigestRing {
  readonly memory: SharedArrayBuffer;
  /** The slots' bytes, one after another, from the second 64 KiB page on. */
  readonly bytes: Buffer;
  /** Where `bytes` begins in `memory`. */
  readonly byteOffset: number;
  /** One counter per slot, in the first page. */
  readonly counters: Int32Array;
  readonly slotBytes: number;
  readonly slotCount: number;
}

/** @param slotBytes a multiple of 64 KiB */
export function createDigestRing(slotBytes: number, slotCount: number): DigestRing {
  const pages = 1 + (slotBytes * slotCount) / wasmPageBytes;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }).buffer;
  return {
    memory,
    bytes: Buffer.from(memory, wasmPageBytes, slotBytes * slotCount),
    byteOffset: wasmPageBytes,
    counters: new Int32Array(memory, 0, slotCount),
    slotBytes,
    slotCount,
  };
}
