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

const maxDepth = 32;

/** Repeating a name adds to a list and replaces anything else. @throws AppError USAGE, PROPERTIES_INVALID */
export function parseProperties(texts: readonly string[], kinds: PropertyKinds): JsonObject {
  const properties = new Map<string, Json>();
  for (const text of texts) {
    const { name, value } = parseProperty(text, kinds);
    const previous = properties.get(name);
    properties.set(name, Array.isArray(previous) && Array.isArray(value) ? [...previous, ...value] : value);
  }
  return Object.fromEntries(properties);
}

/** One `name=value`. @throws AppError USAGE, PROPERTIES_INVALID */
export function parseProperty(text: string, kinds: PropertyKinds): { readonly name: string; readonly value: Json } {
  const at = text.indexOf('=');
  if (at < 1) throw new AppError('USAGE', `A property is written name=value, not ${JSON.stringify(text)}.`);
  const name = text.slice(0, at);
  // The server knows best what to say of a name that it does not know.
  return { name, value: parseValue(name, text.slice(at + 1), kinds.byName.get(name) ?? kinds.extra ?? 'string') };
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
