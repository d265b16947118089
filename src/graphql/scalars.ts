/** The scalars beside GraphQL's own; all of them are refused, never rounded or cut, when out of bounds. */
import { GraphQLError, GraphQLScalarType, Kind, type ValueNode } from 'graphql';
import { isJsonObject, type Json } from '#base/json.ts';

/** Deeper JSON than this is no property of an artifact. */
export const maxJsonDepth = 32;
/** Values and keys in one JSON argument. */
export const maxJsonNodes = 10_000;

const dateTimePattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;

export const longScalar = new GraphQLScalarType<number, number>({
  name: 'Long',
  description: 'A whole number of at most 53 bits, as a JSON number: sizes in bytes, and integer properties.',
  serialize: (value) => value as number,
  parseValue: assertLong,
  parseLiteral: (node) =>
    node.kind === Kind.INT ? assertLong(Number(node.value)) : refuse('Long must be written as a whole number.', node),
});

export const dateTimeScalar = new GraphQLScalarType<string, string>({
  name: 'DateTime',
  description: 'A time in ISO 8601 with an offset, such as `2026-01-31T23:59:59.000Z`. Answers are in UTC with milliseconds.',
  serialize: (value) => value as string,
  parseValue: assertDateTime,
  parseLiteral: (node) =>
    node.kind === Kind.STRING ? assertDateTime(node.value) : refuse('DateTime must be written as text in quotes.', node),
});

export const jsonScalar = new GraphQLScalarType<Json, Json>({
  name: 'JSON',
  description: `Any JSON value, at most ${maxJsonDepth} levels deep.`,
  serialize: (value) => value as Json,
  parseValue(value) {
    assertJson(value, 1, { left: maxJsonNodes });
    return value as Json;
  },
  parseLiteral(node, variables) {
    const value = jsonFromLiteral(node, variables ?? {}, 1);
    assertJson(value, 1, { left: maxJsonNodes });
    return value;
  },
});

/** @param node where it stands in the document, if it does */
function refuse(message: string, node?: ValueNode): never {
  throw new GraphQLError(message, node === undefined ? {} : { nodes: node });
}

function assertLong(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  return refuse('Long must be a whole number between -(2^53-1) and 2^53-1.');
}

function assertDateTime(value: unknown): string {
  if (typeof value !== 'string' || !dateTimePattern.test(value)) return refuse('DateTime must be ISO 8601 with an offset.');
  const time = new Date(value);
  const isTime = !Number.isNaN(time.getTime()) && isDay(value.slice(0, 10));
  return isTime ? time.toISOString() : refuse('DateTime must be a time that exists.');
}

/** JavaScript reads 30 February as 2 March. */
function isDay(text: string): boolean {
  const day = new Date(text);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}

/** Own keys only are read, so that `__proto__` from JSON.parse is seen, and refused, as the key it is. */
function assertJson(value: unknown, depth: number, budget: { left: number }): void {
  budget.left -= 1;
  if (budget.left < 0) refuse(`JSON must not hold more than ${maxJsonNodes} values.`);
  if (depth > maxJsonDepth) refuse(`JSON must not be deeper than ${maxJsonDepth} levels.`);
  if (typeof value === 'string') assertText(value);
  else if (typeof value === 'number') {
    if (!Number.isFinite(value)) refuse('JSON numbers must be finite.');
  } else if (Array.isArray(value)) {
    for (const item of value) assertJson(item, depth + 1, budget);
  } else if (isJsonObject(value)) {
    for (const key of Object.keys(value)) {
      if (key === '__proto__') refuse('JSON must not have a key __proto__.');
      assertText(key);
      assertJson(value[key], depth + 1, budget);
    }
  }
}

function assertText(text: string): void {
  if (!text.isWellFormed() || text.includes('\0')) refuse('JSON text must be well-formed Unicode without U+0000.');
}

function jsonFromLiteral(node: ValueNode, variables: { readonly [name: string]: unknown }, depth: number): Json {
  if (depth > maxJsonDepth) return refuse(`JSON must not be deeper than ${maxJsonDepth} levels.`, node);
  switch (node.kind) {
    case Kind.NULL:
      return null;
    case Kind.STRING:
    case Kind.BOOLEAN:
      return node.value;
    case Kind.INT:
      // As in the body of a request: it would silently become another number.
      return Number.isSafeInteger(Number(node.value))
        ? Number(node.value)
        : refuse('JSON has no whole numbers beyond 2^53 - 1.', node);
    case Kind.FLOAT:
      return Number(node.value);
    case Kind.LIST:
      return node.values.map((item) => jsonFromLiteral(item, variables, depth + 1));
    case Kind.OBJECT:
      return Object.fromEntries(
        // A key whose variable was not given is left out, as of GraphQL's own input objects: null would say something else.
        node.fields
          .filter(({ value }) => value.kind !== Kind.VARIABLE || Object.hasOwn(variables, value.name.value))
          .map((field) => [field.name.value, jsonFromLiteral(field.value, variables, depth + 1)]),
      );
    case Kind.VARIABLE:
      return Object.hasOwn(variables, node.name.value) ? (variables[node.name.value] as Json) : null;
    case Kind.ENUM:
      return refuse('JSON has no enum values; write text in quotes.', node);
  }
}
