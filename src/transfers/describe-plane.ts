/** What the OpenAPI document says of the plane of bytes as a whole: the names in its paths, its schemas, its refusals. */
import { type PlaneDescription, schemaRef } from '#base/http-description.ts';
import type { JsonObject } from '#base/json.ts';
import { problemMediaType } from '#base/problem-details.ts';
import { problemKinds } from '#core/closure.ts';

const text: JsonObject = { type: 'string' };
const textOrNull: JsonObject = { type: ['string', 'null'] };
const whole: JsonObject = { type: 'integer', minimum: 0 };
const uuid: JsonObject = { type: 'string', format: 'uuid' };
const hex = (digits: number): JsonObject => ({ type: 'string', pattern: `^[0-9a-f]{${digits}}$` });

function object(properties: JsonObject, optional: readonly string[] = []): JsonObject {
  return { type: 'object', required: Object.keys(properties).filter((name) => !optional.includes(name)), properties };
}

const list = (items: JsonObject): JsonObject => ({ type: 'array', items });

const digests = { sha256: hex(64), sha512: hex(128), md5: hex(32) };
const entry = { slot: text, path: text, mediaType: text, size: whole, ...digests, url: text };

const problem = object(
  {
    type: { type: 'string', pattern: '^urn:vitrine:error:' },
    title: text,
    status: { type: 'integer' },
    detail: { type: 'string', description: 'What happened this time.' },
    code: { type: 'string', description: 'The same on all planes; docs/errors.md has them all.' },
    remedy: { type: 'string', description: 'What to do about it.' },
    errors: list(object({ pointer: text, detail: text })),
    details: { type: 'object', description: 'Facts to act on.' },
    instance: { type: 'string', description: 'The id of the request, by which its line in the log is found.' },
  },
  ['errors', 'details', 'instance'],
);

const closureBlob = object(
  {
    ...{ slot: text, key: text, path: text, mediaType: text, sizeBytes: whole, sha256: digests.sha256 },
    ...{ sha512: digests.sha512, md5: digests.md5, url: text, text: textOrNull },
  },
  ['sha512', 'md5'],
);

const closure = object({
  root: uuid,
  mode: { enum: ['pinned', 'floating'] },
  nodes: list(
    object({
      ...{ id: uuid, project: text, type: text, typeVersion: text, name: textOrNull, version: textOrNull, digest: textOrNull },
      ...{ state: text, yanked: { type: 'boolean' }, properties: { type: 'object' }, blobs: list(closureBlob) },
    }),
  ),
  edges: list(
    object({
      ...{ from: uuid, slot: text, alias: text, ref: text, range: text, parameter: textOrNull, to: textOrNull },
      version: textOrNull,
    }),
  ),
  problems: list(
    object({
      ...{ kind: { enum: problemKinds }, message: text, node: uuid, alias: textOrNull, usable: { type: 'boolean' } },
      ...{ candidates: list(text), path: list(text) },
    }),
  ),
  complete: { type: 'boolean', description: 'Nothing is missing; problems that are usable all the same may be there.' },
  closureDigest: textOrNull,
});

const heat: JsonObject = {
  type: 'object',
  description: 'The body that Heat takes for a stack, but for its name.',
  required: ['template', 'files'],
  properties: { template: { type: ['object', 'string'] }, files: { type: 'object', additionalProperties: text } },
};

const packed: JsonObject = {
  oneOf: [
    object({ name: text, ...entry }),
    object({ name: text, slot: textOrNull, path: textOrNull, problem: schemaRef('Problem') }),
  ],
};

export const transferPlaneDescription: PlaneDescription = {
  tag: 'bytes',
  summary: 'Blobs of artifacts, in and out, and closures: an artifact with everything it needs. Refusals are RFC 9457.',
  params: {
    id: { description: 'Id of an artifact, or of an upload.' },
    slot: { description: 'A slot of its type.' },
    path: {
      description:
        'The path of a blob in a slot that takes several: segments between slashes, each percent-encoded, and so not one value.',
    },
  },
  schemas: {
    Problem: problem,
    StoredBlob: object({ ...entry, revision: whole }),
    PackResult: object({ revision: whole, members: list(packed) }),
    Upload: object(
      {
        ...{ id: uuid, offset: whole, length: { type: ['integer', 'null'] }, expiresAt: { type: 'string', format: 'date-time' } },
        state: { enum: ['open', 'receiving', 'verifying', 'finished', 'failed', 'aborted', 'expired'] },
        error: object({ code: text, detail: text, remedy: text }),
        entry: object(entry),
      },
      ['error', 'entry'],
    ),
    Closure: closure,
    HeatProjection: heat,
  },
  refusal: { [problemMediaType]: schemaRef('Problem') },
};
