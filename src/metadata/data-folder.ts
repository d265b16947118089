/** The part of the data folder that belongs to the embedded PostgreSQL: its layout, its format, and the lock on it. */
import { chown, readFile, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { AppError } from '#base/app-error.ts';
import { makeFolder } from '#base/make-folder.ts';

/** Raised when an older Vitrine could no longer read the folder. */
const format = 1;

/** PostgreSQL keeps paths in buffers of 1,024 bytes and appends to them. */
const longestPathBytes = 900;

export interface DataFolder {
  /** Absolute. */
  readonly root: string;
  /** Everything of PostgreSQL: `data` (PGDATA), `log`, `lock`, and the socket in `run` where the path is short enough. */
  readonly postgres: string;
}

/** @throws AppError DATA_DIR_UNUSABLE, DATA_DIR_NEWER */
export async function openDataFolder(path: string): Promise<DataFolder> {
  const root = resolve(path);
  if (Buffer.byteLength(root) > longestPathBytes) {
    throw new AppError('DATA_DIR_UNUSABLE', `The path of the data folder is longer than ${longestPathBytes} bytes.`);
  }
  const folder = { root, postgres: join(root, 'postgres') };
  try {
    makeFolder(root, 0o700);
    await checkFormat(root);
    makeFolder(folder.postgres, 0o700);
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new AppError('DATA_DIR_UNUSABLE', `The data folder ${root} cannot be used: ${reason(cause)}.`, { cause });
  }
  return folder;
}

async function checkFormat(root: string): Promise<void> {
  const file = join(root, 'format.json');
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) {
    // A name of its own: of two that start at once, neither may find its file renamed away.
    const fresh = `${file}.${process.pid}`;
    // Durable under its name: an empty file after a power cut would be nobody's.
    await writeFile(fresh, `${JSON.stringify({ format })}\n`, { mode: 0o600, flush: true });
    await rename(fresh, file);
    return;
  }
  const found = parseFormat(text);
  if (found === undefined) throw new AppError('DATA_DIR_UNUSABLE', `${file} is not one of Vitrine’s.`);
  if (found > format)
    throw new AppError('DATA_DIR_NEWER', `The data folder ${root} has format ${found}; this version knows ${format}.`);
}

function parseFormat(text: string): number | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const found = typeof value === 'object' && value !== null && 'format' in value ? value.format : undefined;
    return Number.isInteger(found) ? Number(found) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Holds the folder for this process until it is disposed. An exclusive transaction of SQLite is the one lock of the
 * operating system that Node offers: the kernel drops it with the process, however that ends, so none is ever stale.
 * @throws AppError DATA_DIR_IN_USE
 */
export async function lockDataFolder(folder: DataFolder): Promise<AsyncDisposable> {
  const ownerFile = join(folder.postgres, 'owner');
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(join(folder.postgres, 'lock'));
    lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    await writeFile(ownerFile, `${process.pid}\n`, { mode: 0o600 });
  } catch (cause) {
    lock?.close();
    if (!isBusy(cause)) throw new AppError('DATA_DIR_UNUSABLE', `${folder.root} cannot be locked: ${reason(cause)}.`, { cause });
    const owner = (await readFile(ownerFile, 'utf8').catch(() => '')).trim();
    throw new AppError(
      'DATA_DIR_IN_USE',
      `Another Vitrine (process ${owner || 'unknown'}) runs on the data folder ${folder.root}.`,
    );
  }
  const held = lock;
  return {
    [Symbol.asyncDispose]: async () => {
      if (held.isOpen) held.close();
    },
  };
}

/** Gives what PostgreSQL writes to the account that it runs under. */
export async function giveTo(
  path: string,
  account: { readonly uid: number | undefined; readonly gid: number | undefined },
): Promise<void> {
  if (account.uid !== undefined && account.gid !== undefined) await chown(path, account.uid, account.gid);
}

/** The low byte of SQLite's extended codes. */
const sqliteBusy = 5;

function isBusy(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'errcode' in error && (Number(error.errcode) & 0xff) === sqliteBusy;
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
