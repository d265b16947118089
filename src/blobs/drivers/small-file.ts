/**
 * Small objects of the filesystem store, written under their key at once: file and folder are synced together, which most file
 * systems do in one go, where a name of its own and a link would take two. Nobody asks for a key before its write is over; one
 * whose writer died is an object that nobody refers to.
 */
import { closeSync, fdatasync, open, write } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { failpoint, tornWrite } from '#base/failpoint.ts';
import { inFolder, syncFolder, unlinkIfThere } from './file-publish.ts';

/** Larger objects are visible only when they are whole. */
export const smallFileMaxBytes = 128 * 1024;

// Descriptors, not handles: of small files the way to Node's threads and back costs more than what is done there. Closing needs
// none: of a file that is synced, or given up, nothing is left to be written.
const openFile = promisify(open);
const writeFile = promisify(write);

function syncFile(file: number): Promise<void> {
  return new Promise((resolve, reject) => fdatasync(file, (error) => (error === null ? resolve() : reject(error))));
}

/** Durable when it resolves; when it rejects, not there. Never over a file that is there. */
export async function writeSmallFile(path: string, bytes: Uint8Array): Promise<void> {
  const file = await inFolder(dirname(path), () => openFile(path, 'wx', 0o600));
  try {
    await failpoint('store.filesystem:small');
    await writeDurably(file, path, bytes);
    await failpoint('store.filesystem:small-written');
  } catch (error) {
    await unlinkIfThere(path);
    throw error;
  } finally {
    closeSync(file);
  }
}

async function writeDurably(file: number, path: string, bytes: Uint8Array): Promise<void> {
  const piece = tornWrite('store.filesystem:small-torn', bytes);
  let offset = 0;
  while (offset < piece.bytes.length) {
    offset += (await writeFile(file, piece.bytes, offset, piece.bytes.length - offset, offset)).bytesWritten;
  }
  if (piece.isTorn) throw new Error('a test tore this write');
  // Both are over before the file may be closed.
  const outcomes = await Promise.allSettled([syncFile(file), syncFolder(dirname(path))]);
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}
