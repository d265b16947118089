/** Cursors: what comes back, and that nothing else is taken. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAppError } from '#base/app-error.ts';
import type { Json } from '#base/json.ts';
import { decodeCursor, encodeCursor } from '#core/cursor.ts';

const key = Buffer.alloc(32, 7);
const list = 'filter-and-order';

function refuses(text: string, options = { key, list }): boolean {
  try {
    decodeCursor(text, options);
    return false;
  } catch (error) {
    if (isAppError(error, 'CURSOR_INVALID')) return true;
    throw error;
  }
}

describe('a cursor', () => {
  it('gives its values back', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), (values) => {
        const json = JSON.parse(JSON.stringify(values)) as Json[];
        expect(decodeCursor(encodeCursor({ key, list, values: json }), { key, list })).toEqual(json);
      }),
    );
  });

  it('is opaque text that needs no escaping in a URL', () => {
    expect(encodeCursor({ key, list, values: ['a', 1, null] })).toMatch(/^[A-Za-z0-9_-]+$/);
  });

  it('is refused by another list, another instance, or under another format', () => {
    const text = encodeCursor({ key, list, values: ['a'] });
    expect(refuses(text)).toBe(false);
    expect(refuses(text, { key, list: 'other' })).toBe(true);
    expect(refuses(text, { key: Buffer.alloc(32, 8), list })).toBe(true);
    const bytes = Buffer.from(text, 'base64url');
    bytes[0] = 2;
    expect(refuses(bytes.toString('base64url'))).toBe(true);
  });

  it('is refused when any one character is changed, added or left out', () => {
    const text = encodeCursor({ key, list, values: ['2026-01-01', 5, 'id'] });
    for (let index = 0; index < text.length; index += 1) {
      const other = text[index] === 'A' ? 'B' : 'A';
      expect(refuses(text.slice(0, index) + other + text.slice(index + 1))).toBe(true);
      expect(refuses(text.slice(0, index) + text.slice(index + 1))).toBe(true);
      expect(refuses(text.slice(0, index) + other + text.slice(index))).toBe(true);
    }
  });

  it('is refused when it is anything else', () => {
    for (const text of ['', ' ', 'AQ', 'eyJhIjoxfQ==', '💥', '\u0000', 'A'.repeat(100_000)]) expect(refuses(text)).toBe(true);
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => refuses(text)));
  });
});
