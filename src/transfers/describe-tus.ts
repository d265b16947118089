/** What the OpenAPI document says of uploads in several requests (tus 1.0.0). */
import { type OperationDescription, schemaRef } from '#base/http-description.ts';
import { anyBytes, type Operations, told, unavailable } from './describe-transfers.ts';

const noSuchUpload = 'There is no such upload of the caller’s.';
const notOwn = 'The caller may not upload to the artifact.';
const gone = 'The upload has expired, failed or was ended.';
const bodyType = { 'application/offset+octet-stream': anyBytes };
const number = { type: 'integer', minimum: 0 } as const;

const version = {
  'Tus-Resumable': { description: 'The version of the protocol: 1.0.0.', required: true, schema: { const: '1.0.0' } },
};
const versionRefused = 'This version of the protocol is not spoken here, or none was named.';
const override = told('The method that is meant by a POST.', { enum: ['HEAD', 'PATCH', 'DELETE'] });

const state = {
  'Tus-Resumable': 'The version that is spoken.',
  'Vitrine-Upload-State': '`open`, `receiving`, `verifying` or `finished`.',
  'Upload-Expires': 'When it ends if nothing more comes.',
};

const options = (id: string): OperationDescription => ({
  id,
  summary: 'What of the upload protocol is spoken here',
  answers: {
    204: {
      description: 'See the fields.',
      headers: {
        'Tus-Version': 'Versions.',
        'Tus-Extension': 'Extensions.',
        'Tus-Max-Size': 'Most bytes.',
        'Tus-Checksum-Algorithm': 'Algorithms.',
      },
    },
  },
  refusals: {},
});

const append: OperationDescription = {
  id: 'appendUpload',
  summary: 'Goes on with an upload where it stands',
  headers: {
    ...version,
    'Upload-Offset': { description: 'Where the bytes belong.', schema: number, required: true },
    'Upload-Length': told('Bytes of the whole, where they were not said before.', number),
    'Upload-Checksum': told('Algorithm and digest of the bytes of this request.'),
  },
  body: bodyType,
  answers: { 204: { description: 'The bytes are safe.', headers: { ...state, 'Upload-Offset': 'Where it stands now.' } } },
  refusals: {
    400: 'A field is wrong, or not all bytes came; what came is kept.',
    403: `${notOwn} Or the upload joins others, and nothing is appended to it.`,
    404: noSuchUpload,
    409: 'The upload stands at another offset.',
    410: gone,
    412: versionRefused,
    413: 'More bytes than were announced, or than this server takes.',
    415: 'The content type is not the protocol’s.',
    423: 'Another request is writing to it.',
    460: 'The bytes do not have the checksum; nothing of them was kept.',
    503: unavailable,
  },
};

const show: OperationDescription = {
  id: 'showUpload',
  summary: 'Where an upload stands, also when it is over; the blob when it is in its place',
  answers: { 200: { description: 'The upload.', content: { 'application/json': schemaRef('Upload') } } },
  refusals: { 403: notOwn, 404: noSuchUpload },
};

export const uploadsOperations: Operations = {
  OPTIONS: options('describeUploads'),
  POST: {
    id: 'createUpload',
    summary: 'Begins an upload, perhaps with its first bytes; or joins uploads that are parts',
    headers: {
      ...version,
      'Upload-Length': told('Bytes of the whole.', number),
      'Upload-Defer-Length': told('The length comes later.', { const: '1' }),
      'Upload-Metadata': told('`artifact`, `slot`, and perhaps `path`, `media-type`, `store`, `sha256`, `sha512`, `md5`.'),
      'Upload-Concat': told('`partial`, or `final;` and the paths of the parts.'),
    },
    answers: { 201: { description: 'The upload.', headers: { ...state, Location: 'Its path.' } } },
    refusals: {
      400: 'A field is wrong.',
      403: 'The caller may not change the artifact.',
      404: 'There is no such artifact, or none that the caller may see.',
      409: 'The artifact is published, or a part to be joined is not whole.',
      412: `${versionRefused} Or the artifact is not at the revision that If-Match names.`,
      413: 'More bytes than the slot or this server takes.',
      415: 'The content type is not the protocol’s.',
      422: 'The type has no such slot, or it is full.',
      503: unavailable,
    },
  },
};

export const uploadOperations: Operations = {
  OPTIONS: options('describeUpload'),
  HEAD: {
    id: 'tellUpload',
    summary: 'The offset of an upload',
    headers: version,
    answers: {
      200: {
        description: 'See the fields.',
        headers: { ...state, 'Upload-Offset': 'Where it stands.', 'Upload-Length': 'Of the whole.' },
      },
    },
    refusals: { 403: notOwn, 404: noSuchUpload, 410: gone, 412: versionRefused },
  },
  GET: show,
  PATCH: append,
  DELETE: {
    id: 'abortUpload',
    summary: 'Ends an upload; nothing of it is kept',
    headers: version,
    answers: { 204: { description: 'It is over.' } },
    refusals: { 403: notOwn, 404: noSuchUpload, 410: gone, 412: versionRefused, 503: unavailable },
  },
  POST: {
    ...append,
    id: 'overrideUpload',
    summary: 'For clients that know no PATCH: another method of this path, named by X-HTTP-Method-Override',
    headers: { ...append.headers, 'X-HTTP-Method-Override': override },
  },
};
