/** Reads a piece of an object of the filesystem store, in as few steps as can be: most pieces are small. */
import { closeSync, constants, fstat, open, read } from 'node:fs';
import { promisify } from 'node:util';

const openFile = promisify(open);
const statFile = promisify(fstat);
const readFile = promisify(read);

/** So much memory is taken without a look at how much there is to read. */
const blindBytesMax = 64 * 1024;

/** Fewer bytes only at the end. */
export async function readFilePiece(path: string, offset: number, length: number): Promise<Uint8Array> {
  const file = await openFile(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const isShort = length <= blindBytesMax;
    const bytes = Buffer.alloc(isShort ? length : Math.max(0, Math.min(length, (await statFile(file)).size - offset)));
    let filled = 0;
    while (filled < bytes.length) {
      const { bytesRead } = await readFile(file, bytes, filled, bytes.length - filled, offset + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return bytes.subarray(0, filled);
  } finally {
    // Nothing was written: there is nothing to wait for.
    closeSync(file);
  }
}
