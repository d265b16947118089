/** Ranges against tables and against the `semver` package: the same text is a range, and it takes the same versions. */

import fc from 'fast-check';
import semver from 'semver';
import { describe, expect, it } from 'vitest';
import { isAppError } from '#base/app-error.ts';
import { parseRange, type RangeSet, satisfies } from '#core/range.ts';
import { assertVersion } from '#core/version.ts';
import { rangeSoup, rangeText, smallVersionText } from './version-arbitraries.ts';

function matches(version: string, range: string): boolean {
  return satisfies(assertVersion(version), parseRange(range));
}

function refusal(text: string): unknown {
  try {
    return parseRange(text);
  } catch (error) {
    return error;
  }
}

function semverRange(text: string): semver.Range | undefined {
  try {
    return new semver.Range(text);
  } catch {
    return undefined;
  }
}

describe('parseRange', () => {
  it.each([
    ['1.2.3', '>=1.2.3 <=1.2.3'],
    ['^1.2.3', '>=1.2.3 <2.0.0-0'],
    ['^0.2.3', '>=0.2.3 <0.3.0-0'],
    ['^0.0.3', '>=0.0.3 <0.0.4-0'],
    ['^1.2', '>=1.2.0 <2.0.0-0'],
    ['^0.x', '<1.0.0-0'],
    ['~1.2.3', '>=1.2.3 <1.3.0-0'],
    ['~1', '>=1.0.0 <2.0.0-0'],
    ['~>1.2', '>=1.2.0 <1.3.0-0'],
    ['1.x', '>=1.0.0 <2.0.0-0'],
    ['1.2.*', '>=1.2.0 <1.3.0-0'],
    ['1.2 - 2.3', '>=1.2.0 <2.4.0-0'],
    ['1.2.3 - 2', '>=1.2.3 <3.0.0-0'],
    ['1.2.3 - 2.3.4', '>=1.2.3 <=2.3.4'],
    ['>1', '>=2.0.0'],
    ['<=1.2', '<1.3.0-0'],
    ['<2', '<2.0.0-0'],
    ['>1.2.3 >=1.2.3', '>1.2.3'],
    ['<2.0.0 <=2.0.0', '<2.0.0'],
    ['^99999999999999999999.0.0', '>=99999999999999999999.0.0 <100000000000000000000.0.0-0'],
    ['~1.999', '>=1.999.0 <1.1000.0-0'],
  ])('reads %s as %s', (text, interval) => {
    expect(parseRange(text).sets.map(intervalText)).toEqual([interval]);
  });

  it.each(['', '*', ' ', 'x', '>=0.0.0', '>=*', '~*', '^x', '* || 1.2.3-a', '1.2.3-a || x'])(
    'reads %j as any release and nothing else',
    (text) => {
      expect(parseRange(text).sets).toEqual([{ low: null, high: null, prereleaseCores: [] }]);
      expect(matches('1.2.3-a', text)).toBe(false);
    },
  );

  it('keeps the text with its white space collapsed', () => {
    expect(parseRange('  >=1.0.0 \t <2  ').text).toBe('>=1.0.0 <2');
  });

  it.each([
    'latest',
    '1.2.3.4',
    '01.2.3',
    '1.x.3',
    '*.1',
    '==1.2.3',
    '>>1.2.3',
    '=>1.2.3',
    '!=1.2.3',
    '1.2.3,2.0.0',
    '1.2.3 & 2',
    '>',
    '^',
    '1.2.3 | 2',
    '1 - 2 - 3',
    '1.2.3-',
    '>=1.2.3 foo',
    '1.2.3*',
    '1 - v 2',
    '^^1',
    '1.2.3\u0000',
    '１.2.3',
  ])('refuses %j', (text) => {
    expect(isAppError(refusal(text), 'RANGE_INVALID')).toBe(true);
  });

  it('is bounded: 1,024 characters, 64 sets, 256 characters a version', () => {
    expect(parseRange(Array(64).fill('1.2.3').join('||')).sets).toHaveLength(64);
    expect(isAppError(refusal(Array(65).fill('1').join('||')), 'RANGE_INVALID')).toBe(true);
    expect(isAppError(refusal(`1.2.3${' '.repeat(1020)}`), 'RANGE_INVALID')).toBe(true);
    expect(isAppError(refusal(`^${'9'.repeat(257)}`), 'RANGE_INVALID')).toBe(true);
    expect(parseRange(`^${'9'.repeat(256)}`).sets).toHaveLength(1);
  });
});

describe('satisfies', () => {
  it.each([
    ['2.0.0-beta', '>1.0.0-a <3.0.0 <2.0.0-rc', true],
    ['1.2.5-a', '>=1.2.3-a <1.2.5-b', true],
    ['1.2.4-a', '>=1.2.3-a <1.2.5-b', false],
    ['1.2.3-b', '^1.2.3-a', true],
    ['1.2.4-b', '^1.2.3-a', false],
    ['2.0.0-a', '^1.2.3-a', false],
    ['2.0.0-0', '<2.0.0-0', false],
    ['0.0.0-a', '>=0.0.0 <=0.0.0-b', true],
    ['0.0.0-a', '>=v0.0.0 <=0.0.0-b', false],
    ['1.2.3+other', '1.2.3+build', true],
    ['3.0.0', '>2', true],
    ['2.9.9', '>2', false],
    ['99999999999999999999.1.0', '^99999999999999999999.0.0', true],
  ])('%s in %s is %s', (version, range, expected) => {
    expect(matches(version, range)).toBe(expected);
  });

  it('takes exactly what node-semver takes, of ranges written by its grammar', () => {
    const versions = fc.array(smallVersionText, { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(rangeText, versions, (text, candidates) => {
        const reference = semverRange(text);
        const ours = refusal(text);
        expect([text, isAppError(ours, 'RANGE_INVALID')]).toEqual([text, reference === undefined]);
        for (const version of reference === undefined ? [] : candidates) {
          expect([text, version, matches(version, text)]).toEqual([text, version, reference?.test(version)]);
        }
      }),
      { numRuns: 5000 },
    );
  });

  it('takes nothing that node-semver refuses, and all it takes in the same way, of any text', () => {
    fc.assert(
      fc.property(rangeSoup, smallVersionText, (text, version) => {
        fc.pre(!isAppError(refusal(text), 'RANGE_INVALID'));
        expect([text, matches(version, text)]).toEqual([text, semverRange(text)?.test(version)]);
      }),
      { numRuns: 3000 },
    );
  });
});

/** An interval as comparators, by looking its keys up among the versions they were made from. */
function intervalText({ low, high }: RangeSet): string {
  const parts = [];
  if (low !== null) parts.push(`${low.inclusive ? '>=' : '>'}${versionOf(low.key)}`);
  if (high !== null) parts.push(`${high.inclusive ? '<=' : '<'}${versionOf(high.key)}`);
  return parts.join(' ');
}

const intervalEnds = new Map(
  [
    ...['1.2.3', '2.0.0-0', '0.2.3', '0.3.0-0', '0.0.3', '0.0.4-0', '1.2.0', '1.0.0-0', '1.3.0-0', '1.0.0', '2.4.0-0', '3.0.0-0'],
    ...['2.3.4', '2.0.0', '99999999999999999999.0.0', '100000000000000000000.0.0-0', '1.999.0', '1.1000.0-0'],
  ].map((text) => [assertVersion(text).key, text]),
);

function versionOf(key: string): string {
  return intervalEnds.get(key) ?? `key ${key}`;
}
