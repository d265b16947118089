/** What the OpenAPI document says of blobs in slots, packs and closures: by path and method, beside the tables of routes. */
import { type FieldDescription, type OperationDescription, schemaRef } from '#base/http-description.ts';
import type { HttpRoute } from '#base/http-route.ts';
import type { JsonObject } from '#base/json.ts';

export type Operations = NonNullable<HttpRoute<never>['operations']>;

const noSuchArtifact = 'There is no such artifact, or none that the caller may see; or no such slot or blob in it.';
export const unavailable = 'The server is read-only for the time being, or what it stands on does not answer.';
export const anyBytes: JsonObject = { type: 'string', contentEncoding: 'binary' };

export const told = (description: string, schema?: JsonObject): FieldDescription =>
  schema === undefined ? { description } : { description, schema };

const revision = told('The revision of the artifact, in quotes, on which the change depends.');
const digest = told('SHA-256, SHA-512 or MD5 that the bytes must have (RFC 9530).');
const store = told('The store that the bytes go to.');

const conditions = {
  Range: told('One range or several.'),
  'If-Range': told('The ETag that the ranges are of; the whole is sent when it is another.'),
  'If-None-Match': told('ETags that the caller has already.'),
  'If-Match': told('ETags that it must have.'),
};

const blobHeaders = {
  ETag: 'The SHA-256 of the whole.',
  'Repr-Digest': 'SHA-256 and SHA-512 of the whole, also beside a range (RFC 9530).',
  'Accept-Ranges': '`bytes`',
  'Content-Disposition': 'The name of the blob.',
};

const download: OperationDescription = {
  id: 'downloadBlob',
  summary: 'The bytes of a blob',
  headers: conditions,
  answers: {
    200: { description: 'All of them, under the media type of the blob.', headers: blobHeaders, content: { '*/*': anyBytes } },
    206: {
      description: 'The ranges; several as multipart/byteranges.',
      headers: { ...blobHeaders, 'Content-Range': 'Which it is, where it is one.' },
      content: { '*/*': anyBytes },
    },
    304: { description: 'The caller has it already.' },
  },
  refusals: {
    403: 'The caller may not download it, or the artifact is deactivated.',
    404: noSuchArtifact,
    412: 'The blob is not the one that If-Match names.',
    416: 'The ranges lie outside the blob.',
    503: 'No store has the bytes for the time being.',
  },
};

const { 206: _ranges, 200: whole, ...otherwise } = download.answers;
const { 416: _outside, ...headRefusals } = download.refusals;

const head: OperationDescription = {
  ...download,
  id: 'showBlob',
  summary: 'What a download of a blob would say, without its bytes',
  answers: { 200: { description: 'It is there.', headers: whole?.headers ?? {} }, ...otherwise },
  refusals: headRefusals,
};

const upload: OperationDescription = {
  id: 'uploadBlob',
  summary: 'Puts a blob into a slot of a draft',
  query: { store },
  headers: { 'If-Match': revision, 'Repr-Digest': digest, 'Content-Digest': digest },
  body: { '*/*': anyBytes },
  answers: {
    201: {
      description: 'The blob.',
      headers: { Location: 'Its path.', ETag: blobHeaders.ETag },
      content: { 'application/json': schemaRef('StoredBlob') },
    },
  },
  refusals: {
    400: 'A digest, the size, the path or a field is wrong, or not all bytes came; nothing is kept.',
    403: 'The caller may not change the artifact.',
    404: noSuchArtifact,
    409: 'The artifact is published, another upload is on its way, or the path is taken.',
    412: 'The artifact is not at the revision that If-Match names.',
    413: 'The blob is larger than its slot or this server takes.',
    415: 'The body has a content coding.',
    422: 'The type has no such slot, the slot is full, or the type refuses the bytes.',
    503: unavailable,
  },
};

