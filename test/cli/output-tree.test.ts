/** Names as path segments, and files that appear whole or not at all. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openOutputTree, toSegment } from '#cli/output-tree.ts';
import { assertPath } from '#core/names.ts';
import { createFolder } from './run-command.ts';

const sha256Of = (text: string) => createHash('sha256').update(text).digest('hex');

async function* chunks(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

describe('toSegment', () => {
  it.each([
    ['cirros', 'cirros'],
    ['1.10.0-rc.1+b', '1.10.0-rc.1+b'],
    ['a/b', 'a%2Fb'],
    ['50%', '50%25'],
    ['.', '%2E'],
    ['..', '%2E%2E'],
    ['a:b*c', 'a%3Ab%2Ac'],
    ['end.', 'end%2E'],
    ['Ubuntu 24', 'Ubuntu 24'],
  ])('writes %j as %j', (name, segment) => {
    expect(toSegment(name)).toBe(segment);
  });

  it('gives every name a path of one segment, and different names different ones', () => {
    const name = fc
      .string({
        unit: fc.constantFrom('a', '.', '/', '\\', '%', 'é', '漢', ' ', '2', 'F', '\u0001'),
        minLength: 1,
        maxLength: 200,
      })
      .map((text) => text.normalize('NFC'));
    fc.assert(
      fc.property(name, name, (a, b) => {
        expect(assertPath(toSegment(a))).toBe(toSegment(a));
        expect(toSegment(a)).not.toContain('/');
        if (a !== b) expect(toSegment(a)).not.toBe(toSegment(b));
      }),
      { numRuns: 1000 },
    );
  });
});

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
