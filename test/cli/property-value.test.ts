/** Property values as the command line writes them. */
import { describe, expect, it } from 'vitest';
import { isAppError } from '#base/app-error.ts';
import { type PropertyKindName, parseProperties } from '#cli/property-value.ts';

const byName = new Map<string, PropertyKindName>([
  ['text', 'string'],
  ['count', 'integer'],
  ['ratio', 'number'],
  ['on', 'boolean'],
  ['list', 'string_list'],
  ['any', 'json'],
]);

function codeOf(...texts: string[]): unknown {
  try {
    return parseProperties(texts, { byName, extra: null });
  } catch (error) {
    return isAppError(error) ? error.code : error;
  }
}

describe('parseProperties', () => {
  it.each<[string, unknown]>([
    ['text=', ''],
    ['text=1', '1'],
    ['text=a=b', 'a=b'],
    ['count=-5', -5],
    ['ratio=1e3', 1000],
    ['on=true', true],
    ['list=a,b', ['a', 'b']],
    ['list=["a,b"]', ['a,b']],
    ['list=', []],
    ['any={"a":[1]}', { a: [1] }],
  ])('reads %s', (text, value) => {
    expect(parseProperties([text], { byName, extra: null })).toEqual({ [text.split('=')[0] ?? '']: value });
  });

  it('adds to a list, and lets the last of anything else win', () => {
    const properties = parseProperties(['list=a', 'text=1', 'list=b', 'text=2'], { byName, extra: null });
    expect(properties).toEqual({ list: ['a', 'b'], text: '2' });
  });

  it('reads a name that the type does not know by the kind of further properties', () => {
    expect(parseProperties(['new=1'], { byName, extra: 'json' })).toEqual({ new: 1 });
    expect(parseProperties(['new=1'], { byName, extra: null })).toEqual({ new: '1' });
  });

  it.each([
    ['text', 'USAGE'],
    ['=1', 'USAGE'],
    ['count=1.5', 'PROPERTIES_INVALID'],
    ['count=9007199254740993', 'PROPERTIES_INVALID'],
    ['count=', 'PROPERTIES_INVALID'],
    ['ratio=', 'PROPERTIES_INVALID'],
    ['ratio=Infinity', 'PROPERTIES_INVALID'],
    ['on=yes', 'PROPERTIES_INVALID'],
    ['any={', 'REQUEST_MALFORMED'],
    ['any={"a":1,"a":2}', 'REQUEST_MALFORMED'],
  ])('refuses %s as %s', (text, code) => {
    expect(codeOf(text)).toBe(code);
  });
});

describe('a property that the type does not name, where such may be of any kind', () => {
  it.each<[string, unknown]>([
    ['x=hand', 'hand'],
    ['x=007', '007'],
    ['x=3', 3],
    ['x=true', true],
    ['x="3"', '3'],
    ['x=[1,{"a":null}]', [1, { a: null }]],
    ['x=', ''],
  ])('%s is JSON where it is JSON, else text', (text, expected) => {
    expect(parseProperties([text], { byName, extra: 'json' })).toEqual({ x: expected });
  });

  it.each(['x={"a":', 'x=[1', 'x="a'])('%s was meant as JSON', (text) => {
    expect(() => parseProperties([text], { byName, extra: 'json' })).toThrow();
  });
});
