/** Files of a bundle that want all of a hook's memory: a refusal, or none, but never a hook that fails. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { textLimits } from '#sdk/sdk.ts';
import { zip } from '#test/sdk/archives.ts';
import { loadTypes } from '#types/load-types.ts';
import type { TypeRegistry } from '#types/type-registry.ts';
import { blobView, hookArtifact } from './type-folder.ts';

let types: TypeRegistry;

beforeAll(async () => {
  const folder = join(import.meta.dirname, '../../artifact-types/bundle');
  // How long it takes is the machine's business: only the memory is what it is in service.
  types = await loadTypes({ folders: [folder], hookLimits: { deadlineMs: 300_000 } });
});
afterAll(() => types[Symbol.asyncDispose]());

const filled = (text: string, bytes: number): string => text.repeat(Math.floor(bytes / text.length));
const yaml = (text: string): string => filled(text, textLimits.yaml.bytes);

describe('a bundle', () => {
  const inspect = async (path: string, mediaType: string, text: string | Uint8Array): Promise<readonly string[]> => {
    const blobs = [{ ...blobView(path, text), mediaType }];
    return (await types.get('bundle').hooks.inspectBlobs(hookArtifact({ type: 'bundle', blobs }))).map(({ message }) => message);
  };

  it.each([
    ['brackets', yaml('['), 'nested deeper than 64 levels'],
    ['maps', yaml('{a: '), 'nested deeper than 64 levels'],
    ['lists in lists', yaml('- '), 'nested deeper than 64 levels'],
    ['a flat list', `[${yaml('a,').slice(2)}`, 'more than 200000 values'],
    ['texts', yaml('""'), 'more than 200000 values'],
    ['empty items', yaml('-\n'), 'more than 200000 values'],
    ['maps of nothing', yaml('- a:\n'), 'more than 200000 values'],
    ['directives', yaml('%a\n'), 'more than 200000 values'],
  ])(
    'refuses YAML that is all %s',
    async (_name, text, words) => {
      expect(await inspect('a.yaml', 'application/yaml', text)).toEqual([expect.stringContaining(words)]);
    },
    300_000,
  );

  it('takes JSON of millions of lists', async () => {
    const text = `[${filled('[[[[]]]],', textLimits.json.bytes - 20)}0]`;
    expect(await inspect('a.json', 'application/json', text)).toEqual([]);
  }, 300_000);

  it('takes an archive of thousands of deep paths', async () => {
    const members = Array.from({ length: 4000 }, (_, index) => ({ name: `${index}/${'d/'.repeat(2000)}x` }));
    expect(await inspect('a.zip', 'application/zip', zip(members))).toEqual([]);
  }, 300_000);
});
