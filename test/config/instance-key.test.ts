import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { instanceKeySource } from '#config/config.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vitrine-key-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const kept = () => instanceKeySource({ dataDir: join(folder, 'data'), instanceKey: undefined }).findOrMake();

describe('the instance key', () => {
  it('is made once, kept to its owner, and the same from then on', async () => {
    const [first, ...others] = await Promise.all(Array.from({ length: 8 }, kept));
    expect(first).toHaveLength(32);
    for (const other of [...others, await kept()]) expect(other).toEqual(first);
    expect(await readdir(join(folder, 'data'))).toEqual(['instance.key']);
    expect((await stat(join(folder, 'data/instance.key'))).mode & 0o777).toBe(0o600);
  });

  it('differs from folder to folder', async () => {
    const other = await instanceKeySource({ dataDir: join(folder, 'other'), instanceKey: undefined }).findOrMake();
    expect(other).not.toEqual(await kept());
  });

  it('comes from the configuration where it is set, and then nothing is kept', async () => {
    const instanceKey = 'a-key-of-more-than-32-characters-xx';
    const key = await instanceKeySource({ dataDir: join(folder, 'data'), instanceKey }).findOrMake();
    expect(key).toEqual(await instanceKeySource({ dataDir: '/nonexistent', instanceKey }).findOrMake());
    expect(await readdir(folder)).toEqual([]);
  });

  it('that was cut short is refused', async () => {
    await writeFile(join(folder, 'instance.key'), 'short');
    await expect(instanceKeySource({ dataDir: folder, instanceKey: undefined }).findOrMake()).rejects.toMatchObject({
      code: 'DATA_DIR_UNUSABLE',
    });
  });

  it('is not made by who only looks for it', async () => {
    const source = instanceKeySource({ dataDir: join(folder, 'data'), instanceKey: undefined });
    expect(await source.find()).toBeUndefined();
    expect(await readdir(folder)).toEqual([]);
    const key = await source.findOrMake();
    expect(await source.find()).toEqual(key);
  });

  it('that cannot be kept is DATA_DIR_UNUSABLE', async () => {
    await writeFile(join(folder, 'file'), '');
    const dataDir = join(folder, 'file/data');
    await expect(instanceKeySource({ dataDir, instanceKey: undefined }).findOrMake()).rejects.toMatchObject({
      code: 'DATA_DIR_UNUSABLE',
    });
  });
});
