/** Files that appear whole or not at all, and what of a folder is whose. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ExpectedFile, type OutputTree, openOutputTree } from '#cli/output-tree.ts';
import { outcome } from '#test/support/operations.ts';
import { createFolder } from './run-command.ts';

const { signal } = new AbortController();
let folder: AsyncDisposable & { readonly path: string };
let tree: OutputTree;

beforeEach(async () => {
  folder = await createFolder();
  tree = await openOutputTree(join(folder.path, 'new/deep'));
});
afterEach(() => folder[Symbol.asyncDispose]());

function fileOf(path: string, text: string): ExpectedFile {
  return { path, sizeBytes: Buffer.byteLength(text), sha256: createHash('sha256').update(text).digest('hex') };
}

async function write(file: ExpectedFile, ...texts: string[]): Promise<void> {
  await using part = await tree.openPart(file);
  for (const text of texts) await part.append(Buffer.from(text));
  await part.finish();
}

describe('a file that is written', () => {
  it('is shown only when all of it came, under its own name', async () => {
    const file = fileOf('a/b.txt', 'hello');
    await using part = await tree.openPart(file);
    await part.append(Buffer.from('he'));
    expect(await readdir(join(tree.root, 'a'))).toEqual([expect.stringMatching(/^\.vitrine-[0-9a-f]{32}\.part$/)]);
    await part.append(Buffer.from('llo'));
    await part.finish();
    expect(await readdir(join(tree.root, 'a'))).toEqual(['b.txt']);
    expect(await readFile(join(tree.root, 'a/b.txt'), 'utf8')).toBe('hello');
  });

  it('leaves what was there when the new bytes are wrong', async () => {
    await tree.writeText('a', 'old');
    const file = fileOf('a', 'new');
    expect(await outcome(write(file, 'n', 'ex'))).toBe('BLOB_DIGEST_MISMATCH');
    await using part = await tree.openPart(file);
    expect(part).toMatchObject({ sizeBytes: 3, isResumed: true });
    await part.restart();
    expect(await outcome(part.append(Buffer.from('news')))).toBe('BLOB_SIZE_MISMATCH');
    await part.append(Buffer.from('ne'));
    expect(await outcome(part.finish())).toBe('BLOB_SIZE_MISMATCH');
    expect(await readFile(join(tree.root, 'a'), 'utf8')).toBe('old');
    await part.append(Buffer.from('w'));
    await part.finish();
    expect(await readFile(join(tree.root, 'a'), 'utf8')).toBe('new');
    expect(await readdir(tree.root)).toEqual(['a']);
  });

  it('is gone on with when it is opened again, and begun anew for other bytes', async () => {
    const file = fileOf('a', 'hello');
    {
      await using part = await tree.openPart(file);
      await part.append(Buffer.from('hel'));
    }
    {
      await using other = await tree.openPart(fileOf('a', 'world'));
      expect(other.sizeBytes).toBe(0);
      await other.remove();
    }
    await using again = await tree.openPart(file);
    expect(again).toMatchObject({ sizeBytes: 3, isResumed: true });
    await again.append(Buffer.from('lo'));
    await again.finish();
    expect(await readdir(tree.root)).toEqual(['a']);
  });

  it('starts again where more is left than there should be', async () => {
    const file = fileOf('a', 'hello');
    await using part = await tree.openPart(file);
    await part.append(Buffer.from('he'));
    const [name = ''] = await readdir(tree.root);
    await writeFile(join(tree.root, name), 'longer than hello');
    expect(await tree.openPart(file)).toMatchObject({ sizeBytes: 0, isResumed: false });
  });
});

describe('a folder that is pulled into', () => {
  const own = { force: false, own: ['closure.json'], signal };
  const files = [fileOf('a', 'one'), fileOf('sub/b', 'two')];

  it('tells which files are right already', async () => {
    expect(await tree.inspect(files, own)).toEqual(new Set());
    await write(files[1] as ExpectedFile, 'two');
    await tree.writeText('closure.json', '{}');
    await using part = await tree.openPart(files[0] as ExpectedFile);
    await part.append(Buffer.from('o'));
    expect(await tree.inspect(files, own)).toEqual(new Set([files[1]]));
  });

  it('is refused with a file of another name, or of other bytes, unless that is wanted', async () => {
    await mkdir(join(tree.root, 'other/deep'), { recursive: true });
    expect(await outcome(tree.inspect(files, own))).toBe('ok');
    await writeFile(join(tree.root, 'other/deep/file'), '');
    expect(await outcome(tree.inspect(files, own))).toBe('OUTPUT_EXISTS');
    expect(await outcome(tree.inspect([...files, fileOf('other/deep/file', '')], own))).toBe('ok');
    await writeFile(join(tree.root, 'a'), 'ONE');
    expect(await outcome(tree.inspect([...files, fileOf('other/deep/file', '')], own))).toBe('OUTPUT_EXISTS');
    expect(await tree.inspect(files, { ...own, force: true })).toEqual(new Set());
  });

  it('is never looked at, nor written, through a link', async () => {
    await mkdir(join(folder.path, 'elsewhere'));
    await writeFile(join(folder.path, 'elsewhere/b'), 'two');
    await symlink(join(folder.path, 'elsewhere'), join(tree.root, 'sub'));
    for (const force of [false, true]) expect(await outcome(tree.inspect(files, { ...own, force }))).toBe('OUTPUT_EXISTS');
    expect(await outcome(tree.openPart(files[1] as ExpectedFile))).toBe('OUTPUT_EXISTS');
    await symlink(join(folder.path, 'elsewhere/b'), join(tree.root, 'a'));
    expect(await outcome(tree.openPart(files[0] as ExpectedFile))).toBe('OUTPUT_EXISTS');
  });

  it('takes two blobs whose paths differ by case alone where that makes two files, and nowhere else', async () => {
    const twins = [fileOf('p/kit/App/1/a', 'x'), fileOf('p/kit/app/1/a', 'y')];
    expect(await outcome(tree.inspect(twins, own))).toBe('ok');
    expect(await readdir(tree.root)).toEqual([]);
    const blind = await openOutputTree(tree.root, async () => true);
    expect(await outcome(blind.inspect(twins, own))).toBe('PATH_TAKEN');
    expect(await outcome(blind.inspect([fileOf('straße', 'x'), fileOf('STRASSE', 'y')], own))).toBe('PATH_TAKEN');
    expect(await outcome(blind.inspect(files, own))).toBe('ok');
  });

  it('refuses two blobs at one path, and names that parts have', async () => {
    expect(await outcome(tree.inspect([fileOf('a', 'x'), fileOf('a', 'y')], own))).toBe('PATH_TAKEN');
    const name = `.vitrine-${'0'.repeat(32)}.part`;
    expect(await outcome(tree.inspect([fileOf(`sub/${name}`, 'x')], own))).toBe('PATH_INVALID');
    expect(await outcome(tree.openPart(fileOf(name, 'x')))).toBe('PATH_INVALID');
  });
});
