import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadInstanceKey } from '#config/config.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vitrine-key-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const kept = () => loadInstanceKey({ dataDir: join(folder, 'data'), instanceKey: undefined });

describe('the instance key', () => {
  it('is made once, kept to its owner, and the same from then on', async () => {
    const [first, ...others] = await Promise.all(Array.from({ length: 8 }, kept));
    expect(first).toHaveLength(32);
    for (const other of [...others, await kept()]) expect(other).toEqual(first);
    expect(await readdir(join(folder, 'data'))).toEqual(['instance.key']);
    expect((await stat(join(folder, 'data/instance.key'))).mode & 0o777).toBe(0o600);
  });

  it('differs from folder to folder', async () => {
    const other = await loadInstanceKey({ dataDir: join(folder, 'other'), instanceKey: undefined });
    expect(other).not.toEqual(await kept());
  });

  it('comes from the configuration where it is set, and then nothing is kept', async () => {
    const instanceKey = 'a-key-of-more-than-32-characters-xx';
    const key = await loadInstanceKey({ dataDir: join(folder, 'data'), instanceKey });
    expect(key).toEqual(await loadInstanceKey({ dataDir: '/nonexistent', instanceKey }));
    expect(await readdir(folder)).toEqual([]);
  });

  it('that was cut short is refused', async () => {
    await writeFile(join(folder, 'instance.key'), 'short');
    await expect(loadInstanceKey({ dataDir: folder, instanceKey: undefined })).rejects.toMatchObject({
      code: 'DATA_DIR_UNUSABLE',
    });
  });

  it('that cannot be kept is DATA_DIR_UNUSABLE', async () => {
    await writeFile(join(folder, 'file'), '');
    const dataDir = join(folder, 'file/data');
    await expect(loadInstanceKey({ dataDir, instanceKey: undefined })).rejects.toMatchObject({ code: 'DATA_DIR_UNUSABLE' });
  });
});
