/**
 * Objects of the filesystem store that several writers write one after another: one file that grows, `staged/<key>`. No start
 * sweeps it away; it ends by `finish` or `abort`. Which of its bytes count is on record elsewhere: it may be longer than that.
 */
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, opendir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError } from '#base/app-error.ts';
import { failpoint } from '#base/failpoint.ts';
import type { ResumableObjects, ResumableWriter, UnfinishedObject } from '../blob-store.ts';
import { isObjectKey } from '../object-key.ts';
import { systemCode, toStoreError, toWriteError } from '../store-error.ts';
import { createPagedFile } from './file-pages.ts';
import { inFolder, publish, syncFolder, unlinkIfThere } from './file-publish.ts';

export interface StagingFolder {
  readonly storeName: string;
  readonly path: string;
  /** Where the object of this key appears when it is finished. @throws TypeError for what is no key */
  objectPath(key: string): string;
}

// The file's name is its key, and what counts of it is the offset: nothing more needs to be kept.
const emptyState = {};

export function openStagingFolder(folder: StagingFolder): ResumableObjects {
  const stagedPath = (key: string): string => {
    folder.objectPath(key);
    return join(folder.path, key);
  };
  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw toWriteError(error, folder.storeName);
    }
  };
  return {
    async begin(key, { signal }) {
      stagedPath(key);
      signal.throwIfAborted();
      return emptyState;
    },
    async resume(key, _state, offset, { signal }) {
      const path = stagedPath(key);
      signal.throwIfAborted();
      return guarded(() => resumeFile(path, offset, { guarded, signal }));
    },
    async finish(key, _state, sizeBytes, signal) {
      const path = stagedPath(key);
      signal.throwIfAborted();
      await guarded(() => finish(path, folder.objectPath(key), sizeBytes));
    },
    async abort(key) {
      const path = stagedPath(key);
      await guarded(async () => {
        await failpoint('store.filesystem:abort');
        await unlinkIfThere(path);
      });
    },
    listUnfinished: (signal) => listStaged(folder, signal),
  };
}

interface Guards {
  readonly guarded: <T>(work: () => Promise<T>) => Promise<T>;
  readonly signal: AbortSignal;
}

async function resumeFile(path: string, offset: number, { guarded, signal }: Guards): Promise<ResumableWriter> {
  const file = createPagedFile(await openAt(path, offset), path, offset);
  // Where a byte is on record, so is the file's name.
  let isNameDurable = offset > 0;
  const run = async <T>(work: () => Promise<T>): Promise<T> => {
    signal.throwIfAborted();
    return guarded(work);
  };
  return {
    write: (bytes) => run(() => file.write(bytes)),
    checkpoint: () =>
      run(async () => {
        const reached = file.position;
        await file.sync();
        if (!isNameDurable) await syncFolder(dirname(path));
        isNameDurable = true;
        await failpoint('store.filesystem:checkpoint');
        return { offset: reached, state: emptyState };
      }),
    [Symbol.asyncDispose]: () => guarded(() => file.close()),
  };
}

/** The file, cut to `offset`. @throws BLOB_UNAVAILABLE when it is shorter */
async function openAt(path: string, offset: number): Promise<FileHandle> {
  const flags = constants.O_RDWR | constants.O_NOFOLLOW | (offset === 0 ? constants.O_CREAT : 0);
  const file = await open(path, flags, 0o600).catch((error: unknown) => {
    throw systemCode(error) === 'ENOENT' ? bytesGone(error) : error;
  });
  try {
    const { size } = await file.stat();
    if (size < offset) throw bytesGone();
    await failpoint('store.filesystem:resume');
    if (size > offset) await file.truncate(offset);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function finish(staged: string, path: string, sizeBytes: number): Promise<void> {
  let file: FileHandle;
  // Nothing may be staged for an empty object, and what is not there would be made.
  if (sizeBytes === 0 && (await isFinished(path, 0))) {
    await syncPath(path);
    return unlinkIfThere(staged);
  }
  try {
    file = await openAt(staged, sizeBytes);
  } catch (error) {
    if (!(await isFinished(path, sizeBytes))) throw error;
    return syncPath(path);
  }
  try {
    await failpoint('store.filesystem:finish');
    await file.datasync();
  } finally {
    await file.close();
  }
  // Whoever finishes by a lease that has run out must not take it from who has finished since.
  await publish(staged, path, true);
}

/** Whoever gave the object its name may have died before that was durable. */
function syncPath(path: string): Promise<void> {
  return inFolder(dirname(path), () => syncFolder(dirname(path)));
}

async function isFinished(path: string, sizeBytes: number): Promise<boolean> {
  try {
    const found = await lstat(path);
    return found.isFile() && found.size === sizeBytes;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
}

async function* listStaged(folder: StagingFolder, signal: AbortSignal): AsyncGenerator<UnfinishedObject> {
  try {
    for await (const entry of await opendir(folder.path)) {
      signal.throwIfAborted();
      if (!isObjectKey(entry.name)) continue;
      const changedAt = await changeTime(join(folder.path, entry.name));
      if (changedAt !== undefined) yield { key: entry.name, changedAt };
    }
  } catch (error) {
    signal.throwIfAborted();
    throw toStoreError(error, folder.storeName);
  }
}

async function changeTime(path: string): Promise<Date | undefined> {
  try {
    return (await lstat(path)).mtime;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function bytesGone(cause?: unknown): AppError {
  return new AppError('BLOB_UNAVAILABLE', 'Bytes of the unfinished upload are gone from the store.', { cause });
}
