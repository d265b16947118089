/**
 * What a power cut would leave of a folder: a model that knows only what this process asked the disk to sync. Of a file as many
 * bytes are safe as it had when its last sync began, of a folder the names it had then.
 */
import fs, { fstatSync, lstatSync, readdirSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';

export interface SyncWatch extends Disposable {
  /** The files that are safe under `root`, itself taken to be safe, with the bytes that are: path in `root` → bytes. */
  survivors(root: string): ReadonlyMap<string, number>;
}

interface Sides {
  readonly files: Map<number, number>;
  readonly folders: Map<number, ReadonlyMap<string, number>>;
}

/** Watches every file handle of this process, and descriptors that are synced for their data; Linux only, where a descriptor's folder can be listed. */
export async function watchSyncs(): Promise<SyncWatch> {
  const handle = await open(import.meta.filename);
  const prototype: FileHandle = Object.getPrototypeOf(handle);
  await handle.close();
  const safe: Sides = { files: new Map(), folders: new Map() };
  const { sync, datasync } = prototype;
  const watched = (original: () => Promise<void>) =>
    async function (this: FileHandle): Promise<void> {
      const remember = look(this.fd, safe);
      await original.call(this);
      remember();
    };
  prototype.sync = watched(sync);
  prototype.datasync = watched(datasync);
  const { fdatasync } = fs;
  const setDescriptorSync = (way: object): void => {
    Object.assign(fs, { fdatasync: way });
    syncBuiltinESMExports();
  };
  setDescriptorSync((fd: number, callback: (error: Error | null) => void) => {
    const remember = look(fd, safe);
    fdatasync(fd, (error) => {
      if (error === null) remember();
      callback(error);
    });
  });
  return {
    survivors: (root) => new Map(walk(safe, lstatSync(root).ino, '')),
    [Symbol.dispose]: () => {
      Object.assign(prototype, { sync, datasync });
      setDescriptorSync(fdatasync);
    },
  };
}

/** As it is now; the answer puts it on record. */
function look(fd: number, safe: Sides): () => void {
  const found = fstatSync(fd);
  const { ino, size } = found;
  if (!found.isDirectory()) return () => void safe.files.set(ino, size);
  const folder = `/proc/self/fd/${fd}`;
  const names = new Map(readdirSync(folder).map((name) => [name, lstatSync(join(folder, name)).ino]));
  return () => void safe.folders.set(ino, names);
}

function* walk(safe: Sides, folder: number, path: string): Generator<[string, number]> {
  for (const [name, ino] of safe.folders.get(folder) ?? []) {
    const at = path === '' ? name : `${path}/${name}`;
    if (safe.folders.has(ino)) yield* walk(safe, ino, at);
    else yield [at, safe.files.get(ino) ?? 0];
  }
}
