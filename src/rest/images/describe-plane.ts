/** What the OpenAPI document says of the Image API as a whole: the names in its paths, its schemas, the shapes of its refusals. */
import { type PlaneDescription, schemaRef } from '#base/http-description.ts';
import type { JsonObject } from '#base/json.ts';
import { memberStatuses } from '#core/artifact.ts';
import { imageVersionField } from '#core/image-fields.ts';
import { baseProperties, memberSchema } from './image-schemas.ts';

/** Formats are a deployment's: `/v2/schemas/image` has those of the one that is asked. */
const {
  disk_format: _disk,
  container_format: _container,
  ...common
} = baseProperties({
  ...{ diskFormats: [], containerFormats: [], properties: [] },
  ...{ propertyQuota: 0, memberQuota: 0, formatMatch: 'enforce', publicEndpoint: undefined },
});

const imageProperties: JsonObject = {
  ...common,
  disk_format: { type: ['null', 'string'], description: 'How the disk is laid out.' },
  container_format: { type: ['null', 'string'], description: 'What the disk is wrapped in.' },
  [imageVersionField]: { type: 'string', description: 'SemVer version of the family that the name stands for.' },
};

/** In no answer of this server, or only where there are data. */
const sometimes: ReadonlySet<string> = new Set(['stores', 'direct_url', 'locations', imageVersionField]);

/** What may be said of an image that is made. */
const written = new Set(['id', 'name', 'visibility', 'protected', 'os_hidden', 'owner', 'tags', 'min_ram', 'min_disk']);
const writtenToo = new Set(['disk_format', 'container_format', imageVersionField]);

const further: JsonObject = { type: 'string', description: 'Further properties are text.' };

const image: JsonObject = {
  type: 'object',
  required: Object.keys(imageProperties).filter((name) => !sometimes.has(name)),
  properties: imageProperties,
  additionalProperties: further,
};

const newImage: JsonObject = {
  type: 'object',
  properties: Object.fromEntries(Object.entries(imageProperties).filter(([name]) => written.has(name) || writtenToo.has(name))),
  additionalProperties: { type: ['string', 'null'], description: 'Further properties are text; null stands for the empty one.' },
};

const pointer: JsonObject = { type: 'string', pattern: '^/', description: 'A JSON Pointer of one level: `/name`.' };

/** `{op, path, value}`: what clients since version 2.1 send. */
const patch: JsonObject = {
  type: 'array',
  items: {
    type: 'object',
    required: ['op', 'path'],
    properties: { op: { enum: ['add', 'replace', 'remove'] }, path: pointer, value: {} },
  },
};

/** `{add: path, value}`: what clients of version 2.0 send. */
const olderPatch: JsonObject = {
  type: 'array',
  items: {
    type: 'object',
    properties: { add: pointer, replace: pointer, remove: pointer, value: {} },
    oneOf: ['add', 'replace', 'remove'].map((op) => ({ required: [op] })),
  },
};

const { properties: memberProperties = {} } = memberSchema();

const schemas: Readonly<Record<string, JsonObject>> = {
  Image: image,
  NewImage: newImage,
  ImageList: {
    type: 'object',
    required: ['images', 'first', 'schema'],
    properties: {
      images: { type: 'array', items: schemaRef('Image') },
      first: { type: 'string', description: 'The path of the first page of this list.' },
      next: { type: 'string', description: 'The path of the next page; on the last one it is left out.' },
      schema: { type: 'string' },
    },
  },
  ImagePatch: patch,
  ImagePatchOfVersion20: olderPatch,
  Member: {
    type: 'object',
    required: ['member_id', 'image_id', 'status', 'created_at', 'updated_at', 'schema'],
    properties: memberProperties,
  },
  MemberList: {
    type: 'object',
    required: ['members', 'schema'],
    properties: { members: { type: 'array', items: schemaRef('Member') }, schema: { type: 'string' } },
  },
  NewMember: { type: 'object', required: ['member'], properties: { member: { type: 'string', minLength: 1 } } },
  MemberAnswer: { type: 'object', required: ['status'], properties: { status: { enum: memberStatuses } } },
  Versions: {
    type: 'object',
    required: ['versions'],
    properties: {
      versions: {
        type: 'array',
        items: {
          type: 'object',
          required: ['id', 'status', 'links'],
          properties: {
            id: { type: 'string', pattern: '^v2\\.\\d+$' },
            status: { enum: ['CURRENT', 'SUPPORTED'] },
            links: { type: 'array', items: { type: 'object', required: ['rel', 'href'] } },
          },
        },
      },
    },
  },
  ImportMethods: {
    type: 'object',
    required: ['import-methods'],
    properties: {
      'import-methods': {
        type: 'object',
        required: ['description', 'type', 'value'],
        properties: { value: { type: 'array', items: { type: 'string' } } },
      },
    },
  },
  StoreList: {
    type: 'object',
    required: ['stores'],
    properties: {
      stores: {
        type: 'array',
        items: {
          type: 'object',
          required: ['id'],
          properties: {
            id: { type: 'string' },
            default: { const: 'true', description: 'There only where it is true, and text.' },
            type: { type: 'string', description: 'In details.' },
            weight: { type: 'integer', description: 'In details.' },
            properties: { type: 'object', description: 'In details.' },
          },
        },
      },
    },
  },
  Usage: {
    type: 'object',
    required: ['usage'],
    properties: {
      usage: {
        type: 'object',
        additionalProperties: {
          type: 'object',
          required: ['usage', 'limit'],
          properties: {
            usage: { type: 'integer', description: 'A count, or MiB.' },
            limit: { type: 'integer', description: '-1: none.' },
          },
        },
      },
    },
  },
  ImageSchema: {
    type: 'object',
    required: ['name', 'properties'],
    properties: { name: { type: 'string' }, properties: { type: 'object' }, links: { type: 'array' } },
  },
  ImageError: {
    type: 'object',
    required: ['message', 'code', 'title'],
    properties: {
      message: { type: 'string', description: 'What is wrong, escaped as HTML.' },
      code: { type: 'string', description: 'Status and reason: `404 Not Found`.' },
      title: { type: 'string' },
    },
  },
};

export const imagePlaneDescription: PlaneDescription = {
  tag: 'images',
  summary:
    'The Image API v2 of OpenStack. Each path is there under `/v2.N` for every minor version too, with the same meaning. ' +
    'Refusals are HTML, or JSON or text for who asks for it by Accept.',
  params: {
    id: { description: 'Id of an image.' },
    tag: { description: 'A tag of at most 255 characters.' },
    member: { description: 'Id of a project.' },
  },
  schemas,
  refusal: { 'text/html': { type: 'string' }, 'application/json': schemaRef('ImageError'), 'text/plain': { type: 'string' } },
};
