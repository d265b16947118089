/** The instance's key: signs cursors and hashes tokens. From the configuration, or made once and kept in the data folder. */
import { createHash, randomBytes } from 'node:crypto';
import { link, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '#base/app-error.ts';
import { makeFolder } from '#base/make-folder.ts';
import type { Config } from './config.ts';

/** Where the key is, or will be. Only who knows that the database has no instance yet may have one made. */
interface InstanceKeySource {
  /** For messages: a path, or that the configuration has it. */
  readonly place: string;
  /** 32 bytes; undefined where there is none yet. @throws AppError DATA_DIR_UNUSABLE where it cannot be read */
  find(): Promise<Uint8Array | undefined>;
  /** The key that is there, else a new one, kept before it is answered. @throws AppError DATA_DIR_UNUSABLE */
  findOrMake(): Promise<Uint8Array>;
}

export function instanceKeySource(config: Pick<Config, 'instanceKey' | 'dataDir'>): InstanceKeySource {
  const { instanceKey, dataDir } = config;
  if (instanceKey !== undefined) {
    const given = async (): Promise<Uint8Array> => toKey(instanceKey);
    return { place: 'of the configuration', find: given, findOrMake: given };
  }
  const file = join(dataDir, 'instance.key');
  const find = async (): Promise<Uint8Array | undefined> => {
    const text = await readIfThere(file);
    return text === undefined ? undefined : toKey(text, file);
  };
  return {
    place: file,
    find: () => guarded(file, find),
    findOrMake: () => guarded(file, async () => (await find()) ?? toKey(await make(file, dataDir), file)),
  };
}

async function guarded<Result>(file: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
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
