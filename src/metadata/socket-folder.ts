/** A folder for PostgreSQL's socket that only its owner may enter, with a path short enough for a socket address. */
import { createHash } from 'node:crypto';
import { lstat, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '#base/app-error.ts';
import { type DataFolder, giveTo } from './data-folder.ts';
import type { PostgresAccount } from './postgres-account.ts';

// `sun_path` has 104 bytes on macOS and 108 on Linux; the socket is called `.s.PGSQL.5432`.
const longestFolderBytes = 85;

// PostgreSQL reads the setting as a list: a comma or a quote in the path would mean something.
const plainPath = /^[\w./-]+$/;

/** In the data folder; where that path is too long, always the same one in the system's folder for temporary files. */
export async function makeSocketFolder(folder: DataFolder, account: PostgresAccount): Promise<string> {
  const name = `vitrine-${account.uid ?? process.getuid?.() ?? 0}-${createHash('sha256').update(folder.root).digest('hex').slice(0, 16)}`;
  const candidates = [join(folder.postgres, 'run'), join(tmpdir(), name), join('/tmp', name)];
  const path = candidates.find((candidate) => Buffer.byteLength(candidate) <= longestFolderBytes && plainPath.test(candidate));
  if (path === undefined) {
    throw new AppError('DATA_DIR_UNUSABLE', 'No path is short enough for PostgreSQL’s socket; set TMPDIR to a short one.');
  }
  await mkdir(path, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  await assertOwn(path, account);
  await giveTo(path, account);
  return path;
}

/** Others may write in the temporary folder too: what stands there already is only used when it is ours alone. */
async function assertOwn(path: string, account: PostgresAccount): Promise<void> {
  const found = await lstat(path);
  const isOurs = found.uid === process.getuid?.() || found.uid === account.uid;
  if (!found.isDirectory() || !isOurs || (found.mode & 0o077) !== 0) {
    throw new AppError('DATA_DIR_UNUSABLE', `${path} exists and is not a folder of this user alone; remove it.`);
  }
}
