/**
 * The filesystem store.
 *
 *   <path>/                        0700
 *     identity                     the store's id, one line
 *     objects/<k0k1>/<key>         finished objects, 0600; k0k1 = the key's first two characters
 *     staged/<key>                 being written by several requests, one after another; no start removes it
 *     tmp/<name>.<random>          being written; no reader looks here
 *
 * A write becomes durable and visible in this order: file synced, linked to its key (never over another file), folder synced.
 */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, unlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { failpoint } from '#base/failpoint.ts';
import { makeFolder } from '#base/make-folder.ts';
import type { BlobStore, ByteRange, ReadOptions, StoredObject } from '../blob-store.ts';
import { type ByteSpan, clampRange } from '../clamp-range.ts';
import { assertObjectKey } from '../object-key.ts';
import type { FilesystemStoreConfig } from '../store-config.ts';
import { systemCode, toReadError, toStoreError } from '../store-error.ts';
import { claimFile, listObjectFiles, readIdentityFile, removeLeftovers } from './file-housekeeping.ts';
import { syncFolder } from './file-publish.ts';
import { readFilePiece } from './file-read.ts';
import { openStagingFolder } from './file-resumable.ts';
import { sendFile } from './file-send.ts';
import { createFileWriter } from './file-writer.ts';

const dayMs = 24 * 60 * 60 * 1000;

interface Folder {
  readonly storeName: string;
  readonly objects: string;
  readonly staged: string;
  readonly tmp: string;
  readonly identity: string;
}

/** Opens the store, making its folders where they are missing, and removes old leftovers of crashed writes. */
export async function openFilesystemStore(config: FilesystemStoreConfig): Promise<BlobStore> {
  const { name } = config;
  const root = resolve(config.path);
  const folder: Folder = {
    storeName: name,
    objects: join(root, 'objects'),
    staged: join(root, 'staged'),
    tmp: join(root, 'tmp'),
    identity: join(root, 'identity'),
  };
  await guarded(name, async () => {
    for (const path of [root, folder.objects, folder.staged, folder.tmp]) makeFolder(path, 0o700);
    await removeLeftovers(folder.tmp, config.leftoverAgeMs ?? dayMs);
  });
  return {
    name,
    kind: 'filesystem',
    facts: { path: root },
    identity: () => guarded(name, () => readIdentityFile(folder.identity)),
    claim: (storeId) =>
      guarded(name, () => claimFile({ path: folder.identity, tmp: tmpPath(folder, 'identity'), storeId, storeName: name })),
    async create(key, { signal }) {
      signal.throwIfAborted();
      const path = objectPath(folder, key);
      return createFileWriter({ path, tmp: tmpPath(folder, key), storeName: name, signal });
    },
    stat: (key) => guarded(name, () => statObject(folder, key)),
    read: (key, offset, length, signal) => readPiece(folder, key, { offset, length, signal }),
    open: (key, options) => openStream(folder, key, options),
    async send(key, destination, { range, signal, onSent }) {
      signal.throwIfAborted();
      const { file, sizeBytes } = await openObject(folder, key);
      try {
        await sendFile(file.fd, destination, { ...clampRange(range, sizeBytes), signal, onSent, storeName: name });
      } finally {
        await file.close();
      }
    },
    remove: (key) => guarded(name, () => removeObject(folder, key)),
    list: (signal) => listObjectFiles(folder.objects, name, signal),
    resumable: openStagingFolder({ storeName: name, path: folder.staged, objectPath: (key) => objectPath(folder, key) }),
    async [Symbol.asyncDispose]() {},
  };
}

function objectPath(folder: Folder, key: string): string {
  return join(folder.objects, assertObjectKey(key).slice(0, 2), key);
}

function tmpPath(folder: Folder, label: string): string {
  return join(folder.tmp, `${label}.${randomBytes(6).toString('hex')}`);
}

async function guarded<T>(storeName: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toStoreError(error, storeName);
  }
}

async function statObject(folder: Folder, key: string): Promise<StoredObject | undefined> {
  try {
    const found = await lstat(objectPath(folder, key));
    return found.isFile() ? { key, sizeBytes: found.size } : undefined;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function openObject(folder: Folder, key: string): Promise<{ file: FileHandle; sizeBytes: number }> {
  const path = objectPath(folder, key);
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      return { file, sizeBytes: (await file.stat()).size };
    } catch (error) {
      await file.close();
      throw error;
    }
  } catch (error) {
    throw toReadError(error, folder.storeName);
  }
}

async function openStream(folder: Folder, key: string, { range, signal }: ReadOptions): Promise<Readable> {
  signal.throwIfAborted();
  const { file, sizeBytes } = await openObject(folder, key);
  const { start, end } = await clampOrClose(file, range, sizeBytes);
  // createReadStream's `end` is inclusive and cannot say "nothing": an empty object reads no byte from its offset 0.
  return file.createReadStream({ start, end: Math.max(end - 1, 0), highWaterMark: 256 * 1024, signal });
}

async function clampOrClose(file: FileHandle, range: ByteRange | undefined, sizeBytes: number): Promise<ByteSpan> {
  try {
    return clampRange(range, sizeBytes);
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function readPiece(
  folder: Folder,
  key: string,
  piece: { readonly offset: number; readonly length: number; readonly signal: AbortSignal | undefined },
): Promise<Uint8Array> {
  piece.signal?.throwIfAborted();
  const path = objectPath(folder, key);
  try {
    return await readFilePiece(path, piece.offset, piece.length);
  } catch (error) {
    throw toReadError(error, folder.storeName);
  }
}

async function removeObject(folder: Folder, key: string): Promise<void> {
  const path = objectPath(folder, key);
  await failpoint('store.filesystem:remove');
  try {
    await unlink(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return;
    throw error;
  }
  await syncFolder(join(path, '..'));
}
