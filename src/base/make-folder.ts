/** A folder with all that it lies in, or the reason why not, at once. */
import { mkdirSync, statSync } from 'node:fs';
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
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST' && isFolder(folder))) throw error;
  }
}
