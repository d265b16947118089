/** Names, tags, paths and media types, hostile ones above all. */
import { posix, win32 } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAppError } from '#base/app-error.ts';
import type { ErrorCode } from '#base/error-catalogue.ts';
import {
  arePathsNested,
  assertMediaType,
  assertName,
  assertPath,
  assertProject,
  assertTag,
  assertTags,
  assertTypeName,
} from '#core/names.ts';

function expectRefused(work: () => unknown, code: ErrorCode): void {
  let thrown: unknown;
  try {
    thrown = work();
  } catch (error) {
    thrown = error;
  }
  expect(isAppError(thrown, code) ? thrown.code : thrown).toBe(code);
  // What is shown of hostile text is visible and bounded.
  expect(String(thrown)).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
  expect(String(thrown).length).toBeLessThan(700);
}

const badText = ['', 'a\u0000b', 'a\nb', '\u007f', '\u0085', 'a\u202eb', '\u2066', '\ud800', 'x'.repeat(256)];

describe('assertName and assertProject', () => {
  it.each(['a', 'Ubuntu 24.04 (LTS)', '..', 'a/b', 'ñandú', '東京', 'x'.repeat(255), '😀'.repeat(255)])('accept %j', (text) => {
    expect(assertName(text)).toBe(text);
    expect(assertProject(text)).toBe(text);
  });

  it.each([...badText, 'e\u0301', '😀'.repeat(256)])('refuse %j', (text) => {
    expectRefused(() => assertName(text), 'NAME_INVALID');
    expectRefused(() => assertProject(text), 'NAME_INVALID');
  });
});

describe('a very long text', () => {
  it('is refused by every check, and quoted short', () => {
    const text = 'x'.repeat(1_000_000);
    expectRefused(() => assertName(text), 'NAME_INVALID');
    expectRefused(() => assertTag(text), 'TAG_INVALID');
    expectRefused(() => assertPath(text), 'PATH_INVALID');
    expectRefused(() => assertMediaType(`text/${text}`), 'INPUT_INVALID');
  });
});

describe('assertTypeName', () => {
  it('takes lower-case words joined by hyphens', () => {
    expect(assertTypeName('heat-template2')).toBe('heat-template2');
    for (const bad of ['', '_example', 'Image', 'a--b', 'a-', '-a', '1a', 'a b', 'a/b', 'é']) {
      expectRefused(() => assertTypeName(bad), 'NAME_INVALID');
    }
  });
});

describe('assertTag and assertTags', () => {
  it.each(badText)('refuse %j', (text) => {
    expectRefused(() => assertTag(text), 'TAG_INVALID');
    expectRefused(() => assertTags(['fine', text], 9), 'TAG_INVALID');
  });

  it('answer each tag once, in order', () => {
    expect(assertTags(['b', 'a', 'b', 'B'], 3)).toEqual(['B', 'a', 'b']);
  });

  it('count after removing repetitions', () => {
    expectRefused(() => assertTags(['a', 'b', 'c'], 2), 'TAG_INVALID');
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
    expectRefused(() => assertPath(path), 'PATH_INVALID');
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
    expectRefused(() => assertMediaType(text), 'INPUT_INVALID');
  });
});
