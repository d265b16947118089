/** Paths of one folder: the same clashes as by looking at every path, without looking at every path. */
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { findPathClash, foldPath } from '#core/names.ts';
import { createPathSet, findClashingPaths } from '#core/path-set.ts';

const path = fc
  .array(fc.constantFrom('a', 'A', 'b', 'ab', 'a b', 'a.b', 'a-b', 'é', 'straße', 'strasse'), { minLength: 1, maxLength: 5 })
  .map((segments) => segments.join('/'));

describe('a set of paths', () => {
  it('names only paths that clash, and one whenever any does, whatever was added and removed before', () => {
    const steps = fc.array(fc.record({ path, isRemoved: fc.boolean() }), { maxLength: 30 });
    fc.assert(
      fc.property(steps, path, (done, asked) => {
        const set = createPathSet();
        const held = new Map<string, string>();
        for (const step of done) {
          const twin = [...held.values()].find((other) => foldPath(other) === foldPath(step.path));
          if (!step.isRemoved && twin === undefined) held.set(step.path, step.path);
          if (step.isRemoved && twin !== undefined) held.delete(twin);
          if (step.isRemoved) set.remove(step.path);
          else set.add(step.path);
        }
        const clashing = [...held.values()].filter((other) => findPathClash(asked, [other]) !== undefined);
        const named = set.clashes(asked);
        expect(clashing).toEqual(expect.arrayContaining([...named]));
        expect(named.length > 0).toBe(clashing.length > 0);
        expect(named.length).toBeLessThanOrEqual(3);
      }),
      { numRuns: 2000 },
    );
  });

  it('is the same whether it began with the paths or was given them one by one', () => {
    fc.assert(
      fc.property(fc.array(path, { maxLength: 30 }), fc.array(path, { maxLength: 5 }), path, (initial, added, asked) => {
        const begun = createPathSet(initial);
        const grown = createPathSet();
        for (const each of initial) grown.add(each);
        for (const set of [begun, grown]) for (const each of added) set.add(each);
        expect(begun.clashes(asked)).toEqual(grown.clashes(asked));
      }),
      { numRuns: 1000 },
    );
  });

  it('has two that clash whenever there are any among paths that are given together', () => {
    fc.assert(
      fc.property(fc.array(path, { maxLength: 12 }), (paths) => {
        const isClash = paths.some((each, index) => findPathClash(each, paths.slice(0, index)) !== undefined);
        const found = findClashingPaths(paths);
        expect(found !== undefined).toBe(isClash);
        if (found !== undefined) expect(findPathClash(found[0], [found[1]])).toBe(found[1]);
      }),
      { numRuns: 2000 },
    );
  });

  it('has the twin first, then what lies above, then what lies beneath', () => {
    const set = createPathSet();
    for (const each of ['a', 'a/b/c/d', 'A/B', 'a.x', 'b']) set.add(each);
    expect(set.clashes('a/b/c')).toEqual(['A/B', 'a/b/c/d']);
    expect(set.clashes('a/b')).toEqual(['A/B', 'a', 'a/b/c/d']);
    expect(set.clashes('a/x/y')).toEqual(['a']);
    expect(set.clashes('a.y')).toEqual([]);
  });

  it('keeps nothing for the folders of a path, however many they are', () => {
    const set = createPathSet();
    const kept = vi.spyOn(Map.prototype, 'set');
    try {
      for (let index = 0; index < 20; index += 1) set.add(`${index}/${'a/'.repeat(400)}x`);
      expect(kept).toHaveBeenCalledTimes(20);
    } finally {
      kept.mockRestore();
    }
  });
});
