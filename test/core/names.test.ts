/** Names, tags, paths and media types, hostile ones above all. */
import { posix, win32 } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAppError } from '#base/app-error.ts';
import {
  arePathsNested,
  assertMediaType,
  assertName,
  assertPath,
  assertProject,
  assertTag,
  assertTags,
  assertTypeName,
  findPathClash,
  foldPath,
} from '#core/names.ts';

/** The code it is refused with; what is shown of hostile text must be visible and bounded. */
function refusalOf(work: () => unknown): string {
  try {
    return `not refused: ${String(work())}`;
  } catch (error) {
    const shown = String(error);
    if (/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u.test(shown) || shown.length > 700) return `badly said: ${shown}`;
    return isAppError(error) ? error.code : shown;
  }
}

const badText = ['', 'a\u0000b', 'a\nb', '\u007f', '\u0085', 'a\u202eb', '\u2066', '\ud800', 'x'.repeat(256)];

describe('assertName and assertProject', () => {
  it.each(['a', 'Ubuntu 24.04 (LTS)', '..', 'a/b', 'ñandú', '東京', 'x'.repeat(255), '😀'.repeat(255)])('accept %j', (text) => {
    expect(assertName(text)).toBe(text);
    expect(assertProject(text)).toBe(text);
  });

  it.each([...badText, 'e\u0301', '😀'.repeat(256)])('refuse %j', (text) => {
    expect(refusalOf(() => assertName(text))).toBe('NAME_INVALID');
    expect(refusalOf(() => assertProject(text))).toBe('NAME_INVALID');
  });
});

describe('a very long text', () => {
  it('is refused by every check, and quoted short', () => {
    const text = 'x'.repeat(1_000_000);
    expect(refusalOf(() => assertName(text))).toBe('NAME_INVALID');
    expect(refusalOf(() => assertTag(text))).toBe('TAG_INVALID');
    expect(refusalOf(() => assertPath(text))).toBe('PATH_INVALID');
    expect(refusalOf(() => assertMediaType(`text/${text}`))).toBe('INPUT_INVALID');
  });
});

describe('assertTypeName', () => {
  it('takes lower-case words joined by hyphens', () => {
    expect(assertTypeName('heat-template2')).toBe('heat-template2');
    for (const bad of ['', '_example', 'Image', 'a--b', 'a-', '-a', '1a', 'a b', 'a/b', 'é']) {
      expect(refusalOf(() => assertTypeName(bad))).toBe('NAME_INVALID');
    }
  });
});

describe('assertTag and assertTags', () => {
  it.each(badText)('refuse %j', (text) => {
    expect(refusalOf(() => assertTag(text))).toBe('TAG_INVALID');
    expect(refusalOf(() => assertTags(['fine', text], 9))).toBe('TAG_INVALID');
  });

  it('tell of a bad tag once, however often it stands there', () => {
    const tags = ['fine', ...Array.from({ length: 10_000 }, () => 'bad\n'), ''];
    expect(() => assertTags(tags, 9)).toThrow(
      expect.objectContaining({
        faults: [expect.objectContaining({ pointer: '/1' }), expect.objectContaining({ pointer: '/10001' })],
      }),
    );
  });

  it('answer each tag once, in order', () => {
    expect(assertTags(['b', 'a', 'b', 'B'], 3)).toEqual(['B', 'a', 'b']);
  });

  it('count after removing repetitions', () => {
    expect(refusalOf(() => assertTags(['a', 'b', 'c'], 2))).toBe('TAG_INVALID');
    expect(assertTags(['a', 'a', 'a'], 2)).toEqual(['a']);
  });
});

