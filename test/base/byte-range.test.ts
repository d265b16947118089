/** Range headers: the table of RFC 9110, and the bytes that come of any header. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRangeHeader } from '#base/byte-range.ts';

describe('parseRangeHeader', () => {
  it.each<[string, [number, number][]]>([
    ['bytes=0-0', [[0, 0]]],
    ['bytes=0-499', [[0, 99]]],
    ['bytes=50-', [[50, 99]]],
    ['bytes=-10', [[90, 99]]],
    ['bytes=-500', [[0, 99]]],
    ['Bytes = 0-1', [[0, 1]]],
    [
      'bytes=0-1, 5-6 ,,9-',
      [
        [0, 1],
        [5, 6],
        [9, 99],
      ],
    ],
    [
      'bytes=50-60,0-10',
      [
        [50, 60],
        [0, 10],
      ],
    ],
    [
      'bytes=50-60,0-10,55-70',
      [
        [0, 10],
        [50, 70],
      ],
    ],
    ['bytes=0-4,5-9', [[0, 9]]],
    ['bytes=200-,0-1', [[0, 1]]],
    ['bytes=0-99999999999999999999999', [[0, 99]]],
  ])('reads %s', (header, expected) => {
    expect(parseRangeHeader(header, 100)).toEqual(expected.map(([start, end]) => ({ start, end })));
  });

  it.each([
    undefined,
    '',
    'bytes',
    'bytes=',
    'bytes=,',
    'bytes=-',
    'bytes=5-2',
    'bytes=99999999999999999999999-99999999999999999999998',
    'bytes=a-b',
    'bytes=1-2-3',
    'bytes=+1-2',
    'bytes=1.0-2',
    'bytes=0-1;2-3',
    'items=0-1',
    'bytes 0-1/100',
    `bytes=${Array(33).fill('0-0').join(',')}`,
  ])('ignores %j', (header) => {
    expect(parseRangeHeader(header, 100)).toBe('ignored');
  });

  it.each(['bytes=100-', 'bytes=100-200', 'bytes=-0', 'bytes=500-,-0'])('cannot satisfy %s of 100 bytes', (header) => {
    expect(parseRangeHeader(header, 100)).toBe('unsatisfiable');
  });

  it('cannot satisfy anything of no bytes', () => {
    expect(parseRangeHeader('bytes=0-', 0)).toBe('unsatisfiable');
    expect(parseRangeHeader('bytes=-5', 0)).toBe('unsatisfiable');
  });

  it('answers ranges inside the blob that never overlap, and hold just the bytes asked for', () => {
    const size = fc.integer({ min: 1, max: 40 });
    const spec = fc.oneof(
      fc.tuple(fc.nat(45), fc.nat(45)).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`),
      fc.nat(45).map((start) => `${start}-`),
      fc.nat(45).map((length) => `-${length}`),
    );
    fc.assert(
      fc.property(size, fc.array(spec, { minLength: 1, maxLength: 5 }), (sizeBytes, specs) => {
        const result = parseRangeHeader(`bytes=${specs.join(',')}`, sizeBytes);
        const asked = new Set(specs.flatMap((text) => bytesOf(text, sizeBytes)));
        const given = typeof result === 'string' ? [] : result.flatMap(({ start, end }) => sequence(start, end));
        expect(new Set(given)).toEqual(asked);
        expect(given).toHaveLength(asked.size);
      }),
    );
  });
});

function bytesOf(spec: string, size: number): number[] {
  const [first = '', last = ''] = spec.split('-');
  if (first === '') return sequence(Math.max(0, size - Number(last)), size - 1);
  return sequence(Number(first), last === '' ? size - 1 : Math.min(Number(last), size - 1));
}

function sequence(start: number, end: number): number[] {
  return Array.from({ length: Math.max(0, end - start + 1) }, (_, index) => start + index);
}
