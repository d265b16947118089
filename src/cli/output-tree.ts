/** A folder that a pull writes into: every file whole or not at all, none of them outside. */
import { createHash, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readdir, realpath, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError } from '#base/app-error.ts';
import { makeFolder } from '#base/make-folder.ts';
import { assertPath, pathBytesMax, segmentBytesMax } from '#core/names.ts';

interface ExpectedFile {
  /** Below the folder, with forward slashes. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

export interface OutputTree {
  readonly root: string;
  /** @throws AppError PATH_INVALID, OUTPUT_EXISTS, BLOB_DIGEST_MISMATCH, BLOB_SIZE_MISMATCH; nothing is left then */
  write(file: ExpectedFile, source: AsyncIterable<Uint8Array>): Promise<void>;
  writeText(path: string, text: string): Promise<void>;
}

/** A blob's longest path below a closure's folders, which are names of up to 255 bytes each. */
const outputPathBytesMax = pathBytesMax + 4 * (segmentBytesMax + 1);

/** @throws AppError OUTPUT_EXISTS for a folder with anything in it, unless `force` */
export async function openOutputTree(folder: string, force: boolean): Promise<OutputTree> {
  try {
    makeFolder(folder);
  } catch (error) {
    throw new AppError('FILE_UNREADABLE', `${folder} cannot be made: ${error instanceof Error ? error.message : error}`);
  }
  const root = await realpath(folder);
  if (!force && (await readdir(root)).length > 0) {
    throw new AppError('OUTPUT_EXISTS', `${folder} is not empty.`);
  }
  const write = async (path: string, fill: (file: FileHandle) => Promise<void>): Promise<void> => {
    const target = join(root, ...assertPath(path, outputPathBytesMax).split('/'));
    await makeParents(root, path);
    await assertReplaceable(target);
    await writeWhole(target, fill);
  };
  return {
    root,
    write: (expected, source) => write(expected.path, (file) => copyChecked(file, expected, source)),
    writeText: (path, text) => write(path, (file) => file.writeFile(text)),
  };
}

/** Makes each folder of the way, and refuses a way that leads through a link: it could end anywhere. */
async function makeParents(root: string, path: string): Promise<void> {
  let folder = root;
  for (const segment of path.split('/').slice(0, -1)) {
    folder = join(folder, segment);
    const facts = await lstat(folder).catch(() => undefined);
    if (facts === undefined) await mkdir(folder).catch(unwritable(folder));
    else if (!facts.isDirectory()) {
      throw new AppError('OUTPUT_EXISTS', `${folder} is in the way: it is ${facts.isSymbolicLink() ? 'a link' : 'no folder'}.`);
    }
  }
}

async function assertReplaceable(target: string): Promise<void> {
  const facts = await lstat(target).catch(() => undefined);
  if (facts === undefined || facts.isFile()) return;
  throw new AppError('OUTPUT_EXISTS', `${target} is in the way: it is ${facts.isSymbolicLink() ? 'a link' : 'no file'}.`);
}

/** Temporary name, fsync, rename, fsync of the folder: after a crash there is the old file, the new one, or a leftover `.part`. */
async function writeWhole(target: string, fill: (file: FileHandle) => Promise<void>): Promise<void> {
  const folder = dirname(target);
  const temporary = join(folder, `.vitrine-${randomUUID()}.part`);
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const file = await open(temporary, flags, 0o666).catch(unwritable(temporary));
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
    throw error;
  }
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function copyChecked(file: FileHandle, expected: ExpectedFile, source: AsyncIterable<Uint8Array>): Promise<void> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of source) {
    sizeBytes += chunk.length;
    if (sizeBytes > expected.sizeBytes) break;
    hash.update(chunk);
    await file.writeFile(chunk);
  }
  if (sizeBytes !== expected.sizeBytes) {
    const got = sizeBytes > expected.sizeBytes ? 'more' : String(sizeBytes);
    throw new AppError('BLOB_SIZE_MISMATCH', `${expected.path} should have ${expected.sizeBytes} bytes and came with ${got}.`);
  }
  if (hash.digest('hex') !== expected.sha256) {
    throw new AppError('BLOB_DIGEST_MISMATCH', `${expected.path} did not come with the digest sha256:${expected.sha256}.`);
  }
}

function unwritable(path: string): (cause: Error) => never {
  return (cause) => {
    throw new AppError('FILE_UNREADABLE', `${path} cannot be written: ${cause.message}`, { cause });
  };
}
