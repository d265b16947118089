/** Strict JSON: the same values as JSON.parse for what is plain, a typed error for what is not. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAppError } from '#base/app-error.ts';
import { assertJsonStrict, parseJsonStrict } from '#base/safe-json.ts';

function read(text: string, maxDepth = 8): unknown {
  return parseJsonStrict(text, { maxDepth });
}

function faultOf(
  text: string,
  maxDepth?: number,
  reader: typeof assertJsonStrict = parseJsonStrict,
): { pointer: string; message: string } | undefined {
  try {
    reader(text, { maxDepth: maxDepth ?? 8 });
    return undefined;
  } catch (error) {
    if (isAppError(error, 'REQUEST_MALFORMED')) return error.faults[0];
    throw error;
  }
}

describe('parseJsonStrict', () => {
  it('reads what JSON.parse reads', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), fc.constantFrom(undefined, 2, '\t'), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        // Of what JSON.stringify wrote, only a large whole number or __proto__ may be refused.
        fc.pre(!/\d{16}|__proto__/.test(text));
        expect(read(text, 20)).toEqual(JSON.parse(text));
      }),
      { numRuns: 1000 },
    );
  });

  it('reads every kind of token', () => {
    expect(read(' {"a" : [1, -0.5e+3, true,false , null, "\\u00e9\\n\\"\\\\\\/"], "": {}}\n')).toEqual({
      a: [1, -500, true, false, null, 'é\n"\\/'],
      '': {},
    });
  });

  it('refuses exactly what JSON.parse refuses, of plain characters', () => {
    const soup = fc.array(fc.constantFrom(...'{}[],:"01-.eEtn \\u'.split(''), 'true', 'null', '"a"', '{"a":', '1'), {
      maxLength: 8,
    });
    fc.assert(
      fc.property(soup, (parts) => {
        const text = parts.join('');
        let expected: unknown = 'refused';
        try {
          expected = JSON.parse(text);
        } catch {
          // Stays refused.
        }
        const fault = faultOf(text, 20);
        if (fault !== undefined && /twice|too large|beyond/.test(fault.message)) return;
        expect(fault === undefined ? read(text, 20) : 'refused').toEqual(expected);
      }),
      { numRuns: 5000 },
    );
  });

  it.each([
    ['{"a":1,"a":2}', '/a'],
    ['{"x":[{"a":1,"\\u0061":2}]}', '/x/0/a'],
    ['{"a/b~c":1,"a/b~c":1}', '/a~1b~0c'],
    ['{"__proto__":{"admin":true}}', '/__proto__'],
    ['{"a":"\\ud800"}', '/a'],
    ['{"\\udc00":1}', ''],
    ['[1,9007199254740993]', '/1'],
    ['[1e400]', '/0'],
    ['"\u0000"', ''],
    ['"\\x"', ''],
    ['[1,]', '/1'],
    ['{"a":}', '/a'],
    ['{"a" 1}', '/a'],
    ['{a:1}', ''],
    ['01', ''],
    ['NaN', ''],
    ["'a'", ''],
    ['', ''],
    ['[', '/0'],
    ['"abc', ''],
    ['"abc\\', ''],
    ['{} {}', ''],
    ['\ufeff{}', ''],
  ])('refuses %j and points at %j', (text, pointer) => {
    expect(faultOf(text)?.pointer).toBe(pointer);
  });

  it('bounds the depth', () => {
    expect(read('[[1]]', 2)).toEqual([[1]]);
    expect(faultOf('[[[1]]]', 2)?.pointer).toBe('/0/0');
    expect(faultOf('{"a":{"b":{}}}', 2)?.pointer).toBe('/a/b');
    expect(faultOf('[]', 0)?.message).toContain('deeply');
  });

  it('outlives bombs: a million brackets, a string of ten megabytes', () => {
    expect(faultOf('['.repeat(1_000_000), 64)?.message).toContain('deeply');
    expect(faultOf('{"a":'.repeat(1_000_000), 64)?.message).toContain('deeply');
    expect(read(JSON.stringify('\\"'.repeat(2_500_000)))).toHaveLength(5_000_000);
    expect(faultOf(`"${'a'.repeat(10_000_000)}`)?.pointer).toBe('');
  });

  it('makes plain objects whose keys are only their own', () => {
    expect(Object.keys(read('{"constructor":1,"toString":2}') as object)).toEqual(['constructor', 'toString']);
  });
});

describe('assertJsonStrict', () => {
  it('finds the very fault that parseJsonStrict finds', () => {
    const piece = fc.constantFrom('{', '}', '[', ']', ':', ',', '"a"', '"a":', '"b":1', '1', 'null', '[1,2]', '{"a":{}}', ' ');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join('');
        expect(faultOf(text, 3, assertJsonStrict)).toEqual(faultOf(text, 3));
      }),
    );
  });
});
