import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '#base/json.ts';
import { inputLimits } from '#types/input-guard.ts';
import type { TypeVersion } from '#types/type-registry.ts';
import { createTypeVersion } from '#types/type-version.ts';
import { jsonSchema } from './type-folder.ts';

function version(properties: JsonObject, more: JsonObject = {}): TypeVersion {
  return createTypeVersion({
    version: '1',
    rule: { draft: false, slots: {}, dependencies: {} },
    jsonSchema: jsonSchema(properties, more),
    slots: {},
    dependencies: {},
  });
}

const whole = { partial: false };
const thing = version(
  {
    name_: { type: 'string', minLength: 1, maxLength: 5 },
    kind: { type: 'string', enum: ['a', 'b'], 'x-mutable': true },
    count: { type: 'integer', minimum: 0, 'x-system-written': true },
    'odd/~name': { type: 'boolean' },
    list: { type: 'array', items: { type: 'string' }, maxItems: 2, uniqueItems: true },
    deep: { type: 'object', properties: { 'x/y': { type: 'array', items: { type: 'integer' } } }, additionalProperties: false },
    at: { type: 'string', format: 'date-time' },
  },
  { required: ['name_', 'kind'] },
);

describe('judging properties', () => {
  it('accepts what the JSON Schema accepts', () => {
    const good = {
      name_: 'x',
      kind: 'a',
      count: 0,
      'odd/~name': true,
      list: ['a', 'b'],
      deep: { 'x/y': [1] },
      at: '2026-01-02T03:04:05Z',
    };
    expect(thing.validate(good, whole)).toEqual([]);
  });

  it('has one fault for each thing wrong, each with its pointer', () => {
    const bad = {
      name_: '',
      kind: 'c',
      count: 1.5,
      'odd/~name': 1,
      list: ['a', 'a', 'b'],
      deep: { 'x/y': ['1'], z: 1 },
      at: 'today',
      more: 1,
    };
    expect(
      thing
        .validate(bad, whole)
        .map(({ pointer }) => pointer)
        .sort(),
    ).toEqual(['/at', '/count', '/deep/x~1y/0', '/deep/z', '/kind', '/list', '/list', '/more', '/name_', '/odd~1~0name'].sort());
    expect(thing.validate(bad, whole)).toContainEqual({ pointer: '/kind', message: 'must be one of "a", "b"' });
  });

  it('asks for what is required only when the artifact is whole', () => {
    expect(thing.validate({ kind: 'a' }, whole)).toEqual([{ pointer: '/name_', message: 'is required' }]);
    expect(thing.validate({ kind: 'a' }, { partial: true })).toEqual([]);
    expect(thing.validate({ kind: 'c' }, { partial: true })).toHaveLength(1);
  });

  it('does not coerce', () => {
    expect(thing.validate({ name_: 'x', kind: 'a', count: '1' }, whole)).toEqual([
      { pointer: '/count', message: 'must be integer' },
    ]);
  });

  it('knows its annotations, of declared properties only', () => {
    expect([thing.isMutable('kind'), thing.isMutable('name_'), thing.isMutable('toString')]).toEqual([true, false, false]);
    expect([thing.isSystemWritten('count'), thing.isSystemWritten('kind')]).toEqual([true, false]);
  });

  it('takes further properties of any kind where their schema names none', () => {
    const open = version({}, { additionalProperties: { description: 'Anything.' } });
    expect(open.extraKind).toBe('json');
    expect(open.validate({ a: 'text', b: 3, c: true, d: { e: [null] } }, { partial: false })).toEqual([]);
  });

  it('holds further properties to their one scalar kind', () => {
    const open = version({}, { additionalProperties: { type: 'string', maxLength: 3 } });
    expect(open.extraKind).toBe('string');
    expect(thing.extraKind).toBeNull();
    expect(open.validate({ a: 'x', hw_disk: 'y' }, whole)).toEqual([]);
    expect(open.validate({ 'a/b': 'long', c: 1 }, whole).map(({ pointer }) => pointer)).toEqual(['/a~1b', '/c']);
  });
});

describe('hostile properties', () => {
  const any = version({ any: {} }, { additionalProperties: { type: 'string' } });
  const faults = (json: string): string[] =>
    any.validate(JSON.parse(json) as JsonObject, whole).map(({ pointer, message }) => `${pointer} ${message}`);
  const nested = (levels: number): Json => (levels === 0 ? 1 : [nested(levels - 1)]);

  it.each([
    ['{"__proto__": "x"}', '/__proto__ is a name that is not allowed'],
    ['{"constructor": "x"}', '/constructor is a name that is not allowed'],
    ['{"any": {"a": [{"__proto__": {"b": 1}}]}}', '/any/a/0/__proto__ is a name that is not allowed'],
    ['{"": "x"}', '/ has an empty name'],
    ['{"a\\u0000b": "x"}', '/a\u0000b has a name with control characters'],
    ['{"any": "\\ud800"}', '/any has a lone surrogate'],
    ['{"any": "a\\u0000"}', '/any has a NUL character, which cannot be stored'],
    ['{"any": 1e999}', '/any is not a finite number'],
    [`{"${'n'.repeat(256)}": "x"}`, `/${'n'.repeat(255)} has a name longer than 255 characters`],
    [`{"any": "${'x'.repeat(inputLimits.stringUnits + 1)}"}`, `/any is longer than ${inputLimits.stringUnits} characters`],
    [`{"any": [${'1,'.repeat(inputLimits.items)}1]}`, `/any has more than ${inputLimits.items} items`],
    [JSON.stringify({ any: Array(9).fill(Array(3000).fill(1)) }), ` has more than ${inputLimits.values} values`],
    [JSON.stringify({ any: nested(40) }), `/any${'/0'.repeat(31)} is nested deeper than 32 levels`],
  ])('are refused with a fault: %.40s', (json, expected) => {
    expect(faults(json)).toEqual([expected]);
  });

  it('never throw, whatever they are', () => {
    fc.assert(
      fc.property(fc.object({ withNullPrototype: false }), (properties) => {
        const json = JSON.parse(JSON.stringify(properties)) as JsonObject;
        for (const { pointer } of thing.validate(json, whole)) expect(pointer).toMatch(/^(\/|$)/);
      }),
    );
  });
});
