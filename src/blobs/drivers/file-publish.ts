/** Names of the filesystem store: how a written file gets its key for good, and how a folder's names survive a power cut. */
import { link, lstat, mkdir, open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { failpoint } from '#base/failpoint.ts';
import { systemCode } from '../store-error.ts';

/**
 * Links `tmp`, whose bytes are durable, to `path`, never over another file, and syncs every folder that changed.
 * @param isShared another process may publish the same at the same time, and have told of it: what fails here is left to be done
 *   again, not taken back
 */
export async function publish(tmp: string, path: string, isShared = false): Promise<void> {
  const folder = dirname(path);
  await failpoint('store.filesystem:link');
  await inFolder(folder, () => linkOnce(tmp, path));
  try {
    await failpoint('store.filesystem:linked');
    await syncFolder(folder);
    await failpoint('store.filesystem:published');
  } catch (error) {
    if (isShared) throw error;
    // Not known to be durable, so not there.
    if (await isMissing(tmp)) await rename(path, tmp);
    else await unlinkIfThere(path);
    throw error;
  }
  // The object is there for good; a second name that stays is removed with other leftovers.
  await unlinkIfThere(tmp).catch(() => undefined);
}

async function linkOnce(tmp: string, path: string): Promise<void> {
  try {
    await link(tmp, path);
  } catch (error) {
    // A process that died here left both names.
    if (systemCode(error) === 'EEXIST' && (await isSameFile(tmp, path))) return;
    if (systemCode(error) === 'EEXIST' || systemCode(error) === 'ENOENT' || !(await isMissing(path))) throw error;
    // No hard links here (some network and FAT file systems). Keys are used once, so nothing can appear in between.
    await rename(tmp, path);
  }
}

interface FolderSync {
  readonly running: Promise<void>;
  /** The one after it. */
  next: Promise<void> | undefined;
}

const syncs = new Map<string, FolderSync>();

/**
 * Makes new, renamed and removed names in the folder survive a power cut. A sync that runs may be past what was changed since it
 * began: whoever asks meanwhile waits for one more, which is one for all of them. Where the one that runs fails, so does who waits:
 * systems tell of what they could not write once, and the next sync would know nothing of it.
 */
export function syncFolder(folder: string): Promise<void> {
  const current = syncs.get(folder);
  if (current === undefined) return beginSync(folder);
  current.next ??= current.running.then(() => beginSync(folder));
  return current.next;
}

function beginSync(folder: string): Promise<void> {
  const sync: FolderSync = {
    running: syncNow(folder).then(
      () => {
        if (sync.next === undefined) syncs.delete(folder);
      },
      (error: unknown) => {
        syncs.delete(folder);
        throw error;
      },
    ),
    next: undefined,
  };
  syncs.set(folder, sync);
  return sync.running;
}

async function syncNow(folder: string): Promise<void> {
  await failpoint('store.filesystem:sync-folder');
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

export async function unlinkIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
}

// What is put into a folder is durable only when the folder is. Those whose names this process has synced, and those it is at:
const durable = new Set<string>();
const making = new Map<string, Promise<void>>();

/** Does what needs the folder, made where it is missing, and durable by then: another process may have made it and died. */
export async function inFolder<T>(folder: string, work: () => Promise<T>): Promise<T> {
  if (!durable.has(folder)) await makeFolder(folder);
  try {
    return await work();
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    await makeFolder(folder);
    return work();
  }
}

function makeFolder(folder: string): Promise<void> {
  const running = making.get(folder);
  if (running !== undefined) return running;
  const made = make(folder).finally(() => making.delete(folder));
  making.set(folder, made);
  return made;
}

async function make(folder: string): Promise<void> {
  const isThere = await mkdir(folder, { mode: 0o700 }).then(
    () => false,
    (error: unknown) => {
      if (systemCode(error) === 'EEXIST') return true;
      throw error;
    },
  );
  await syncFolder(dirname(folder)).catch((error: unknown) => {
    // The store's own folder, whose parent may be closed to us: it was there before us.
    if (!isThere || systemCode(error) !== 'EACCES') throw error;
  });
  durable.add(folder);
}

async function isSameFile(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([lstat(one, { bigint: true }), lstat(other, { bigint: true })]);
  return a.ino === b.ino && a.dev === b.dev;
}

async function isMissing(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return false;
  } catch (error) {
    return systemCode(error) === 'ENOENT';
  }
}
