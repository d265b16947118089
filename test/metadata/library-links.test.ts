import { mkdir, mkdtemp, readdir, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { restoreLibraryLinks } from '#metadata/library-links.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vitrine-links-'));
  await mkdir(join(folder, 'native/lib'), { recursive: true });
  await writeFile(join(folder, 'native/lib/liba.so.1.2'), 'library');
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const list = (links: unknown) => writeFile(join(folder, 'native/pg-symlinks.json'), JSON.stringify(links));

describe('links between libraries', () => {
  it('are made where the install script did not run, and left alone where it did', async () => {
    await list([
      { source: 'native/lib/liba.so.1.2', target: 'native/lib/liba.so' },
      { source: 'native/lib/liba.so.1.2', target: 'native/lib/liba.so.1' },
    ]);
    await writeFile(join(folder, 'native/lib/liba.so.1'), 'already here');
    await restoreLibraryLinks(folder);
    await restoreLibraryLinks(folder);
    expect(await readlink(join(folder, 'native/lib/liba.so'))).toBe('liba.so.1.2');
    await expect(readlink(join(folder, 'native/lib/liba.so.1'))).rejects.toThrow('EINVAL');
  });

  it('never lead out of their folder', async () => {
    await list([
      { source: '../../elsewhere', target: 'native/lib/libb.so' },
      { source: 'native/lib/liba.so.1.2', target: '../outside.so' },
    ]);
    await restoreLibraryLinks(folder);
    expect(await readdir(join(folder, 'native/lib'))).toEqual(['liba.so.1.2']);
    expect(await readdir(folder)).toEqual(['native']);
  });

  it('are none where the package lists none', async () => {
    await restoreLibraryLinks(folder);
    expect(await readdir(join(folder, 'native/lib'))).toEqual(['liba.so.1.2']);
  });
});
