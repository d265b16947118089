/**
 * The closed subset of JSON Schema 2020-12 that a type version may be written in. It is itself a JSON Schema: no references,
 * no recursion, every property of one kind that GraphQL can show, and five annotations.
 */
import type { Fault } from '#base/app-error.ts';
import { isJsonObject, type Json, type JsonObject } from '#base/json.ts';
import { type ValidateFunction, validatorOf } from '#base/validator.ts';
import { ajvFaults, pointerSegment } from './ajv-faults.ts';
import { prototypeKeys } from './manifest-schema.ts';
import type { PropertyKind } from './type-registry.ts';

export const annotations = ['x-mutable', 'x-filterable', 'x-sortable', 'x-system-written', 'x-label'] as const;

/** Formats that are checked; ajv-formats' own, in its full mode. */
export const formats = ['date', 'date-time', 'time', 'duration', 'uri', 'email', 'hostname', 'ipv4', 'ipv6', 'uuid'] as const;

const count = { type: 'integer', minimum: 0, maximum: 1_000_000 };
const words = {
  title: { type: 'string', maxLength: 200 },
  description: { type: 'string', maxLength: 2000 },
  $comment: { type: 'string', maxLength: 2000 },
  examples: { type: 'array', maxItems: 20 },
};
const marks = {
  'x-mutable': { type: 'boolean' },
  'x-filterable': { type: 'boolean' },
  'x-sortable': { type: 'boolean' },
  'x-system-written': { type: 'boolean' },
  'x-label': { type: 'string', minLength: 1, maxLength: 200 },
};
const text = {
  enum: { type: 'array', minItems: 1, maxItems: 1000, uniqueItems: true, items: { type: 'string' } },
  minLength: count,
  maxLength: count,
  pattern: { type: 'string', maxLength: 1000 },
  format: { enum: [...formats] },
};
const numeric = {
  minimum: { type: 'number' },
  maximum: { type: 'number' },
  exclusiveMinimum: { type: 'number' },
  exclusiveMaximum: { type: 'number' },
  multipleOf: { type: 'number', exclusiveMinimum: 0 },
};
const list = { minItems: count, maxItems: count, uniqueItems: { type: 'boolean' } };

/** What every object has: a property of such a name would be found, and be of a wrong kind, in objects that lack it. */
const inheritedNames = { enum: [...new Set([...prototypeKeys, ...Object.getOwnPropertyNames(Object.prototype)])] };

const closed = (type: string, properties: object): object => ({
  properties: { type: { const: type }, ...words, ...properties },
  required: ['type'],
  additionalProperties: false,
});

/** By the `type` keyword, so that a fault names the keyword that does not belong and not eight alternatives. */
const byKind = (extra: object, nested: object): object => ({
  type: 'object',
  required: ['type'],
  properties: { type: { enum: ['string', 'integer', 'number', 'boolean', 'array', 'object'] } },
  allOf: [
    when('string', { ...text, ...extra }),
    when('integer', { ...numeric, ...extra }),
    when('number', { ...numeric, ...extra }),
    when('boolean', extra),
    when('array', { ...list, items: nested, ...extra }),
    when('object', {
      properties: { type: 'object', maxProperties: 200, propertyNames: { not: inheritedNames }, additionalProperties: nested },
      required: { type: 'array', maxItems: 200, uniqueItems: true, items: { type: 'string' } },
      additionalProperties: { if: { type: 'boolean' }, else: nested },
      minProperties: count,
      maxProperties: count,
      ...extra,
    }),
  ],
});

const when = (type: string, properties: object): object => ({
  if: { type: 'object', properties: { type: { const: type } }, required: ['type'] },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
  then: closed(type, properties),
});

const scalar = {
  type: 'object',
  required: ['type'],
  properties: { type: { enum: ['string', 'integer', 'number', 'boolean'] } },
  allOf: [when('string', text), when('integer', numeric), when('number', numeric), when('boolean', {})],
};

/** Further properties: all of one scalar kind, or, without `type`, of any JSON value. */
const further = {
  if: { type: 'object', not: { required: ['type'] } },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
  then: { properties: words, additionalProperties: false },
  else: scalar,
};

/** Inside a JSON property: the same keywords at any depth, and `true` for any value. */
const nested = { $ref: '#/$defs/nested' };

const subsetSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $defs: { nested: { if: { type: 'boolean' }, else: byKind({}, nested) } },
  type: 'object',
  additionalProperties: false,
  required: ['$schema', 'type', 'properties', 'additionalProperties'],
  properties: {
    $schema: { const: 'https://json-schema.org/draft/2020-12/schema' },
    ...words,
    type: { const: 'object' },
    properties: {
      type: 'object',
      maxProperties: 500,
      propertyNames: { type: 'string', pattern: '^[!-~]{1,128}$', not: inheritedNames },
      // A property without `type` holds any JSON value.
      additionalProperties: {
        type: 'object',
        if: { type: 'object', required: ['type'] },
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
        then: byKind(marks, nested),
        else: { properties: { ...words, ...marks }, additionalProperties: false },
      },
    },
    required: { type: 'array', maxItems: 500, uniqueItems: true, items: { type: 'string' } },
    additionalProperties: { if: { type: 'boolean' }, else: further, not: { const: true } },
  },
};

const subsetOptions = { strict: true, strictTypes: false, strictRequired: false, allErrors: true };

let compiled: ValidateFunction | undefined;

/** Every fault of a type version's JSON Schema; pointers into that file. */
export function subsetFaults(schema: Json): Fault[] {
  compiled ??= validatorOf(subsetSchema, subsetOptions);
  if (!compiled(schema) || !isJsonObject(schema)) return ajvFaults(compiled.errors);
  const properties = schemaProperties(schema);
  const faults: Fault[] = [];
  for (const [index, name] of requiredNames(schema).entries()) {
    const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (property === undefined) faults.push({ pointer: `/required/${index}`, message: `names "${name}", which is no property` });
    else if (property['x-system-written'] === true) {
      faults.push({
        pointer: `/required/${index}`,
        message: `"${name}" is system-written, so nobody can be required to give it`,
      });
    }
  }
  for (const [name, property] of Object.entries(properties)) {
    faults.push(...annotationFaults(`/properties/${pointerSegment(name)}`, property));
  }
  const extra = schema['additionalProperties'];
  if (isJsonObject(extra)) faults.push(...patternFaults('/additionalProperties', extra));
  return faults;
}

/** The GraphQL-able kind of one property's JSON Schema. */
export function propertyKind(property: JsonObject): PropertyKind {
  const type = property['type'];
  if (type === 'string' || type === 'integer' || type === 'number' || type === 'boolean') return type;
  const items = property['items'];
  return type === 'array' && isJsonObject(items) && items['type'] === 'string' ? 'string-list' : 'json';
}

export function schemaProperties(schema: JsonObject): Readonly<Record<string, JsonObject>> {
  const properties = schema['properties'];
  if (!isJsonObject(properties)) return {};
  return Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, isJsonObject(value) ? value : {}]));
}

export function requiredNames(schema: JsonObject): readonly string[] {
  const required = schema['required'];
  return Array.isArray(required) ? required.filter((name): name is string => typeof name === 'string') : [];
}

function annotationFaults(pointer: string, property: JsonObject): Fault[] {
  const kind = propertyKind(property);
  const faults = patternFaults(pointer, property);
  if (property['x-sortable'] === true && (kind === 'json' || kind === 'string-list')) {
    faults.push({ pointer: `${pointer}/x-sortable`, message: 'is for strings, numbers and booleans' });
  }
  if (property['x-filterable'] === true && kind === 'json') {
    faults.push({ pointer: `${pointer}/x-filterable`, message: 'is for scalars and lists of strings' });
  }
  if (property['x-mutable'] === true && property['x-system-written'] === true) {
    faults.push({ pointer: `${pointer}/x-mutable`, message: 'contradicts x-system-written' });
  }
  return faults;
}

/** Patterns are a type author's own code and trusted, but they must compile. */
function patternFaults(pointer: string, schema: JsonObject): Fault[] {
  const faults: Fault[] = [];
  for (const [key, value] of Object.entries(schema)) {
    if (key === 'pattern' && typeof value === 'string' && !compiles(value)) {
      faults.push({ pointer: `${pointer}/pattern`, message: 'is no regular expression' });
    } else if (key === 'items' || key === 'additionalProperties') {
      if (isJsonObject(value)) faults.push(...patternFaults(`${pointer}/${key}`, value));
    } else if (key === 'properties' && isJsonObject(value)) {
      for (const [name, inner] of Object.entries(value)) {
        if (isJsonObject(inner)) faults.push(...patternFaults(`${pointer}/properties/${pointerSegment(name)}`, inner));
      }
    }
  }
  return faults;
}

function compiles(pattern: string): boolean {
  try {
    new RegExp(pattern, 'u');
    return true;
  } catch {
    return false;
  }
}
