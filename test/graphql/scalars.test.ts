import fc from 'fast-check';
import { GraphQLObjectType, type GraphQLScalarType, GraphQLSchema, graphqlSync } from 'graphql';
import { describe, expect, it } from 'vitest';
import { dateTimeScalar, jsonScalar, longScalar, maxJsonDepth, maxJsonNodes } from '#graphql/scalars.ts';

/** What an argument of the scalar comes out as, by variable and as written in the document. */
function echo(type: GraphQLScalarType) {
  const Query = new GraphQLObjectType({
    name: 'Query',
    fields: { echo: { type, args: { value: { type } }, resolve: (_root, { value }) => value } },
  });
  const schema = new GraphQLSchema({ query: Query });
  const run = (source: string, variables: Record<string, unknown> = {}): unknown => {
    const { data, errors } = graphqlSync({ schema, source, variableValues: variables });
    return errors === undefined ? data?.['echo'] : 'refused';
  };
  return {
    byVariable: (value: unknown) => run(`query ($value: ${type.name}) { echo(value: $value) }`, { value }),
    byLiteral: (literal: string) => run(`{ echo(value: ${literal}) }`),
    /** With a literal that names variables of the type. */
    byBoth: (literal: string, declared: string, variables: Record<string, unknown>) =>
      run(`query (${declared}) { echo(value: ${literal}) }`, variables),
  };
}

describe('Long', () => {
  const long = echo(longScalar);

  it('carries every whole number of 53 bits, and no other number', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        expect(long.byVariable(value)).toBe(value);
        expect(long.byLiteral(String(value))).toBe(value);
      }),
    );
    for (const value of [2 ** 53, -(2 ** 53), 1.5, Number.NaN, Number.POSITIVE_INFINITY, '1', true, [1]]) {
      expect(long.byVariable(value), String(value)).toBe('refused');
    }
    for (const literal of ['9007199254740992', '1.5', '1e3', '"1"', 'true', 'ONE'])
      expect(long.byLiteral(literal)).toBe('refused');
  });
});

describe('DateTime', () => {
  const time = echo(dateTimeScalar);

  it('reads a time with an offset, and gives it in UTC', () => {
    expect(time.byVariable('2026-01-31T23:00:00+02:00')).toBe('2026-01-31T21:00:00.000Z');
    expect(time.byLiteral('"2026-01-31T23:00:00.5Z"')).toBe('2026-01-31T23:00:00.500Z');
  });

  it('refuses what is no such time', () => {
    for (const value of ['2026-01-31', '2026-01-31T23:00:00', 'now', '2026-13-01T00:00:00Z', '', 1, `${'9'.repeat(99)}`]) {
      expect(time.byVariable(value), String(value)).toBe('refused');
    }
    expect(time.byLiteral('2026')).toBe('refused');
    for (const day of ['2026-02-29', '2026-02-30', '2026-04-31', '2026-02-00', '2100-02-29', '0000-02-30']) {
      expect(time.byVariable(`${day}T12:00:00Z`), day).toBe('refused');
      expect(time.byLiteral(`"${day}T12:00:00+02:00"`), day).toBe('refused');
    }
    expect(time.byVariable('2028-02-29T12:00:00Z')).toBe('2028-02-29T12:00:00.000Z');
    expect(time.byVariable('0099-12-31T12:00:00Z')).toBe('0099-12-31T12:00:00.000Z');
  });
});

describe('JSON', () => {
  const json = echo(jsonScalar);
  const nested = (depth: number): unknown => {
    let value: unknown = 1;
    for (let level = 1; level < depth; level += 1) value = [value];
    return value;
  };

  it('carries every value of bounded size, as a variable and in the document', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const isClean = !/__proto__|\\u0000/.test(JSON.stringify(value));
        if (isClean) expect(json.byVariable(value)).toEqual(value);
      }),
    );
    expect(json.byLiteral('{ a: [1, 2.5, "x", true, null, { b: {} }] }')).toEqual({ a: [1, 2.5, 'x', true, null, { b: {} }] });
  });

  it('leaves a key out whose variable was not given, and has null in a list for one', () => {
    const declared = '$a: JSON, $b: JSON, $constructor: JSON, $d: JSON = 4';
    const literal = '{ a: $a, b: $b, c: $constructor, d: $d, deep: [{ b: $b }, $b] }';
    expect(json.byBoth(literal, declared, { a: 1 })).toEqual({ a: 1, d: 4, deep: [{}, null] });
    expect(json.byBoth(literal, declared, { a: 1, b: null })).toEqual({ a: 1, b: null, d: 4, deep: [{ b: null }, null] });
  });

  it('refuses a whole number in the document that would become another one', () => {
    for (const literal of ['9007199254740993', '-9007199254740992', '{ a: [9007199254740992] }'])
      expect(json.byLiteral(literal)).toBe('refused');
    expect(json.byLiteral('{ a: [9007199254740991, -9007199254740991, 1e21] }')).toEqual({
      a: [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 1e21],
    });
  });

  it('is bounded in depth and in size', () => {
    expect(json.byVariable(nested(maxJsonDepth))).toEqual(nested(maxJsonDepth));
    expect(json.byVariable(nested(maxJsonDepth + 1))).toBe('refused');
    expect(json.byLiteral(`${'['.repeat(maxJsonDepth)}1${']'.repeat(maxJsonDepth)}`)).toBe('refused');
    expect(json.byVariable(Array.from({ length: maxJsonNodes }, () => 1))).toBe('refused');
  });

  it('refuses text that is no text, and the key __proto__', () => {
    for (const value of ['\ud800', 'a\0b', { '\udfff': 1 }, JSON.parse('{"__proto__":{"polluted":true}}'), Number.NaN]) {
      expect(json.byVariable(value)).toBe('refused');
    }
    for (const literal of ['{ __proto__: { polluted: true } }', '"a\\u0000b"', 'WORD'])
      expect(json.byLiteral(literal)).toBe('refused');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});
