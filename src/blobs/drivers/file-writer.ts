/** Writes one object of the filesystem store: straight to the disk where memory and kernel allow, durable before it is visible. */
import { constants } from 'node:fs';
import { type FileHandle, link, mkdir, open, rename, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ObjectWriter } from '../blob-store.ts';
import { systemCode, toWriteError } from '../store-error.ts';

// Without O_DIRECT the page cache would swell with dirty pages and the last sync would take many seconds.
const syncEveryBytes = 32 * 1024 * 1024;
const pageBytes = 4096;
// Undefined on systems that have no O_DIRECT.
const directFlag: number | undefined = constants.O_DIRECT;

export interface FileWriterOptions {
  /** Where the object appears at `finish`. */
  readonly path: string;
  /** Where it grows, on the same file system. */
  readonly tmp: string;
  readonly storeName: string;
  readonly signal: AbortSignal;
}

interface OpenFile {
  readonly file: FileHandle;
  /** A second descriptor for whole aligned pages; undefined before the first of them and where the kernel refuses. */
  direct: FileHandle | undefined;
  directRefused: boolean;
  position: number;
  unsynced: number;
  /** The write or finish that runs now, without its outcome. */
  running: Promise<void>;
  isClosed: boolean;
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
  const file = await guarded(() => open(tmp, 'wx', 0o600));
  const state: OpenFile = {
    file,
    direct: undefined,
    directRefused: directFlag === undefined,
    position: 0,
    unsynced: 0,
    running: Promise.resolve(),
    isClosed: false,
  };
  const run = async <T>(work: () => Promise<T>): Promise<T> => {
    signal.throwIfAborted();
    const result = guarded(work);
    state.running = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  };
  const abort = async (): Promise<void> => {
    if (state.isClosed) return;
    state.isClosed = true;
    // The system call that runs now still needs the descriptors; those after it find the file closed.
    await state.running;
    await guarded(async () => {
      await close(state);
      await unlinkIfThere(tmp);
    });
  };
  return {
    write: (bytes) => run(() => writeAll(state, tmp, bytes)),
    finish: () => run(() => finish(state, tmp, path)),
    abort,
    [Symbol.asyncDispose]: abort,
  };
}

async function finish(state: OpenFile, tmp: string, path: string): Promise<{ readonly sizeBytes: number }> {
  if (state.isClosed) throw new Error('the writer is closed');
  await state.file.sync();
  await publish(tmp, path);
  await close(state);
  state.isClosed = true;
  return { sizeBytes: state.position };
}

async function close(state: OpenFile): Promise<void> {
  await state.direct?.close();
  await state.file.close();
}

/** Links `tmp` to `path`, never over a file that is there, and syncs every folder that changed. */
export async function publish(tmp: string, path: string): Promise<void> {
  const folder = dirname(path);
  await makeFolder(folder);
  try {
    await link(tmp, path);
  } catch (error) {
    if (systemCode(error) === 'EEXIST' || !(await isMissing(path))) throw error;
    // No hard links here (some network and FAT file systems). Keys are used once, so nothing can appear in between.
    await rename(tmp, path);
  }
  await syncFolder(folder).catch(async (error: unknown) => {
    // Not known to be durable, so not there.
    await unlinkIfThere(path);
    throw error;
  });
  // The object is there for good; a second name that stays is removed with other leftovers.
  await unlinkIfThere(tmp).catch(() => undefined);
}

/** Makes new, renamed and removed names in the folder survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } catch (error) {
    // Some file systems refuse to sync a folder; they write names through.
    if (systemCode(error) !== 'EINVAL') throw error;
  } finally {
    await handle.close();
  }
}

async function writeAll(state: OpenFile, tmp: string, bytes: Uint8Array): Promise<void> {
  let offset = 0;
  if (!state.directRefused && bytes.length >= pageBytes && isAligned(bytes, state.position)) {
    offset = await writeDirect(state, tmp, bytes.subarray(0, bytes.length - (bytes.length % pageBytes)));
  }
  while (offset < bytes.length) {
    if (state.isClosed) throw new Error('the writer is closed');
    const { bytesWritten } = await state.file.write(bytes, offset, bytes.length - offset, state.position);
    offset += bytesWritten;
    state.position += bytesWritten;
    state.unsynced += bytesWritten;
  }
  if (state.unsynced >= syncEveryBytes) {
    await state.file.datasync();
    state.unsynced = 0;
  }
}

// The start of shared memory (WebAssembly) is page aligned, which cannot be said of other buffers.
function isAligned(bytes: Uint8Array, position: number): boolean {
  return bytes.buffer instanceof SharedArrayBuffer && bytes.byteOffset % pageBytes === 0 && position % pageBytes === 0;
}

/** Writes whole pages and returns how many bytes went; fewer, and never tried again, where the file system refuses. */
async function writeDirect(state: OpenFile, tmp: string, pages: Uint8Array): Promise<number> {
  let offset = 0;
  try {
    state.direct ??= await open(tmp, constants.O_WRONLY | (directFlag ?? 0));
    while (offset < pages.length && !state.isClosed) {
      const { bytesWritten } = await state.direct.write(pages, offset, pages.length - offset, state.position);
      offset += bytesWritten;
      state.position += bytesWritten;
      if (bytesWritten % pageBytes !== 0) break;
    }
  } catch (error) {
    if (systemCode(error) !== 'EINVAL') throw error;
    state.directRefused = true;
  }
  return offset;
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { mode: 0o700 });
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return;
    throw error;
  }
  await syncFolder(dirname(folder));
}

async function isMissing(path: string): Promise<boolean> {
  try {
    await stat(path);
    return false;
  } catch (error) {
    return systemCode(error) === 'ENOENT';
  }
}

async function unlinkIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
}
