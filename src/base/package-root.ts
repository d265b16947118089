/** Where Vitrine is installed: the folder of its package.json, from the sources and from the built package alike. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

let known: string | undefined;

/** Absolute path of the package's own folder. */
export function packageRoot(): string {
  known ??= findRoot(import.meta.dirname);
  return known;
}

function findRoot(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new Error('no package.json above Vitrine’s own files');
  return findRoot(parent);
}
