/** A folder with all that it lies in, there also after a power cut, or the reason why not, at once. */
import { closeSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/**
 * In place of `mkdir` with `recursive`, which tries for ever where a folder that is there takes none, as /proc does. Few calls,
 * made at a start: so it waits for the disk itself.
 * @throws a system error that names the folder that could not be made
 */
export function makeFolder(path: string, mode = 0o777): void {
  const missing: string[] = [];
  for (let folder = resolve(path); !isFolder(folder); folder = dirname(folder)) missing.push(folder);
  for (const folder of missing.reverse()) makeOne(folder, mode);
}

/** Whatever else stands there is found by making the folder, which then says so. */
function isFolder(path: string): boolean {
  return path === dirname(path) || statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function makeOne(folder: string, mode: number): void {
  try {
    mkdirSync(folder, { mode });
  } catch (error) {
    // Another process may have been faster.
    if (!(hasCode(error, 'EEXIST') && isFolder(folder))) throw error;
  }
  syncNames(dirname(folder));
}

/** Makes new and renamed names in the folder last. What is made in one that is not to be found any more is lost with it. */
export function syncNames(folder: string): void {
  let descriptor: number;
  try {
    descriptor = openSync(folder, 'r');
  } catch (error) {
    // A folder may take names and yet not be read; then this is left to the system.
    if (hasCode(error, 'EACCES')) return;
    throw error;
  }
  try {
    fsyncSync(descriptor);
  } catch (error) {
    // Some file systems refuse to sync a folder; they write names through.
    if (!hasCode(error, 'EINVAL')) throw error;
  } finally {
    closeSync(descriptor);
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