const remove: OperationDescription = {
  id: 'removeBlob',
  summary: 'Takes a blob out of a slot of a draft',
  headers: { 'If-Match': revision },
  answers: { 204: { description: 'Done.' } },
  refusals: {
    400: 'The path or a field is wrong.',
    403: 'The caller may not change the artifact.',
    404: noSuchArtifact,
    409: 'The artifact is published.',
    412: 'The artifact is not at the revision that If-Match names.',
    422: 'The type has no such slot.',
    503: unavailable,
  },
};

const place = told('Path of the blob, in a slot that takes one.');

/** Of a slot that takes one blob. */
export const blobOperations: Operations = {
  GET: download,
  HEAD: head,
  PUT: { ...upload, query: { path: place, store } },
  DELETE: remove,
};

/** Of a slot that takes several: the same, under names of their own. */
export const blobOperationsAt: Operations = {
  GET: { ...download, id: 'downloadBlobAt' },
  HEAD: { ...head, id: 'showBlobAt' },
  PUT: { ...upload, id: 'uploadBlobAt' },
  DELETE: { ...remove, id: 'removeBlobAt' },
};

const pack = { 'application/json': schemaRef('PackResult') };

export const packOperations: Operations = {
  POST: {
    id: 'sendPack',
    summary: 'Many small blobs of a draft in one request, attached together',
    query: { store },
    headers: { 'If-Match': revision },
    body: { 'application/x-tar': anyBytes },
    answers: {
      200: { description: 'No member was taken; each has its problem.', content: pack },
      201: { description: 'What became of each member.', content: pack },
    },
    refusals: {
      400: 'The tar cannot be read, or not all of it came; nothing is attached.',
      403: 'The caller may not change the artifact.',
      404: noSuchArtifact,
      409: 'The artifact is published.',
      412: 'The artifact is not at the revision that If-Match names.',
      413: 'More bytes or members than a pack may have.',
      415: 'The body is no plain tar.',
      503: unavailable,
    },
  },
};

const getClosure: OperationDescription = {
  id: 'getClosure',
  summary: 'An artifact with everything it needs',
  query: {
    ref: { description: 'A reference: `[project/]type/name[@range]`, or an id.', required: true },
    mode: told('As it was pinned when it was published, or as ranges say now.', {
      enum: ['pinned', 'floating'],
      default: 'pinned',
    }),
    format: told('A description, a tar of all blobs, or the body that Heat takes.', {
      enum: ['json', 'tar', 'heat'],
      default: 'json',
    }),
    inline: told('Blobs of text of at most so many bytes come along.', { type: 'integer', minimum: 0 }),
    partial: told('Deliver what is there where something is missing.', { enum: ['false', 'true'], default: 'false' }),
  },
  headers: { 'If-None-Match': conditions['If-None-Match'] },
  answers: {
    200: {
      description: 'The closure.',
      headers: { ETag: 'Of these very bytes.' },
      content: {
        'application/json': { anyOf: [schemaRef('Closure'), schemaRef('HeatProjection')] },
        'application/x-tar': anyBytes,
      },
    },
    304: { description: 'The caller has it already.' },
  },
  refusals: {
    400: 'A parameter or the reference is wrong.',
    403: 'The caller may not download something in it.',
    404: 'There is no such artifact, or no version in the range.',
    409: 'It is not complete, and partial delivery was not asked for; or it does not fit the format.',
    412: 'It is not the one that If-Match names.',
    413: 'It has more artifacts than this server delivers.',
  },
};

const { 200: closure, 304: unchanged } = getClosure.answers;

export const closureOperations: Operations = {
  GET: getClosure,
  HEAD: {
    ...getClosure,
    id: 'showClosure',
    summary: 'What a closure’s answer would say, without its body',
    answers: {
      200: { description: 'It is there.', headers: closure?.headers ?? {} },
      304: unchanged ?? { description: 'The caller has it already.' },
    },
  },
};
