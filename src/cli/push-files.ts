/** The local files behind the slots of a push: found, and kept inside their folder. */
import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { basename, join, relative, resolve, sep } from 'node:path';
import { AppError } from '#base/app-error.ts';
import { assertPath } from '#core/names.ts';
import { manifestName } from './push-manifest.ts';

export interface PushFile {
  readonly slot: string;
  readonly kind: 'one' | 'map';
  /** In the artifact. */
  readonly path: string;
  /** On this machine. */
  readonly file: string;
  readonly sizeBytes: number;
  readonly mediaType: string;
  readonly sha256: string;
}

export interface SlotShape {
  readonly kind: 'one' | 'map';
  readonly mediaTypes: readonly string[];
}

export type FoundFile = Pick<PushFile, 'slot' | 'kind' | 'path' | 'file' | 'sizeBytes'>;

/**
 * Files that a manifest names: each file's path in the artifact is its path from the manifest's folder, so that references
 * between files hold after a pull. A folder in a map slot means every file beneath it, but for the manifest and for what
 * another entry names.
 */
export async function findManifestFiles(
  folder: string,
  slots: Readonly<Record<string, readonly string[]>>,
  shapes: ReadonlyMap<string, SlotShape>,
): Promise<FoundFile[]> {
  const root = await realpath(folder).catch(unreadable(folder));
  const named = new Set([join(root, manifestName)]);
  const found: FoundFile[] = [];
  const folders: { slot: string; path: string }[] = [];
  for (const [slot, entries] of Object.entries(slots)) {
    const { kind } = shapeOf(shapes, slot);
    for (const entry of entries) {
      const file = await insideOf(root, entry);
      if ((await stat(file)).isDirectory()) folders.push({ slot, path: file });
      else {
        named.add(file);
        found.push(await describe(slot, kind, root, file));
      }
    }
  }
  for (const { slot, path } of folders) {
    const { kind } = shapeOf(shapes, slot);
    if (kind === 'one') throw new AppError('INPUT_INVALID', `The slot ${slot} takes one file, and ${path} is a folder.`);
    for (const file of await filesBeneath(root, path)) {
      if (named.has(file)) continue;
      named.add(file);
      found.push(await describe(slot, kind, root, file));
    }
  }
  return assertSingle(found);
}

/** Files given as `--slot slot=FILE`: a `one` slot's path is the slot's name, a map's the file's name or its path in the folder given. */
export async function findFlagFiles(
  cwd: string,
  slots: ReadonlyMap<string, readonly string[]>,
  shapes: ReadonlyMap<string, SlotShape>,
): Promise<FoundFile[]> {
  const found: FoundFile[] = [];
  for (const [slot, entries] of slots) {
    const { kind } = shapeOf(shapes, slot);
    for (const entry of entries) {
      const given = resolve(cwd, entry);
      const facts = await stat(given).catch(unreadable(given));
      if (facts.isDirectory() && kind === 'one')
        throw new AppError('INPUT_INVALID', `The slot ${slot} takes one file, and ${entry} is a folder.`);
      if (facts.isDirectory()) {
        const root = await realpath(given).catch(unreadable(given));
        for (const file of await filesBeneath(root, root)) found.push(await describe(slot, kind, root, file));
      } else {
        assertFile(given, facts.isFile());
        const path = kind === 'one' ? slot : assertPath(basename(given).normalize('NFC'));
        found.push({ slot, kind, path, file: given, sizeBytes: facts.size });
      }
    }
  }
  return assertSingle(found);
}

function shapeOf(shapes: ReadonlyMap<string, SlotShape>, slot: string): SlotShape {
  const shape = shapes.get(slot);
  if (shape !== undefined) return shape;
  throw new AppError('SLOT_UNKNOWN', `The type has no slot ${slot}; it has ${[...shapes.keys()].join(', ') || 'none'}.`);
}

/** The real path of an entry; links may not lead out of the folder, or a manifest could publish any file of its reader. */
async function insideOf(root: string, entry: string): Promise<string> {
  const given = resolve(root, entry);
  const file = await realpath(given).catch(unreadable(given));
  if (file === root || file.startsWith(root + sep)) {
    // The path in the artifact is the one that was written, so it must not lead through a link.
    if (file === given) return file;
    throw new AppError('FILE_UNREADABLE', `${entry} leads through a symbolic link.`);
  }
  throw new AppError('FILE_UNREADABLE', `${entry} lies outside of the folder that is pushed.`);
}

async function filesBeneath(root: string, folder: string): Promise<string[]> {
  const files: string[] = [];
  const entries = await readdir(folder, { withFileTypes: true }).catch(unreadable(folder));
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) files.push(...(await filesBeneath(root, path)));
    else if (entry.isFile()) files.push(path);
    else throw new AppError('FILE_UNREADABLE', `${relative(root, path)} is neither a file nor a folder.`);
  }
  return files;
}

async function describe(slot: string, kind: 'one' | 'map', root: string, file: string): Promise<FoundFile> {
  const facts = await lstat(file).catch(unreadable(file));
  assertFile(file, facts.isFile());
  const path = assertPath(relative(root, file).split(sep).join('/').normalize('NFC'));
  return { slot, kind, path, file, sizeBytes: facts.size };
}

function assertFile(file: string, isFile: boolean): void {
  if (!isFile) throw new AppError('FILE_UNREADABLE', `${file} is not a file.`);
}

function assertSingle(found: FoundFile[]): FoundFile[] {
  const taken = new Set<string>();
  const filled = new Set<string>();
  for (const { slot, kind, path } of found) {
    if (kind === 'one' && filled.has(slot)) throw new AppError('SLOT_FULL', `The slot ${slot} takes one file.`);
    if (taken.has(path)) throw new AppError('PATH_TAKEN', `Two files would have the path ${path}.`);
    taken.add(path);
    filled.add(slot);
  }
  return found;
}

function unreadable(path: string): (cause: Error) => never {
  return (cause) => {
    throw new AppError('FILE_UNREADABLE', `${path} cannot be read: ${cause.message}`, { cause });
  };
}
