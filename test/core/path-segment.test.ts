/** Names as segments of a path. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assertPath } from '#core/names.ts';
import { toSegment } from '#core/path-segment.ts';

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
        expect(toSegment(a) === toSegment(b)).toBe(a === b);
      }),
      { numRuns: 1000 },
    );
  });
});
