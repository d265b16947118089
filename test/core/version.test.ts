/** Versions against SemVer's own examples, the `semver` package inside its domain, and arithmetic beyond it. */

import fc from 'fast-check';
import semver from 'semver';
import { describe, expect, it } from 'vitest';
import { isAppError } from '#base/app-error.ts';
import { assertVersion, compareVersions, parseVersion, type Version } from '#core/version.ts';
import { anyVersionText, smallVersionText } from './version-arbitraries.ts';

function version(text: string): Version {
  return assertVersion(text);
}

function byKey(a: Version, b: Version): number {
  return Buffer.compare(Buffer.from(a.key), Buffer.from(b.key));
}

describe('parseVersion', () => {
  it('reads every part', () => {
    expect(parseVersion('1.2.3-rc.1+build.07')).toEqual({
      text: '1.2.3-rc.1+build.07',
      major: '1',
      minor: '2',
      patch: '3',
      prerelease: ['rc', '1'],
      build: ['build', '07'],
      key: '111213-$rc!#11',
      core: '1.2.3',
      isRelease: false,
    });
  });

  it.each(['0.0.4', '1.0.0-0A.is.legal', '1.1.2+meta-valid', '1.0.0----R-S.12.9.1--.12+meta', '99999999999999999999.0.0'])(
    'accepts %s',
    (text) => {
      expect(parseVersion(text)?.text).toBe(text);
    },
  );

  it.each([
    '',
    '1',
    '1.2',
    'v1.2.3',
    '=1.2.3',
    ' 1.2.3',
    '1.2.3 ',
    '1.2.3\n',
    '01.1.1',
    '1.01.1',
    '1.1.01',
    '1.2.3-',
    '1.2.3-0123',
    '1.2.3-a..b',
    '1.2.3+',
    '1.2.3+a+b',
    '1.2.3-é',
    '1.2.3.4',
    '-1.2.3',
    '١.٢.٣',
  ])('refuses %j', (text) => {
    expect(parseVersion(text)).toBeUndefined();
  });

  it('takes 256 characters and not one more', () => {
    expect(parseVersion(`1.0.0-${'a'.repeat(250)}`)).toBeDefined();
    expect(parseVersion(`1.0.0-${'a'.repeat(251)}`)).toBeUndefined();
    expect(parseVersion(`${'9'.repeat(252)}.0.0`)?.major).toHaveLength(252);
  });

  it('agrees with the semver package on text made of version characters', () => {
    const text = fc.string({ unit: fc.constantFrom(...'0019a-.+'.split('')), maxLength: 14 });
    fc.assert(
      fc.property(fc.oneof(text, smallVersionText), (candidate) => {
        expect(parseVersion(candidate) !== undefined).toBe(semver.valid(candidate) !== null);
      }),
      { numRuns: 3000 },
    );
  });
});

describe('assertVersion', () => {
  it('throws VERSION_INVALID without echoing endless text', () => {
    const error = thrownBy(() => assertVersion('9'.repeat(10_000)));
    expect(isAppError(error, 'VERSION_INVALID')).toBe(true);
    expect(String(error).length).toBeLessThan(200);
  });
});

describe('the order of versions', () => {
  const ascending = [
    '0.0.0-0',
    '0.0.0-1',
    '0.0.0',
    '0.0.9',
    '0.0.10',
    '0.9.0',
    '0.10.0',
    '1.0.0-9',
    '1.0.0-10',
    '1.0.0-999999999',
    '1.0.0-1000000000',
    '1.0.0--',
    '1.0.0-0a',
    '1.0.0-A',
    '1.0.0-alpha',
    '1.0.0-alpha.1',
    '1.0.0-alpha.1.a',
    '1.0.0-alpha.beta',
    '1.0.0-alpha-',
    '1.0.0-alpha0',
    '1.0.0-beta',
    '1.0.0-beta.2',
    '1.0.0-beta.11',
    '1.0.0-rc.1',
    '1.0.0',
    '2.0.0',
    '2.1.0',
    '2.1.1',
    '999999999.0.0',
    '1000000000.0.0',
    `${'9'.repeat(99)}.0.0`,
    `1${'0'.repeat(99)}.0.0`,
    `${'9'.repeat(250)}.0.0`,
  ].map(version);

  it('is that of the specification, by comparison and by key', () => {
    for (const [i, a] of ascending.entries()) {
      for (const [j, b] of ascending.entries()) {
        expect([a.text, b.text, Math.sign(compareVersions(a, b))]).toEqual([a.text, b.text, Math.sign(i - j)]);
        expect([a.text, b.text, byKey(a, b)]).toEqual([a.text, b.text, Math.sign(i - j)]);
      }
    }
  });

  it('does not count build metadata', () => {
    expect(compareVersions(version('1.0.0+a'), version('1.0.0+b'))).toBe(0);
    expect(version('1.0.0-a+a').key).toBe(version('1.0.0-a').key);
  });

  it('is the same by key as by comparison, for numbers of any size', () => {
    fc.assert(
      fc.property(anyVersionText, anyVersionText, (a, b) => {
        expect(byKey(version(a), version(b))).toBe(Math.sign(compareVersions(version(a), version(b))));
      }),
      { numRuns: 3000 },
    );
  });

  it('is that of the semver package inside its domain', () => {
    fc.assert(
      fc.property(smallVersionText, smallVersionText, (a, b) => {
        expect(Math.sign(compareVersions(version(a), version(b)))).toBe(semver.compare(a, b));
      }),
      { numRuns: 3000 },
    );
  });

  it('has keys of printable ASCII only, short enough for an index', () => {
    fc.assert(
      fc.property(anyVersionText, (text) => {
        expect(version(text).key).toMatch(/^[!-~]+$/);
        expect(version(text).key.length).toBeLessThan(1024);
      }),
    );
  });
});

function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
}
