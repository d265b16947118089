import { describe, expect, it } from 'vitest';
import { createBatchLoader } from '#graphql/batch-loader.ts';

function recordingLoader() {
  const batches: (readonly string[])[] = [];
  const loader = createBatchLoader(async (keys: readonly string[]) => {
    batches.push([...keys]);
    return new Map(keys.filter((key) => key !== 'none').map((key) => [key, key.toUpperCase()]));
  }, 'missing');
  return { batches, loader };
}

describe('a batch loader', () => {
  it('reads the keys of one level together, each once', async () => {
    const { batches, loader } = recordingLoader();
    const later = Promise.resolve().then(() => loader.load('b'));
    expect(await Promise.all([loader.load('a'), later, loader.load('a'), loader.load('none')])).toEqual([
      'A',
      'B',
      'A',
      'missing',
    ]);
    expect(batches.flat().toSorted()).toEqual(['a', 'b', 'none']);
    expect(batches).toHaveLength(1);
  });

  it('reads a later level in a batch of its own, without what is known', async () => {
    const { batches, loader } = recordingLoader();
    await loader.load('a');
    expect(await Promise.all([loader.load('a'), loader.load('c')])).toEqual(['A', 'C']);
    expect(batches).toEqual([['a'], ['c']]);
  });

  it('reads again what it is told to forget', async () => {
    const { batches, loader } = recordingLoader();
    await loader.load('a');
    loader.forget();
    expect(await loader.load('a')).toBe('A');
    expect(batches).toEqual([['a'], ['a']]);
  });

  it('fails every key of a batch that fails', async () => {
    const loader = createBatchLoader<string, string>(async () => {
      throw new Error('no');
    }, '');
    await expect(Promise.all([loader.load('a'), loader.load('b')])).rejects.toThrow('no');
    await expect(loader.load('b')).rejects.toThrow('no');
  });
});
