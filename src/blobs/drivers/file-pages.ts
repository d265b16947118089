/** A file that grows at its end: past the page cache where memory, position and kernel allow, and never much unsynced data. */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { failpoint, tornWrite } from '#base/failpoint.ts';
import { systemCode } from '../store-error.ts';

// Without O_DIRECT the page cache would swell with dirty pages and the last sync would take many seconds.
const syncEveryBytes = 32 * 1024 * 1024;
const pageBytes = 4096;
// Undefined on systems that have no O_DIRECT.
const directFlag: number | undefined = constants.O_DIRECT;

export interface PagedFile {
  /** Where the next byte goes. */
  readonly position: number;
  /** One at a time. Memory that is shared and lies in its page as `position` does in its own goes straight to the disk. */
  write(bytes: Uint8Array): Promise<void>;
  /** Everything written is durable, the names of the file aside. May run beside a write, of which it then says nothing. */
  sync(): Promise<void>;
  /** Waits for what runs; what comes after it fails. Safe twice. */
  close(): Promise<void>;
}

interface PagedFileState {
  readonly path: string;
  readonly file: FileHandle;
  /** A second descriptor for whole aligned pages; undefined before the first of them and where the kernel refuses. */
  direct: FileHandle | undefined;
  directRefused: boolean;
  position: number;
  unsynced: number;
  isClosed: boolean;
}

/** @param file opened for writing under `path`; closed by `close` */
export function createPagedFile(file: FileHandle, path: string, position = 0): PagedFile {
  const state: PagedFileState = {
    path,
    file,
    direct: undefined,
    directRefused: directFlag === undefined,
    position,
    unsynced: 0,
    isClosed: false,
  };
  const running = new Set<Promise<void>>();

  const run = async (work: () => Promise<void>): Promise<void> => {
    if (state.isClosed) throw new Error('the file is closed');
    const settled = work();
    // A system call that runs still needs the descriptors.
    const over = settled.catch(() => undefined);
    running.add(over);
    try {
      await settled;
    } finally {
      running.delete(over);
    }
  };

  return {
    get position() {
      return state.position;
    },
    write: (bytes) => run(() => writeAll(state, bytes)),
    sync: () => run(() => sync(state)),
    async close() {
      if (state.isClosed) return;
      state.isClosed = true;
      while (running.size > 0) await Promise.race(running);
      await state.direct?.close();
      await file.close();
    },
  };
}

async function sync(state: PagedFileState): Promise<void> {
  await failpoint('store.filesystem:sync');
  state.unsynced = 0;
  await state.file.datasync();
  await failpoint('store.filesystem:synced');
}

async function writeAll(state: PagedFileState, bytes: Uint8Array): Promise<void> {
  await failpoint('store.filesystem:write');
  const piece = tornWrite('store.filesystem:write-torn', bytes);
  let offset = 0;
  if (!state.directRefused && isAligned(piece.bytes, state.position)) {
    const head = (pageBytes - (state.position % pageBytes)) % pageBytes;
    const end = piece.bytes.length - ((piece.bytes.length - head) % pageBytes);
    if (end > head) {
      await writeBuffered(state, piece.bytes.subarray(0, head));
      offset = head + (await writeDirect(state, piece.bytes.subarray(head, end)));
    }
  }
  await writeBuffered(state, piece.bytes.subarray(offset));
  if (piece.isTorn) throw new Error('a test tore this write');
  if (state.unsynced >= syncEveryBytes) await sync(state);
}

async function writeBuffered(state: PagedFileState, bytes: Uint8Array): Promise<void> {
  let offset = 0;
  while (offset < bytes.length) {
    if (state.isClosed) throw new Error('the file is closed');
    const { bytesWritten } = await state.file.write(bytes, offset, bytes.length - offset, state.position);
    offset += bytesWritten;
    state.position += bytesWritten;
    state.unsynced += bytesWritten;
  }
}

// The start of shared memory (WebAssembly) is page aligned, which cannot be said of other buffers.
function isAligned(bytes: Uint8Array, position: number): boolean {
  return bytes.buffer instanceof SharedArrayBuffer && bytes.byteOffset % pageBytes === position % pageBytes;
}

/** Writes whole pages and returns how many bytes went; fewer, and never tried again, where the file system refuses. */
async function writeDirect(state: PagedFileState, pages: Uint8Array): Promise<number> {
  let offset = 0;
  try {
    state.direct ??= await open(state.path, constants.O_WRONLY | constants.O_NOFOLLOW | (directFlag ?? 0));
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
