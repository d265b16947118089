/**
 * GET of the schemas: JSON Schemas (an early draft) of what this API answers. Clients build their model of an image from them and
 * check whole images against it, so that whatever an image can show is here, or is text.
 */
import type { HttpExchange } from '#base/http-route.ts';
import type { JsonObject } from '#base/json.ts';
import { memberStatuses, visibilities } from '#core/artifact.ts';
import { imageVersionField } from '#core/image-fields.ts';
import { imageStatuses } from '#core/image-status.ts';
import type { ImagePropertyRule, OpContext } from '#ops/context.ts';
import { answerJson } from './image-answers.ts';
import { assertNoBody } from './image-requests.ts';
import { imageType } from './image-type.ts';

type Types = Pick<OpContext, 'types'>['types'];
type Settings = OpContext['settings']['image'];

const uuidPattern = '^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$';

/** Each as a handler of its own path. */
export const schemaHandlers = {
  image: answering(imageSchema),
  images: answering(imagesSchema),
  member: answering(memberSchema),
  members: answering(membersSchema),
} as const;

function answering(schema: (settings: Settings, types: Types) => JsonObject) {
  return async ({ context, request, response }: HttpExchange<OpContext>): Promise<void> => {
    assertNoBody(request);
    answerJson(request, response, schema(context.settings.image, context.types));
  };
}

function imageSchema(settings: Settings, types: Types): JsonObject {
  return {
    name: 'image',
    properties: { ...baseProperties(settings), ...furtherProperties(settings.properties, types) },
    additionalProperties: { type: 'string' },
    links: [
      { rel: 'self', href: '{self}' },
      { rel: 'enclosure', href: '{file}' },
      { rel: 'describedby', href: '{schema}' },
    ],
  };
}

function imagesSchema(settings: Settings, types: Types): JsonObject {
  return {
    name: 'images',
    properties: {
      images: { type: 'array', items: imageSchema(settings, types) },
      first: { type: 'string' },
      next: { type: 'string' },
      schema: { type: 'string' },
    },
    links: [
      { rel: 'first', href: '{first}' },
      { rel: 'next', href: '{next}' },
      { rel: 'describedby', href: '{schema}' },
    ],
  };
}

export function memberSchema(): JsonObject {
  return {
    name: 'member',
    properties: {
      member_id: { type: 'string', description: 'The project that the image is shared with.' },
      image_id: { type: 'string', pattern: uuidPattern, description: 'The image.' },
      status: { type: 'string', enum: memberStatuses, description: 'What the project has made of the offer.' },
      created_at: { type: 'string', description: 'When the image was shared.' },
      updated_at: { type: 'string', description: 'When the share was changed last.' },
      schema: { type: 'string', readOnly: true },
    },
  };
}

function membersSchema(): JsonObject {
  return {
    name: 'members',
    properties: { members: { type: 'array', items: memberSchema() }, schema: { type: 'string' } },
    links: [{ rel: 'describedby', href: '{schema}' }],
  };
}

export function baseProperties({ diskFormats, containerFormats }: Settings): JsonObject {
  const text = (description: string): JsonObject => ({ type: 'string', description });
  const textOrNull = (description: string, maxLength: number): JsonObject => ({
    type: ['null', 'string'],
    description,
    maxLength,
  });
  const read = (schema: JsonObject): JsonObject => ({ ...schema, readOnly: true });
  const format = (formats: readonly string[], description: string): JsonObject => ({
    type: ['null', 'string'],
    description,
    enum: [null, ...formats],
  });
  const count = (description: string): JsonObject => ({ type: 'integer', minimum: 0, maximum: 2_147_483_647, description });
  const bytesOrNull = (description: string): JsonObject => ({ type: ['null', 'integer'], readOnly: true, description });
  return {
    id: { type: 'string', pattern: uuidPattern, description: 'Of the image; chosen by its maker, or random.' },
    name: textOrNull('What people call it.', 255),
    status: read({ ...text('Where it is in its life.'), enum: imageStatuses }),
    visibility: { ...text('Who sees it.'), enum: visibilities },
    protected: { type: 'boolean', description: 'Whether it cannot be deleted.' },
    os_hidden: { type: 'boolean', description: 'Whether lists leave it out unless they are asked for it.' },
    checksum: read(textOrNull('MD5 of the data, in hexadecimal.', 32)),
    os_hash_algo: read(textOrNull('Algorithm of os_hash_value.', 64)),
    os_hash_value: read(textOrNull('Hash of the data, in hexadecimal.', 128)),
    owner: textOrNull('The project it belongs to.', 255),
    size: bytesOrNull('Of the data, in bytes.'),
    virtual_size: bytesOrNull('Of the disk in the data, in bytes.'),
    container_format: format(containerFormats, 'What the disk is wrapped in.'),
    disk_format: format(diskFormats, 'How the disk is laid out.'),
    created_at: read(text('When it was made.')),
    updated_at: read(text('When it was changed last.')),
    tags: { type: 'array', items: { type: 'string', maxLength: 255 }, description: 'Words to find it by.' },
    direct_url: read(text('Where a store has the data.')),
    min_ram: count('Memory that a machine needs to boot it, in MB.'),
    min_disk: count('Disk that a machine needs to boot it, in GB.'),
    self: read(text('The path of the image.')),
    file: read(text('The path of its data.')),
    schema: read(text('The path of this schema.')),
    stores: read(text('The stores that have the data, joined by commas.')),
    locations: {
      type: 'array',
      description: 'Where stores have the data.',
      items: {
        type: 'object',
        required: ['url', 'metadata'],
        properties: { url: { type: 'string', maxLength: 255 }, metadata: { type: 'object' } },
      },
    },
  };
}

/** Known to more than one deployment, and to no rule of the type. */
const commonProperties: readonly ImagePropertyRule[] = [
  { name: 'kernel_id', description: 'Id of the image with the kernel that an AMI is booted with.' },
  { name: 'ramdisk_id', description: 'Id of the image with the initial RAM disk that an AMI is booted with.' },
  { name: 'instance_uuid', description: 'The machine that the image was taken of; a note, and no more.' },
  {
    name: imageVersionField,
    description: 'SemVer version of the family that the name stands for. It is for good once there are data.',
  },
];

/** What a deployment says replaces what is said of the same name anywhere else. */
function furtherProperties(rules: readonly ImagePropertyRule[], types: Types): JsonObject {
  const ofType = (types.types.get(imageType.type)?.properties ?? [])
    .filter(({ kind, enum: values, systemWritten }) => kind === 'string' && values === null && !systemWritten)
    .map(({ name, description }) => ({ name, description }));
  return Object.fromEntries([...ofType, ...commonProperties, ...rules].map((rule) => [rule.name, toSchema(rule)]));
}

/** Clients take what has no `is_base` for a field that every image has. */
function toSchema({ name: _name, required: _required, enum: values, ...rule }: ImagePropertyRule): JsonObject {
  const said = Object.entries(rule).filter((entry): entry is [string, string | number] => entry[1] !== undefined);
  return {
    type: 'string',
    ...Object.fromEntries(said),
    ...(values === undefined ? {} : { enum: values }),
    is_base: false,
  };
}
