/** RFC 8785: its own examples, and that equal values have equal text. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json } from '#base/json.ts';
import { canonicalJson, compareCodeUnits, sha256Hex } from '#core/canonical-json.ts';

describe('canonicalJson', () => {
  it('writes the example of RFC 8785 section 3.2', () => {
    const value: Json = {
      numbers: [333333333.3333333, 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: '\u20ac$\u000F\u000aA\'\u0042\u0022\u005c\\"/',
      literals: [null, true, false],
    };
    expect(canonicalJson(value)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  it('orders keys by UTF-16 code units, as section 3.2.3 shows', () => {
    const value = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 };
    expect(Object.keys(JSON.parse(canonicalJson(value)))).toHaveLength(7);
    expect(canonicalJson(value)).toBe('{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}');
  });

  it('is the same whatever order the keys came in, and parses to the same value', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ noUnicodeString: false })), (members) => {
        const value = JSON.parse(JSON.stringify(members));
        const reversed = Object.fromEntries(Object.entries(value).reverse()) as Json;
        expect(canonicalJson(reversed)).toBe(canonicalJson(value));
        expect(JSON.parse(canonicalJson(value))).toEqual(value);
      }),
    );
  });

  it('refuses what has no canonical form', () => {
    expect(() => canonicalJson({ a: Number.NaN })).toThrow(TypeError);
    expect(() => canonicalJson([Number.POSITIVE_INFINITY])).toThrow(TypeError);
    expect(() => canonicalJson('\ud800')).toThrow(TypeError);
    expect(() => canonicalJson({ '\udc00': 1 })).toThrow(TypeError);
  });
});

describe('sha256Hex', () => {
  it('hashes text as UTF-8, and bytes as they are', () => {
    expect(sha256Hex('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    expect(sha256Hex('é')).toBe(sha256Hex(Buffer.from([0xc3, 0xa9])));
  });
});

describe('compareCodeUnits', () => {
  it('orders surrogate pairs before the last of the basic plane', () => {
    expect(['\ufb33', '\ud83d\ude00', 'b', 'a', 'a'].sort(compareCodeUnits)).toEqual(['a', 'a', 'b', '\ud83d\ude00', '\ufb33']);
  });
});
