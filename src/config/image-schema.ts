/** The JSON Schema of the settings of the Image API. */

import { imageBaseFields, imageReservedFields, imageReservedPrefixes } from '#core/image-fields.ts';
import type { FromSchema } from './schema-type.ts';

const diskFormats = ['ami', 'ari', 'aki', 'vhd', 'vhdx', 'vmdk', 'raw', 'qcow2', 'vdi', 'iso', 'ploop'] as const;
/** What the inspectors know too; a deployment that wants them says so. */
const furtherDiskFormats = ['gpt', 'luks'] as const;
const containerFormats = ['ami', 'ari', 'aki', 'bare', 'ovf', 'ova', 'docker', 'compressed'] as const;

/** What a deployment says about a further property of images: a part of the schema that clients read, and hold values to. */
const propertySchema = {
  type: 'object',
  additionalProperties: false,
  required: ['name'],
  properties: {
    name: {
      type: 'string',
      minLength: 1,
      maxLength: 255,
      pattern: `^(?!${imageReservedPrefixes.join('|')})`,
      not: { enum: [...imageBaseFields, ...imageReservedFields] },
    },
    description: { type: 'string', minLength: 1 },
    enum: { type: 'array', minItems: 1, uniqueItems: true, items: { type: 'string', maxLength: 65_535 } },
    pattern: { type: 'string', minLength: 1 },
    minLength: { type: 'integer', minimum: 0 },
    maxLength: { type: 'integer', minimum: 0, maximum: 65_535 },
    required: { type: 'boolean' },
  },
} as const;

export const imageSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    diskFormats: {
      type: 'array',
      minItems: 1,
      uniqueItems: true,
      items: { type: 'string', enum: [...diskFormats, ...furtherDiskFormats] },
      default: diskFormats,
      description: 'Disk formats that the Image API takes.',
    },
    containerFormats: {
      type: 'array',
      minItems: 1,
      uniqueItems: true,
      items: { type: 'string', enum: containerFormats },
      default: containerFormats,
      description: 'Container formats that the Image API takes.',
    },
    properties: {
      type: 'array',
      maxItems: 1_000,
      items: propertySchema,
      default: [],
      description:
        'What is said to clients of further properties, each with `name` and any of `description`, `enum`, `pattern`, `minLength`, `maxLength`, `required`; as JSON or YAML.',
    },
    propertyQuota: { type: 'integer', minimum: 0, default: 128, description: 'Most further properties of an image.' },
    memberQuota: { type: 'integer', minimum: 0, default: 128, description: 'Most projects an image is shared with.' },
    formatMatch: {
      type: 'string',
      enum: ['enforce', 'log'],
      default: 'enforce',
      description:
        'Whether bytes that are not the declared disk format are refused, or only told in the log. Unsafe ones always are refused.',
    },
    publicEndpoint: {
      type: 'string',
      // In ASCII: it stands in headers.
      pattern: '^https?://[!-"$-.0->A-~]+(/[!-"$->@-~]*)?$',
      'x-url': true,
      description: 'Where clients find this server, `https://images.example.org`; the Host of each request when left out.',
    },
  },
} as const;

/** What the JSON Schema cannot say of them: a name once, and patterns that are some. */
export function imageFaults({ properties }: FromSchema<typeof imageSchema>): readonly string[] {
  const names = properties.map(({ name }) => name);
  const twice = new Set(names.filter((name, index) => names.indexOf(name) !== index));
  const unreadable = properties.filter(({ pattern }) => pattern !== undefined && !isPattern(pattern));
  return [
    ...[...twice].map((name) => `image.properties has ${name} twice`),
    ...unreadable.map(({ name }) => `image.properties: the pattern of ${name} is no regular expression`),
  ];
}

function isPattern(text: string): boolean {
  try {
    new RegExp(text, 'u');
    return true;
  } catch {
    return false;
  }
}
