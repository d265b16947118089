/** `name=value` from the command line as the JSON value that the property's kind asks for. */
import { AppError } from '#base/app-error.ts';
import type { Json, JsonObject } from '#base/json.ts';
import { parseJsonStrict } from '#base/safe-json.ts';

/** As the server's `artifactTypes` names them. */
export type PropertyKindName = 'string' | 'integer' | 'number' | 'boolean' | 'string_list' | 'json';

export interface PropertyKinds {
  readonly byName: ReadonlyMap<string, PropertyKindName>;
  /** Of properties that the type does not name; null where there are none. */
  readonly extra: PropertyKindName | null;
}

export interface NamedValue {
  readonly name: string;
  readonly kind: PropertyKindName;
  readonly value: Json;
}

const maxDepth = 32;

/** Repeating a name adds to a list and replaces anything else. @throws AppError USAGE, PROPERTIES_INVALID */
export function parseProperties(texts: readonly string[], kinds: PropertyKinds): JsonObject {
  const properties = new Map<string, Json>();
  for (const text of texts) {
    const { name, kind, value } = parseProperty(text, kinds);
    const previous = properties.get(name);
    const isMore = kind === 'string_list' && Array.isArray(previous) && Array.isArray(value);
    properties.set(name, isMore ? [...previous, ...value] : value);
  }
  return Object.fromEntries(properties);
}

/** One `name=value`, by the kind of the name. @throws AppError USAGE, PROPERTIES_INVALID */
export function parseProperty(text: string, kinds: PropertyKinds): NamedValue {
  const at = text.indexOf('=');
  if (at < 1) throw new AppError('USAGE', `A property is written name=value, not ${JSON.stringify(text)}.`);
  const name = text.slice(0, at);
  const value = text.slice(at + 1);
  const known = kinds.byName.get(name);
  if (known === undefined && kinds.extra === 'json') return { name, kind: 'json', value: parseAny(value) };
  // The server knows best what to say of a name that it does not know.
  const kind = known ?? kinds.extra ?? 'string';
  return { name, kind, value: parseValue(name, value, kind) };
}

/** A property of which only the value tells the kind: JSON where it is JSON, else text, so that text needs no quotes. */
function parseAny(text: string): Json {
  try {
    return parseJsonStrict(text, { maxDepth });
  } catch (error) {
    if (/^\s*[[{"]/.test(text)) throw error;
    return text;
  }
}

function parseValue(name: string, text: string, kind: PropertyKindName): Json {
  switch (kind) {
    case 'string':
      return text;
    case 'integer':
      return /^-?\d+$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : refuse(name, text, 'a whole number');
    case 'number':
      return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : refuse(name, text, 'a number');
    case 'boolean':
      if (text === 'true' || text === 'false') return text === 'true';
      return refuse(name, text, 'true or false');
    case 'string_list':
      return text.startsWith('[') ? parseJsonStrict(text, { maxDepth }) : text.split(',').filter((item) => item !== '');
    case 'json':
      return parseJsonStrict(text, { maxDepth });
  }
}

function refuse(name: string, text: string, wanted: string): never {
  const message = `The property ${name} is ${wanted}, not ${JSON.stringify(text)}.`;
  throw new AppError('PROPERTIES_INVALID', message, { faults: [{ pointer: `/${name}`, message }] });
}
