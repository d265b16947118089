/** A folder that a pull writes into: every file whole or not at all, none of them outside. */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, opendir, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError } from '#base/app-error.ts';
import { makeFolder } from '#base/make-folder.ts';
import { sha256Hex } from '#core/canonical-json.ts';
import { assertPath, foldPath, pathBytesMax, segmentBytesMax } from '#core/names.ts';
import { hashFile } from './hash-file.ts';
import { openPartFile, type PartFile } from './part-file.ts';
import { syncFolder, unwritable } from './sync-folder.ts';

export interface ExpectedFile {
  /** Below the folder, with forward slashes. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

export interface OutputTree {
  readonly root: string;
  /**
   * Looks at what stands there: the files that are right already. Anything else in the folder is somebody's, and refused; with
   * `force` it may be replaced, or stay beside what is written.
   * @throws AppError OUTPUT_EXISTS, PATH_INVALID, PATH_TAKEN
   */
  inspect(files: readonly ExpectedFile[], options: InspectOptions): Promise<ReadonlySet<ExpectedFile>>;
  /** What came of the file so far, to be gone on with. @throws AppError PATH_INVALID, OUTPUT_EXISTS */
  openPart(file: ExpectedFile): Promise<PartFile>;
  writeText(path: string, text: string): Promise<void>;
}

interface InspectOptions {
  readonly force: boolean;
  /** Paths that a pull writes beside its files. */
  readonly own: readonly string[];
  readonly signal: AbortSignal;
}

/** A blob's longest path below a closure's folders, which are names of up to 255 bytes each. */
const outputPathBytesMax = pathBytesMax + 4 * (segmentBytesMax + 1);
/** What is being written stands under such a name, in the folder it will be in; no blob may. */
const partPattern = /^\.vitrine-[0-9a-f-]{32,36}\.part$/;

/**
 * @param isBlind whether one file has both names where only their case differs; by default the folder itself is asked
 * @throws AppError FILE_UNREADABLE for a folder that cannot be made
 */
export async function openOutputTree(folder: string, isBlind = ignoresCase): Promise<OutputTree> {
  try {
    makeFolder(folder);
  } catch (error) {
    throw new AppError('FILE_UNREADABLE', `${folder} cannot be made: ${error instanceof Error ? error.message : String(error)}`);
  }
  const root = await realpath(folder);
  return {
    root,
    async inspect(files, options) {
      await assertApart(files, () => isBlind(root));
      if (!options.force) await assertNothingElse(root, [...files.map(({ path }) => path), ...options.own]);
      const right = new Set<ExpectedFile>();
      for (const file of files) {
        if (await isRight(root, file, options.signal)) right.add(file);
        else if (!options.force && (await findFile(root, file.path)) !== undefined) {
          throw new AppError('OUTPUT_EXISTS', `${join(root, file.path)} is there already, with other bytes.`);
        }
      }
      return right;
    },
    async openPart(file) {
      const target = await prepareTarget(root, file.path);
      // The same file of the same bytes has the same part in the next run; of other bytes, another.
      const name = `.vitrine-${sha256Hex(`${file.sha256} ${target}`).slice(0, 32)}.part`;
      return openPartFile({ ...file, target, part: join(dirname(target), name) });
    },
    async writeText(path, text) {
      const target = await prepareTarget(root, path);
      await writeWhole(target, (file) => file.writeFile(text));
    },
  };
}

function toSegments(path: string): readonly string[] {
  const segments = assertPath(path, outputPathBytesMax).split('/');
  if (!segments.some((segment) => partPattern.test(segment))) return segments;
  throw new AppError('PATH_INVALID', `The path ${JSON.stringify(path)} has a name that pull keeps for itself.`);
}

