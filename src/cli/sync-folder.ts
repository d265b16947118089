/** What both ways of writing a file share: making its name last, and saying why it could not be written. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { AppError } from '#base/app-error.ts';

/** Makes a rename in the folder last. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** What is wrong with the disk, not with the path. */
const diskCodes: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG', 'EIO']);

export function unwritable(path: string, cause: Error): AppError {
  const isOfDisk = 'code' in cause && diskCodes.has(cause.code);
  const code = isOfDisk ? 'OUTPUT_UNWRITABLE' : 'FILE_UNREADABLE';
  return new AppError(code, `${path} cannot be written: ${cause.message}`, { cause });
}
