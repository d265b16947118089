import { describe, expect, it } from 'vitest';
import { nestingFaults } from '#ops/heat-nesting.ts';

function chain(length: number) {
  const keys = Array.from({ length }, (_, index) => `${index}.yaml`);
  return { keys, nested: keys.slice(1).map((to, index) => ({ from: `${index}.yaml`, to })) };
}

describe('nestingFaults', () => {
  it.each([1, 6])('takes %i templates in a row', (length) => {
    const { keys, nested } = chain(length);
    expect(nestingFaults(nested, keys)).toEqual([]);
  });

  it.each([7, 50_000])('says how deep %i templates in a row are', (length) => {
    const { keys, nested } = chain(length);
    expect(nestingFaults(nested, keys.toReversed())).toEqual([
      { pointer: '', message: `nests templates ${length - 1} deep, and Heat takes 5` },
    ]);
  });

  it('names templates that nest each other', () => {
    const nested = [
      { from: 'a', to: 'b' },
      { from: 'b', to: 'a' },
    ];
    expect(nestingFaults(nested, ['a', 'b'])).toEqual([
      { pointer: '', message: 'has templates that nest each other: a → b → a' },
    ]);
  });
});