/** Two writers of one file would spoil each other's. */
async function assertApart(files: readonly ExpectedFile[], isBlind: () => Promise<boolean>): Promise<void> {
  const taken = new Set<string>();
  const folds = new Set<string>();
  let blind: Promise<boolean> | undefined;
  for (const { path } of files) {
    toSegments(path);
    const fold = foldPath(path);
    // Names of artifacts may differ by case alone: where that makes two files, both are pulled.
    if (folds.has(fold)) blind ??= isBlind();
    if (taken.has(path) || (folds.has(fold) && (await blind))) {
      throw new AppError('PATH_TAKEN', `Two blobs would be written to ${path}.`);
    }
    taken.add(path);
    folds.add(fold);
  }
}

async function ignoresCase(folder: string): Promise<boolean> {
  const name = `.vitrine-${randomUUID()}.part`;
  const probe = join(folder, name);
  await writeFile(probe, '', { flag: 'wx' }).catch((error: Error) => {
    throw unwritable(probe, error);
  });
  try {
    return await lstat(join(folder, name.toUpperCase())).then(
      () => true,
      () => false,
    );
  } finally {
    await rm(probe, { force: true });
  }
}

/** Stops at the first entry that is not the pull's own, however large the folder is. */
async function assertNothingElse(root: string, paths: readonly string[]): Promise<void> {
  const files = new Set(paths);
  const walk = async (folder: string): Promise<void> => {
    for await (const entry of await opendir(join(root, folder))) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) await walk(path);
      else if (!files.has(path) && !partPattern.test(entry.name)) {
        throw new AppError('OUTPUT_EXISTS', `${root} is not empty: ${JSON.stringify(path)} is not of what is pulled.`);
      }
    }
  };
  await walk('');
}

async function isRight(root: string, { path, sizeBytes, sha256 }: ExpectedFile, signal: AbortSignal): Promise<boolean> {
  const found = await findFile(root, path);
  if (found?.sizeBytes !== sizeBytes) return false;
  return (await hashFile(found.file, sizeBytes, () => undefined, signal)).sha256 === sha256;
}

/**
 * The regular file at the path, if there is one.
 * @throws AppError OUTPUT_EXISTS where something is in the way: links above all, which could lead anywhere
 */
async function findFile(root: string, path: string): Promise<{ readonly file: string; readonly sizeBytes: number } | undefined> {
  const segments = toSegments(path);
  let current = root;
  for (const [index, segment] of segments.entries()) {
    current = join(current, segment);
    const facts = await lstat(current).catch(() => undefined);
    if (facts === undefined) return undefined;
    const isLast = index === segments.length - 1;
    if (isLast ? !facts.isFile() : !facts.isDirectory()) throw inTheWay(current, facts.isSymbolicLink(), isLast);
    if (isLast) return { file: current, sizeBytes: facts.size };
  }
  return undefined;
}

/** Makes each folder of the way, and refuses a way that leads through a link. Answers where the file goes. */
async function prepareTarget(root: string, path: string): Promise<string> {
  const segments = toSegments(path);
  let folder = root;
  for (const segment of segments.slice(0, -1)) {
    folder = join(folder, segment);
    await mkdir(folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw unwritable(folder, error);
    });
    const facts = await lstat(folder);
    if (!facts.isDirectory()) throw inTheWay(folder, facts.isSymbolicLink(), false);
  }
  await findFile(root, path);
  return join(folder, segments.at(-1) ?? '');
}

function inTheWay(path: string, isLink: boolean, shouldBeFile: boolean): AppError {
  const what = isLink ? 'a link' : `no ${shouldBeFile ? 'file' : 'folder'}`;
  return new AppError('OUTPUT_EXISTS', `${path} is in the way: it is ${what}.`);
}

/** Temporary name, fsync, rename, fsync of the folder: after a crash there is the old file, the new one, or a leftover `.part`. */
async function writeWhole(target: string, fill: (file: FileHandle) => Promise<void>): Promise<void> {
  const temporary = join(dirname(target), `.vitrine-${randomUUID()}.part`);
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const file = await open(temporary, flags, 0o666).catch((error: Error) => {
    throw unwritable(temporary, error);
  });
  try {
    try {
      await fill(file);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error instanceof Error ? unwritable(target, error) : error;
  }
  await syncFolder(dirname(target));
}
