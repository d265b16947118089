/** Writes one object of the filesystem store in one go: durable before it counts, nothing left when it is given up. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { ObjectWriter } from '../blob-store.ts';
import { toWriteError } from '../store-error.ts';
import { createPagedFile, type PagedFile } from './file-pages.ts';
import { publish, unlinkIfThere } from './file-publish.ts';
import { smallFileMaxBytes, writeSmallFile } from './small-file.ts';

export interface FileWriterOptions {
  /** Where the object appears at `finish`. */
  readonly path: string;
  /** Where it grows when it is not small, on the same file system. */
  readonly tmp: string;
  readonly storeName: string;
  readonly signal: AbortSignal;
}

/** Begins an object. Memory that is shared and page aligned goes to the disk past the page cache. */
export function createFileWriter({ path, tmp, storeName, signal }: FileWriterOptions): ObjectWriter {
  // What may still become a small file.
  const held: Uint8Array[] = [];
  let heldBytes = 0;
  let file: PagedFile | undefined;
  let running: Promise<unknown> = Promise.resolve();
  let isOver = false;

  const run = async <T>(work: () => Promise<T>): Promise<T> => {
    signal.throwIfAborted();
    if (isOver) throw new Error('the writer is closed');
    const result = guarded(storeName, work);
    running = result.catch(() => undefined);
    return result;
  };

  async function write(bytes: Uint8Array): Promise<void> {
    if (file === undefined && heldBytes + bytes.length <= smallFileMaxBytes) {
      held.push(new Uint8Array(bytes));
      heldBytes += bytes.length;
      return;
    }
    file ??= await begin();
    await file.write(bytes);
  }

  async function begin(): Promise<PagedFile> {
    const begun = createPagedFile(await open(tmp, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600), tmp);
    file = begun;
    for (const piece of held.splice(0)) await begun.write(piece);
    return begun;
  }

  async function finish(): Promise<{ readonly sizeBytes: number }> {
    if (file === undefined) await writeSmallFile(path, Buffer.concat(held));
    else {
      await file.sync();
      await publish(tmp, path);
      await file.close();
    }
    isOver = true;
    return { sizeBytes: file?.position ?? heldBytes };
  }

  const abort = async (): Promise<void> => {
    if (isOver) return;
    isOver = true;
    await guarded(storeName, async () => {
      await file?.close();
      await running;
      // It may have been opened meanwhile.
      await file?.close();
      if (file !== undefined) await unlinkIfThere(tmp);
    });
  };
  return { write: (bytes) => run(() => write(bytes)), finish: () => run(finish), abort, [Symbol.asyncDispose]: abort };
}

async function guarded<T>(storeName: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toWriteError(error, storeName);
  }
}
