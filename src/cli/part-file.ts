/** A file while it comes: it grows under a name of its own, survives breaks and kills, and takes its name when it is verified. */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '#base/app-error.ts';
import { syncFolder, unwritable } from './sync-folder.ts';

export interface PartFileOptions {
  /** For messages. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** Where it goes, and where it grows: two names in one folder. */
  readonly target: string;
  readonly part: string;
}

/** Disposed of, it is closed and stays as it is. */
export interface PartFile extends AsyncDisposable {
  /** Bytes that are there. */
  readonly sizeBytes: number;
  /** Some of them come from an earlier run, and may be anything. */
  readonly isResumed: boolean;
  /** @throws AppError BLOB_SIZE_MISMATCH for more than there should be, OUTPUT_UNWRITABLE where the disk is full */
  append(chunk: Uint8Array): Promise<void>;
  /** Forgets what is there. */
  restart(): Promise<void>;
  /** Gives it its name, durably. @throws AppError BLOB_SIZE_MISMATCH, BLOB_DIGEST_MISMATCH */
  finish(): Promise<void>;
  /** Takes it away. */
  remove(): Promise<void>;
}

const blockBytes = 1024 * 1024;

export async function openPartFile({ path, sizeBytes, sha256, target, part }: PartFileOptions): Promise<PartFile> {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
  const fail = (error: Error) => {
    throw unwritable(part, error);
  };
  const file = await open(part, flags, 0o666).catch(fail);
  let hash = createHash('sha256');
  let size = 0;
  let isResumed = false;
  let isOpen = true;
  const close = async () => {
    if (!isOpen) return;
    isOpen = false;
    await file.close();
  };
  const restart = async () => {
    await file.truncate(0).catch(fail);
    hash = createHash('sha256');
    size = 0;
    isResumed = false;
  };
  try {
    if (!(await file.stat()).isFile()) throw new AppError('OUTPUT_EXISTS', `${part} is in the way: it is no file.`);
    const block = Buffer.allocUnsafe(blockBytes);
    for (;;) {
      const { bytesRead } = await file.read(block, 0, blockBytes, size);
      if (bytesRead === 0) break;
      hash.update(block.subarray(0, bytesRead));
      size += bytesRead;
      if (size > sizeBytes) break;
    }
    isResumed = size > 0;
    if (size > sizeBytes) await restart();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    get sizeBytes() {
      return size;
    },
    get isResumed() {
      return isResumed;
    },
    async append(chunk) {
      if (size + chunk.length > sizeBytes) throw wrongSize(path, sizeBytes, 'more');
      for (let written = 0; written < chunk.length; ) {
        const { bytesWritten } = await file.write(chunk, written, chunk.length - written, size + written).catch(fail);
        written += bytesWritten;
      }
      hash.update(chunk);
      size += chunk.length;
    },
    restart,
    async finish() {
      if (size !== sizeBytes) throw wrongSize(path, sizeBytes, String(size));
      if (hash.copy().digest('hex') !== sha256) {
        throw new AppError('BLOB_DIGEST_MISMATCH', `${path} did not come with the digest sha256:${sha256}.`);
      }
      await file.sync().catch(fail);
      await close();
      await rename(part, target).catch(fail);
      await syncFolder(dirname(target));
    },
    async remove() {
      await close();
      await rm(part, { force: true });
    },
    [Symbol.asyncDispose]: close,
  };
}

function wrongSize(path: string, expected: number, got: string): AppError {
  return new AppError('BLOB_SIZE_MISMATCH', `${path} should have ${expected} bytes and came with ${got}.`);
}
