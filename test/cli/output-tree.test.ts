/** Files that appear whole or not at all. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openOutputTree } from '#cli/output-tree.ts';
import { createFolder } from './run-command.ts';

const sha256Of = (text: string) => createHash('sha256').update(text).digest('hex');

async function* chunks(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

describe('an output tree', () => {
  it('shows a file only when all of it came, under its own name', async () => {
    await using folder = await createFolder();
    const tree = await openOutputTree(join(folder.path, 'new/deep'), false);
    let seen: string[] = [];
    async function* source(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('he');
      seen = await readdir(join(tree.root, 'a'));
      yield Buffer.from('llo');
    }
    await tree.write({ path: 'a/b.txt', sizeBytes: 5, sha256: sha256Of('hello') }, source());
    expect(seen).toEqual([expect.stringMatching(/^\.vitrine-.*\.part$/)]);
    expect(await readdir(join(tree.root, 'a'))).toEqual(['b.txt']);
    expect(await readFile(join(tree.root, 'a/b.txt'), 'utf8')).toBe('hello');
  });

  it('keeps what was there when the new bytes are wrong', async () => {
    await using folder = await createFolder();
    const tree = await openOutputTree(folder.path, false);
    await tree.writeText('a', 'old');
    const expected = { path: 'a', sizeBytes: 3, sha256: sha256Of('new') };
    await expect(tree.write(expected, chunks('n', 'ex'))).rejects.toThrow('did not come with the digest');
    await expect(tree.write(expected, chunks('news'))).rejects.toThrow('came with more');
    await expect(tree.write(expected, chunks('ne'))).rejects.toThrow('came with 2');
    expect(await readdir(folder.path)).toEqual(['a']);
    expect(await readFile(join(folder.path, 'a'), 'utf8')).toBe('old');
    await tree.write(expected, chunks('new'));
    expect(await readFile(join(folder.path, 'a'), 'utf8')).toBe('new');
  });
});
