/** The JSON Schema of `manifest.json`. */

/** Keys that reach into an object's prototype; refused wherever a manifest or a user names something. */
export const prototypeKeys = ['__proto__', 'constructor', 'prototype'] as const;

const typeVersionPattern = '^(0|[1-9][0-9]{0,5})([.](0|[1-9][0-9]{0,5})){0,2}$';
const typePattern = '^[a-z][a-z0-9]*(-[a-z0-9]+)*$';

const notPrototype = { enum: [...prototypeKeys] };
const ruleName = { type: 'string', pattern: '^[a-z][a-z0-9_-]{0,63}$', not: notPrototype };
const description = { type: 'string', maxLength: 2000 };

const slotSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['kind'],
  properties: {
    kind: { enum: ['one', 'map'] },
    description,
    required: { type: 'boolean' },
    mediaTypes: {
      type: 'array',
      maxItems: 64,
      uniqueItems: true,
      items: { type: 'string', pattern: '^[a-z0-9!#$&^_.+-]{1,127}/([a-z0-9!#$&^_.+-]{1,127}|[*])$' },
    },
    maxBytes: { type: ['integer', 'null'], minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
    maxEntries: { type: 'integer', minimum: 1, maximum: 100_000 },
    text: { type: 'boolean' },
  },
};

const dependencySchema = {
  type: 'object',
  additionalProperties: false,
  required: ['targets'],
  properties: {
    description,
    targets: {
      type: 'array',
      minItems: 1,
      maxItems: 64,
      uniqueItems: true,
      items: { type: 'string', pattern: typePattern, maxLength: 64 },
    },
    min: { type: 'integer', minimum: 0, maximum: 1000 },
    max: { type: ['integer', 'null'], minimum: 1, maximum: 1000 },
    singleton: { type: 'boolean' },
  },
};

/** Version 1 of the manifest format; only adds, never changes. */
export const manifestSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  additionalProperties: false,
  required: ['type', 'title', 'current', 'versions'],
  properties: {
    $schema: { type: 'string' },
    type: { type: 'string', pattern: typePattern, maxLength: 64, not: notPrototype },
    title: { type: 'string', minLength: 1, maxLength: 200 },
    description,
    current: { type: 'string', pattern: typeVersionPattern },
    versions: {
      type: 'object',
      minProperties: 1,
      maxProperties: 100,
      propertyNames: { type: 'string', pattern: typeVersionPattern },
      additionalProperties: {
        type: 'object',
        additionalProperties: false,
        properties: {
          draft: { type: 'boolean' },
          slots: { type: 'object', maxProperties: 64, propertyNames: ruleName, additionalProperties: slotSchema },
          dependencies: { type: 'object', maxProperties: 64, propertyNames: ruleName, additionalProperties: dependencySchema },
        },
      },
    },
    graphql: {
      type: 'object',
      additionalProperties: false,
      properties: {
        typeName: { type: 'string', pattern: '^[A-Z][A-Za-z0-9]{0,63}$' },
        plural: { type: 'string', pattern: '^[a-z][A-Za-z0-9]{0,63}$' },
        fields: {
          type: 'object',
          maxProperties: 1000,
          additionalProperties: { type: 'string', pattern: '^(?!__)[A-Za-z_][A-Za-z0-9_]{0,127}$' },
        },
      },
    },
    projections: {
      type: 'object',
      additionalProperties: false,
      properties: {
        heat: {
          type: 'object',
          additionalProperties: false,
          required: ['role', 'slot'],
          properties: {
            role: { enum: ['template', 'environment'] },
            slot: ruleName,
            environmentFiles: { type: 'string', minLength: 1, maxLength: 128, not: notPrototype },
          },
        },
      },
    },
  },
} as const;
