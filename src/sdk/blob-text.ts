/** Reading a blob inside a hook: all its bytes up to a bound, and those bytes as text. */
import type { BlobView } from './sdk.ts';

/** Most bytes that one `read` gives. */
const readBytesMax = 1024 * 1024;

/** Every byte of the blob, or undefined where it is larger than `bytesMax`. */
export async function readAll(blob: BlobView, bytesMax: number): Promise<Uint8Array | undefined> {
  if (blob.sizeBytes > bytesMax) return undefined;
  const bytes = new Uint8Array(blob.sizeBytes);
  for (let offset = 0; offset < bytes.length; ) {
    const part = await blob.read(offset, Math.min(readBytesMax, bytes.length - offset));
    if (part.length === 0) throw new Error(`${blob.path} ended after ${offset} of ${bytes.length} bytes`);
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

/** The text, or undefined where the bytes are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
