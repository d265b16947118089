/** Writes one object of the filesystem store in one go: durable before it is visible, nothing left when it is given up. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { ObjectWriter } from '../blob-store.ts';
import { toWriteError } from '../store-error.ts';
import { createPagedFile, type PagedFile } from './file-pages.ts';
import { publish, unlinkIfThere } from './file-publish.ts';

export interface FileWriterOptions {
  /** Where the object appears at `finish`. */
  readonly path: string;
  /** Where it grows, on the same file system. */
  readonly tmp: string;
  readonly storeName: string;
  readonly signal: AbortSignal;
}

/** Begins the file. Memory that is shared and page aligned goes to the disk past the page cache. */
export async function createFileWriter({ path, tmp, storeName, signal }: FileWriterOptions): Promise<ObjectWriter> {
  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw toWriteError(error, storeName);
    }
  };
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
  const file = createPagedFile(await guarded(() => open(tmp, flags, 0o600)), tmp);
  let running: Promise<unknown> = Promise.resolve();
  let isOver = false;

  const run = async <T>(work: () => Promise<T>): Promise<T> => {
    signal.throwIfAborted();
    const result = guarded(work);
    running = result.catch(() => undefined);
    return result;
  };
  const abort = async (): Promise<void> => {
    if (isOver) return;
    isOver = true;
    await guarded(async () => {
      await file.close();
      await running;
      await unlinkIfThere(tmp);
    });
  };
  return {
    write: (bytes) => run(() => file.write(bytes)),
    finish: () =>
      run(async () => {
        await finish(file, tmp, path);
        isOver = true;
        return { sizeBytes: file.position };
      }),
    abort,
    [Symbol.asyncDispose]: abort,
  };
}

async function finish(file: PagedFile, tmp: string, path: string): Promise<void> {
  await file.sync();
  await publish(tmp, path);
  await file.close();
}
