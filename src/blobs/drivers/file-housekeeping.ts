/** What the filesystem store does around its objects: its identity file, leftovers of crashed writes, the walk over everything. */
import { randomUUID } from 'node:crypto';
import { type FileHandle, lstat, open, opendir, readFile, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '#base/app-error.ts';
import type { StoredObject } from '../blob-store.ts';
import { isObjectKey } from '../object-key.ts';
import { systemCode, toStoreError } from '../store-error.ts';
import { publish } from './file-publish.ts';

/** The id in the file, or undefined where there is none. */
export async function readIdentityFile(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Writes the id durably unless one is there; of two nodes that claim at once, one wins. @throws STORE_MISMATCH */
export async function claimFile(claim: { path: string; tmp: string; storeId: string; storeName: string }): Promise<string> {
  if ((await readIdentityFile(claim.path)) === undefined) {
    const file: FileHandle = await open(claim.tmp, 'wx', 0o600);
    try {
      await file.writeFile(`${claim.storeId}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await publish(claim.tmp, claim.path).catch(async (error: unknown) => {
      await unlink(claim.tmp);
      if (systemCode(error) !== 'EEXIST') throw error;
    });
  }
  const found = await readIdentityFile(claim.path);
  if (found !== claim.storeId) throw new AppError('STORE_MISMATCH', `The store '${claim.storeName}' carries another id.`);
  return found;
}

/**
 * Removes files that nobody has written to for `ageMs`; younger ones may belong to another node that is writing now. By the file
 * system's clock, which dates the files: this node's may be days off.
 */
export async function removeLeftovers(tmpDir: string, ageMs: number): Promise<void> {
  const before = ageMs === 0 ? Number.POSITIVE_INFINITY : (await readFileClock(tmpDir)) - ageMs;
  for await (const entry of await opendir(tmpDir)) {
    const path = join(tmpDir, entry.name);
    try {
      if (entry.isFile() && (await lstat(path)).mtimeMs <= before) await unlink(path);
    } catch (error) {
      // Its writer, or another node that starts too, was faster.
      if (systemCode(error) !== 'ENOENT') throw error;
    }
  }
}

/** Milliseconds, as a file that is written now is dated. On a full or read-only disk nothing is: then no file is old. */
async function readFileClock(folder: string): Promise<number> {
  const path = join(folder, `clock-${randomUUID()}`);
  try {
    await writeFile(path, '', { flag: 'wx', mode: 0o600 });
    const { mtimeMs } = await lstat(path);
    await unlink(path);
    return mtimeMs;
  } catch {
    return Number.NEGATIVE_INFINITY;
  }
}

/** Every finished object, folder by folder. */
export async function* listObjectFiles(objectsDir: string, storeName: string, signal: AbortSignal): AsyncGenerator<StoredObject> {
  try {
    for await (const folder of await opendir(objectsDir)) {
      if (!folder.isDirectory()) continue;
      for await (const entry of await opendir(join(objectsDir, folder.name))) {
        signal.throwIfAborted();
        const found = isObjectKey(entry.name) ? await statIfThere(join(objectsDir, folder.name, entry.name)) : undefined;
        if (found?.isFile() === true) yield { key: entry.name, sizeBytes: found.size };
      }
    }
  } catch (error) {
    signal.throwIfAborted();
    throw toStoreError(error, storeName);
  }
}

async function statIfThere(path: string): Promise<(Awaited<ReturnType<typeof lstat>> & { size: number }) | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
