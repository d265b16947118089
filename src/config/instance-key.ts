/** The instance's key: signs cursors and hashes tokens. From the configuration, or made once and kept in the data folder. */
import { createHash, randomBytes } from 'node:crypto';
import { link, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '#base/app-error.ts';
import { makeFolder } from '#base/make-folder.ts';
import type { Config } from './config.ts';

/** 32 bytes. @throws AppError DATA_DIR_UNUSABLE where it can be neither read nor kept */
export async function loadInstanceKey(config: Pick<Config, 'instanceKey' | 'dataDir'>): Promise<Uint8Array> {
  if (config.instanceKey !== undefined) return toKey(config.instanceKey);
  const file = join(config.dataDir, 'instance.key');
  try {
    return toKey((await readIfThere(file)) ?? (await make(file, config.dataDir)), file);
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new AppError('DATA_DIR_UNUSABLE', `The instance key ${file} cannot be read or kept.`, { cause });
  }
}

/** Any text serves, so that operators may bring what they have; its hash has the length and the spread of a key. */
function toKey(text: string, file = 'of the configuration'): Uint8Array {
  const trimmed = text.trim();
  if (trimmed.length < 32) {
    const detail = `The instance key ${file} is shorter than 32 characters: put back the one this database was made with.`;
    throw new AppError('DATA_DIR_UNUSABLE', detail);
  }
  return createHash('sha256').update(trimmed).digest();
}

async function readIfThere(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}

/** Linked into place, so that of two processes one wins and nobody ever reads half a key. */
async function make(file: string, folder: string): Promise<string> {
  makeFolder(folder, 0o700);
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  const handle = await open(draft, 'wx', 0o600);
  try {
    await handle.writeFile(`${randomBytes(32).toString('hex')}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  try {
    await link(draft, file);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    await rm(draft, { force: true });
  }
  return readFile(file, 'utf8');
}
