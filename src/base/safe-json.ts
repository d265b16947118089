/** JSON of strangers, read strictly: what two readers could read differently is refused instead of guessed at. */
import { AppError } from './app-error.ts';
import type { Json } from './json.ts';

export interface StrictJsonOptions {
  /** Nesting of objects and lists; a scalar has depth 0. */
  readonly maxDepth: number;
}

interface Reading {
  readonly depthLeft: number;
  /** False where only a verdict is wanted: then lists and objects are left empty, however many values stand in them. */
  readonly keeps: boolean;
}

const whitespace = /[ \t\n\r]*/y;
const numberToken = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const literals: readonly (readonly [string, Json])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
];

/**
 * RFC 8259 with RFC 7493's care: no duplicate keys, no lone surrogates, no number that would change its value, no `__proto__`
 * key, bounded depth.
 * @throws AppError REQUEST_MALFORMED with one fault, which points at the value where there is one
 */
export function parseJsonStrict(text: string, { maxDepth }: StrictJsonOptions): Json {
  return readText(text, { depthLeft: maxDepth, keeps: true });
}

/** As `parseJsonStrict`, in no more memory than the text's own and the keys of one object. @throws AppError REQUEST_MALFORMED */
export function assertJsonStrict(text: string, { maxDepth }: StrictJsonOptions): void {
  readText(text, { depthLeft: maxDepth, keeps: false });
}

function readText(text: string, reading: Reading): Json {
  const scanner = createScanner(text);
  const value = readValue(scanner, '', reading);
  scanner.skip();
  if (scanner.at() < text.length) throw scanner.fail('', 'There is more text after the value');
  return value;
}

type Scanner = ReturnType<typeof createScanner>;

function createScanner(text: string) {
  let position = 0;
  /** The token at this position, or undefined. */
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = position;
    const token = pattern.exec(text)?.[0];
    if (token !== undefined) position += token.length;
    return token;
  };
  const skip = () => {
    take(whitespace);
  };
  return {
    take,
    skip,
    /** From quote to quote, escapes not yet looked at. A scan instead of a pattern, whose stack a long string could exhaust. */
    takeString(): string | undefined {
      if (text[position] !== '"') return undefined;
      let end = position + 1;
      while (end < text.length && text[end] !== '"') end += text[end] === '\\' ? 2 : 1;
      if (end >= text.length) return undefined;
      const token = text.slice(position, end + 1);
      position = end + 1;
      return token;
    },
    at: () => position,
    /** Takes exactly this text after any white space. */
    has(expected: string): boolean {
      skip();
      if (!text.startsWith(expected, position)) return false;
      position += expected.length;
      return true;
    },
    fail(pointer: string, message: string): AppError {
      const where = `${message}, at character ${position + 1}.`;
      return new AppError('REQUEST_MALFORMED', `The JSON cannot be read. ${where}`, { faults: [{ pointer, message: where }] });
    },
  };
}

function readValue(scanner: Scanner, pointer: string, reading: Reading): Json {
  scanner.skip();
  if (scanner.has('{')) return readObject(scanner, pointer, reading);
  if (scanner.has('[')) return readList(scanner, pointer, reading);
  const string = readString(scanner, pointer);
  if (string !== undefined) return string;
  for (const [word, value] of literals) if (scanner.has(word)) return value;
  const number = scanner.take(numberToken);
  if (number !== undefined) return toNumber(scanner, pointer, number);
  throw scanner.fail(pointer, 'A value is missing');
}

function readObject(scanner: Scanner, pointer: string, { depthLeft, keeps }: Reading): Json {
  if (depthLeft === 0) throw scanner.fail(pointer, 'It is nested too deeply');
  const members = new Map<string, Json>();
  if (scanner.has('}')) return {};
  const below = { depthLeft: depthLeft - 1, keeps };
  do {
    scanner.skip();
    const key = readString(scanner, pointer);
    if (key === undefined) throw scanner.fail(pointer, 'A key is missing');
    const child = `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    if (key === '__proto__') throw scanner.fail(child, 'The key __proto__ is not allowed');
    if (members.has(key)) throw scanner.fail(child, 'The key stands there twice');
    if (!scanner.has(':')) throw scanner.fail(child, 'A colon is missing');
    members.set(key, readValue(scanner, child, below));
  } while (scanner.has(','));
  if (!scanner.has('}')) throw scanner.fail(pointer, 'A comma or } is missing');
  return keeps ? Object.fromEntries(members) : {};
}

function readList(scanner: Scanner, pointer: string, { depthLeft, keeps }: Reading): Json {
  if (depthLeft === 0) throw scanner.fail(pointer, 'It is nested too deeply');
  const items: Json[] = [];
  if (scanner.has(']')) return items;
  const below = { depthLeft: depthLeft - 1, keeps };
  let count = 0;
  do {
    const value = readValue(scanner, `${pointer}/${count++}`, below);
    if (keeps) items.push(value);
  } while (scanner.has(','));
  if (!scanner.has(']')) throw scanner.fail(pointer, 'A comma or ] is missing');
  return items;
}

function readString(scanner: Scanner, pointer: string): string | undefined {
  const token = scanner.takeString();
  if (token === undefined) return undefined;
  const value = parseString(token);
  if (value === undefined) throw scanner.fail(pointer, 'A string has a control character or an unknown escape');
  if (!value.isWellFormed()) throw scanner.fail(pointer, 'A string has half a surrogate pair');
  return value;
}

function parseString(token: string): string | undefined {
  try {
    const value: unknown = JSON.parse(token);
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A whole number beyond 2^53 would silently become another one. */
function toNumber(scanner: Scanner, pointer: string, token: string): number {
  const value = Number(token);
  if (!Number.isFinite(value)) throw scanner.fail(pointer, 'A number is too large');
  if (/^-?[0-9]+$/.test(token) && !Number.isSafeInteger(value)) throw scanner.fail(pointer, 'A whole number is beyond 2^53 - 1');
  return value;
}
