import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { createMemberCheck, type MemberKind } from '#sdk/archive-members.ts';

const kinds: readonly MemberKind[] = ['file', 'folder', 'link'];
const members = fc.uniqueArray(
  fc.record({
    name: fc.array(fc.constantFrom('a', 'b', 'a b', 'a!', 'ä'), { minLength: 1, maxLength: 5 }).map((parts) => parts.join('/')),
    kind: fc.constantFrom(...kinds),
  }),
  { selector: ({ name }) => name, maxLength: 9 },
);

describe('what lies below a member that is no folder', () => {
  it('is found whatever the order of the members, with the nearest one above it', () => {
    fc.assert(
      fc.property(members, (given) => {
        const kindOf = new Map(given.map(({ name, kind }) => [name, kind]));
        const expected = given.flatMap(({ name }) => {
          const parts = name.split('/');
          const above = parts.map((_, index) => parts.slice(0, index).join('/')).toReversed();
          const found = above.find((path) => (kindOf.get(path) ?? 'folder') !== 'folder');
          return found === undefined ? [] : [`its member "${name}" lies below "${found}", which is a ${kindOf.get(found)}`];
        });
        const check = createMemberCheck();
        for (const { name, kind } of given) check.add(name, kind, kind === 'link' ? 'x' : undefined);
        check.finish();
        expect(check.problems).toEqual(expected);
      }),
    );
  });

  it('is found without looking for each folder of a deep path', () => {
    const check = createMemberCheck();
    for (let index = 0; index < 20; index += 1) check.add(`${index}/${'d/'.repeat(2000)}x`, 'file');
    const looked = vi.spyOn(Map.prototype, 'get');
    try {
      check.finish();
      expect(looked.mock.calls.length).toBeLessThan(200);
    } finally {
      looked.mockRestore();
    }
    expect(check.problems).toEqual([]);
  });
});

describe('the names of all members', () => {
  it('are no more than can be kept', () => {
    const check = createMemberCheck();
    for (let index = 0; index < 4200 && !check.isFull; index += 1) check.add(`${index}-`.padEnd(4096, 'x'), 'file');
    expect(check.isFull).toBe(true);
    expect(check.problems).toEqual(['has names of more than 16777216 characters together']);
  });
});