describe('assertPath', () => {
  it.each(['data', 'a/b/c.yaml', '.hidden', '...', 'a..b/..c', 'with space/ü', 'c', 'xx:y', `${'d/'.repeat(500)}e`])(
    'accepts %j',
    (path) => {
      expect(assertPath(path)).toBe(path);
    },
  );

  it.each([
    '',
    '.',
    '..',
    '../a',
    'a/../b',
    'a/..',
    './a',
    'a/./b',
    'a/.',
    '/etc/passwd',
    '//host/share',
    'a//b',
    'a/',
    'a\\b',
    '..\\a',
    'C:',
    'C:/x',
    'c:x',
    'a\u0000',
    'a\u0000/../b',
    'a\tb',
    'a\u202eb',
    '\u2067a',
    'e\u0301',
    '\udfff',
    'x'.repeat(256),
    'é'.repeat(128),
    `${'d/'.repeat(512)}e`,
  ])('refuses %j', (path) => {
    expect(refusalOf(() => assertPath(path))).toBe('PATH_INVALID');
  });

  it('lets nothing through that leaves its folder, on POSIX or on Windows', () => {
    const segment = fc.oneof(fc.constantFrom('..', '.', '', 'a', 'C:', '\\', '..\\..', '/'), fc.string({ maxLength: 4 }));
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 6 }), (segments) => {
        const path = segments.join('/');
        try {
          assertPath(path);
        } catch {
          return;
        }
        expect(posix.normalize(path)).toBe(path);
        expect(posix.join('/base', path).startsWith('/base/')).toBe(true);
        expect(win32.resolve('D:\\base', path).startsWith('D:\\base\\')).toBe(true);
      }),
      { numRuns: 5000 },
    );
  });
});

describe('arePathsNested', () => {
  it('tells a file that would have to be a folder too', () => {
    expect(arePathsNested('a', 'a/b')).toBe(true);
    expect(arePathsNested('a/b/c', 'a')).toBe(true);
    expect(arePathsNested('a', 'ab')).toBe(false);
    expect(arePathsNested('a', 'a')).toBe(false);
  });
});

describe('findPathClash', () => {
  it.each([
    ['Readme.md', 'README.MD'],
    ['docs/a', 'DOCS/A'],
    ['straße', 'STRASSE'],
    ['\u1e9e', 'ß'],
    ['\u1e9e', 'ss'],
    ['ΑΣ', 'ας'],
    ['\u017ft', 'st'],
    ['\u212a', 'k'],
    ['\u0130', 'i\u0307'],
    ['É', 'é'],
    ['\ufb01', 'FI'],
    ['Docs', 'docs/a'],
    ['docs/A/b', 'Docs/a'],
    ['a', 'a'],
  ])('finds that %s and %s cannot stand side by side everywhere', (a, b) => {
    expect(findPathClash(a, ['other', b])).toBe(b);
    expect(findPathClash(b, ['other', a])).toBe(a);
  });

  it.each([
    ['a', 'ab'],
    ['docs/a', 'Docs/b'],
    ['e', 'é'],
    ['a/b', 'a-b'],
  ])('lets %s stand beside %s', (a, b) => {
    expect(findPathClash(a, [b])).toBeUndefined();
  });

  it('holds each path for a clash with itself in other letters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (text) => {
        const path = text.normalize('NFC');
        expect(foldPath(foldPath(path))).toBe(foldPath(path));
        expect(findPathClash(path, [path.toUpperCase()])).toBe(path.toUpperCase());
        expect(findPathClash(path, [path.toUpperCase().toLowerCase()])).toBe(path.toUpperCase().toLowerCase());
      }),
    );
  });
});

describe('assertMediaType', () => {
  it.each([
    ['application/octet-stream', 'application/octet-stream'],
    ['Application/X-ISO9660-Image', 'application/x-iso9660-image'],
    ['text/plain; charset=UTF-8', 'text/plain; charset=UTF-8'],
    ['application/vnd.a+json;v="1 \\" 2"', 'application/vnd.a+json;v="1 \\" 2"'],
  ])('answers %s as %s', (text, expected) => {
    expect(assertMediaType(text)).toBe(expected);
  });

  it.each([
    '',
    'text',
    'text/',
    '/plain',
    'text/plain;',
    'text /plain',
    'text/pl ain',
    'text/plain\r\nX: y',
    `a/${'b'.repeat(300)}`,
  ])('refuses %j', (text) => {
    expect(refusalOf(() => assertMediaType(text))).toBe('INPUT_INVALID');
  });
});
