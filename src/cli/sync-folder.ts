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

export function unwritable(path: string, cause: Error): AppError {
  return new AppError('FILE_UNREADABLE', `${path} cannot be written: ${cause.message}`, { cause });
}
