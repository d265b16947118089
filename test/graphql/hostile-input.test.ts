import {
  buildSchema,
  type GraphQLInputField,
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
} from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestPlane, type TestPlane } from './test-plane.ts';

let plane: TestPlane;

beforeAll(async () => {
  plane = await createTestPlane();
});
afterAll(() => plane[Symbol.asyncDispose]());

/** Texts that have broken somebody's parser, query or terminal. */
const texts: Readonly<Record<string, string>> = {
  empty: '',
  'U+0000': 'a\0b',
  'a quote': `'; DROP TABLE artifact; --`,
  wildcards: '%_\\%',
  'a path': '../../etc/passwd',
  'right-to-left override': 'a\u202eb',
  'a noncharacter': '\uffff',
  'an escape': '\u001b[31m',
  long: 'x'.repeat(10_000),
  'the key of prototypes': '__proto__',
  'a template': '{{7*7}}',
  'a number': '99999999999999999999999999',
};
const numbers = [0, -1, 2_147_483_647, -2_147_483_648];

interface Input {
  readonly name: string;
  readonly type: GraphQLInputField['type'];
}

/** Every text of the input, and of the inputs in it, is the same hostile one; every number likewise. */
function fill({ type }: Input, text: string, number: number, entered: readonly string[]): unknown {
  const nullable = getNullableType(type);
  if (isListType(nullable)) return [fill({ name: '', type: nullable.ofType }, text, number, entered)];
  if (isEnumType(nullable)) return nullable.getValues()[0]?.name;
  if (isInputObjectType(nullable)) {
    const inner = [...entered, nullable.name];
    const fields = Object.values(nullable.getFields());
    return Object.fromEntries(
      fields
        .filter((field) => isNonNullType(field.type) || !inner.includes(getNamedType(field.type).name))
        .filter((field) => !/^(and|or|not)$/.test(field.name))
        .map((field) => [field.name, fill(field, text, number, inner)]),
    );
  }
  if (nullable.name === 'Boolean') return false;
  if (nullable.name === 'DateTime') return '2026-01-01T00:00:00Z';
  if (nullable.name === 'JSON') return { [text === '__proto__' ? 'key' : text.replaceAll('\0', '')]: text.replaceAll('\0', '') };
  return nullable.name === 'String' || nullable.name === 'ID' ? text : number;
}

describe('hostile input', () => {
  it.each(Object.entries(texts))(
    'in every argument of every field ends with a typed error or nothing: %s',
    async (_name, text) => {
      const schema = buildSchema(plane.plane.sdl);
      for (const [operation, root] of [
        ['query', schema.getQueryType()],
        ['mutation', schema.getMutationType()],
      ] as const) {
        for (const field of Object.values(root?.getFields() ?? {}).filter(({ args }) => args.length > 0)) {
          const named = getNamedType(field.type);
          const variables = field.args.map(({ name, type }) => `$${name}: ${type.toString()}`).join(', ');
          const values = field.args.map(({ name }) => `${name}: $${name}`).join(', ');
          const selection = named.name === 'JSON' ? '' : '{ __typename }';
          const document = `${operation} (${variables}) { ${field.name}(${values}) ${selection} }`;
          for (const [index, number] of numbers.entries()) {
            // All arguments at once, then each alone: a first refusal must not hide a second fault.
            const chosen =
              index === 0 ? field.args : field.args.filter((_arg, at) => at % numbers.length === index || at === index);
            const sent = field.args
              .filter((arg) => chosen.includes(arg) || isNonNullType(arg.type))
              .map((arg) => [arg.name, fill(arg, text, number, [])]);
            const answer = await plane.as('own')(document, Object.fromEntries(sent));
            const codes = answer.errors.map(({ extensions }) => extensions.code);
            expect([field.name, answer.status < 500, codes.filter((code) => code === 'INTERNAL')]).toEqual([
              field.name,
              true,
              [],
            ]);
          }
        }
      }
    },
  );

  it('is refused in each filter of its own too', async () => {
    const schema = buildSchema(plane.plane.sdl);
    const filter = schema.getType('GadgetFilter');
    if (!isInputObjectType(filter)) throw new Error('no GadgetFilter');
    for (const field of Object.values(filter.getFields()).filter(({ name }) => !/^(and|or|not)$/.test(name))) {
      for (const text of Object.values(texts)) {
        const variables = { filter: { [field.name]: fill(field, text, -1, []) } };
        const answer = await plane.as('own')(
          'query ($filter: GadgetFilter) { gadgets(filter: $filter) { nodes { id } } }',
          variables,
        );
        expect([field.name, text, answer.errors.map(({ extensions }) => extensions.code).includes('INTERNAL')]).toEqual([
          field.name,
          text,
          false,
        ]);
        expect(answer.status).toBeLessThan(500);
      }
    }
  });

  it('leaves nothing behind', async () => {
    const { db } = plane.services;
    const [left] = await db.query<{ count: number }>({
      text: `SELECT count(*) AS count FROM artifact WHERE name LIKE '%DROP%' AND state <> 'draft'`,
    });
    expect(left?.count).toBe(0);
  });
});
