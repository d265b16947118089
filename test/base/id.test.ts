import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isUuid, orderedId, randomId } from '#base/id.ts';

describe('an id with the time in front', () => {
  const time = fc.integer({ min: 0, max: 2 ** 48 - 1 });

  it('is a UUIDv7 that orders as its time does, whatever id it was made of', () => {
    fc.assert(
      fc.property(time, time, (a, b) => {
        const [left, right] = [orderedId(randomId(), a), orderedId(randomId(), b)];
        expect([isUuid(left), left.charAt(14)]).toEqual([true, '7']);
        expect('89ab').toContain(left.charAt(19));
        if (a !== b) expect(left < right).toBe(a < b);
      }),
    );
  });

  it('keeps what is random in the id', () => {
    const id = randomId();
    expect(orderedId(id, 0).slice(15)).toBe(id.slice(15));
    const at = Date.parse('2026-11-23T00:00:00Z');
    expect(Number.parseInt(orderedId(id, at).replace('-', '').slice(0, 12), 16)).toBe(at);
  });
});
