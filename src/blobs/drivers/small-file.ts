/**
 * Small objects of the filesystem store, written under their key at once: file and folder are synced together, which most file
 * systems do in one go, where a name of its own and a link would take two. Nobody asks for a key before its write is over; one
 * whose writer died is an object that nobody refers to.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { failpoint, tornWrite } from '#base/failpoint.ts';
import { inFolder, syncFolder, unlinkIfThere } from './file-publish.ts';

/** Larger objects are visible only when they are whole. */
export const smallFileMaxBytes = 128 * 1024;

/** Durable when it resolves; when it rejects, not there. Never over a file that is there. */
export async function writeSmallFile(path: string, bytes: Uint8Array): Promise<void> {
  const file = await inFolder(dirname(path), () => open(path, 'wx', 0o600));
  try {
    await failpoint('store.filesystem:small');
    await writeDurably(file, path, bytes);
    await failpoint('store.filesystem:small-written');
  } catch (error) {
    await unlinkIfThere(path);
    throw error;
  } finally {
    await file.close();
  }
}

async function writeDurably(file: FileHandle, path: string, bytes: Uint8Array): Promise<void> {
  const piece = tornWrite('store.filesystem:small-torn', bytes);
  let offset = 0;
  while (offset < piece.bytes.length) {
    offset += (await file.write(piece.bytes, offset, piece.bytes.length - offset, offset)).bytesWritten;
  }
  if (piece.isTorn) throw new Error('a test tore this write');
  // Both are over before the file may be closed.
  const outcomes = await Promise.allSettled([file.datasync(), syncFolder(dirname(path))]);
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}
