/** What the OpenAPI document says of each operation on images: by path and method, beside the table of routes. */
import { type AnswerDescription, type OperationDescription, schemaRef } from '#base/http-description.ts';
import type { JsonObject } from '#base/json.ts';
import {
  codedBody,
  done,
  json,
  noReader,
  noSuchImage,
  type Operations,
  readOnly,
  refusedChange,
  refusedReading,
  told,
  unexpectedBody,
} from './describe-parts.ts';

const whole: JsonObject = { type: 'integer', minimum: 0 };
const octets = { 'application/octet-stream': { type: 'string', contentEncoding: 'binary' } };
const one: AnswerDescription = { description: 'The image.', content: json('Image') };

const show: OperationDescription = {
  id: 'showImage',
  summary: 'An image',
  answers: { 200: one },
  refusals: refusedReading({ 403: noReader }),
};

const list: OperationDescription = {
  id: 'listImages',
  summary: 'A page of the images that the caller has to do with',
  query: {
    limit: told('Most images of the page, 25 where left out; more than 1,000 are 1,000.', whole),
    marker: told('Id of the last image of the page before.'),
    sort: told('`key:direction` pairs between commas; without sort_key and sort_dir.'),
    sort_key: { ...told('name, status, container_format, disk_format, size, id, created_at, updated_at.'), repeats: true },
    sort_dir: { ...told('asc or desc, once for all keys or once for each.', { enum: ['asc', 'desc'] }), repeats: true },
    name: told('A name; also `eq:name`, and `in:one,other` with what has commas in double quotes.'),
    id: told('An id, or `in:` several.'),
    status: told('A status, or `in:` several.'),
    disk_format: told('A disk format, or `in:` several.'),
    container_format: told('A container format, or `in:` several.'),
    created_at: told('A time (ISO 8601), after gt:, gte:, lt:, lte:, eq: or neq:.'),
    updated_at: told('As created_at.'),
    size_min: told('Least bytes.', whole),
    size_max: told('Most bytes.', whole),
    tag: { ...told('A tag the image has; several are all needed.'), repeats: true },
    visibility: told('private, shared, community, public, or all.'),
    member_status: told('pending, accepted, rejected, or all: of images that others share.'),
    os_hidden: told('Hidden images instead of the others.'),
    protected: told('Whether it is protected.'),
    owner: told('The project it belongs to.'),
    os_vitrine_version: told('Versions within this range (`^1.2`).'),
    os_vitrine_ref: told('The images of a reference: `[project/]name[@range]`.'),
    os_vitrine_latest: told('Only the highest release of each family.'),
  },
  answers: { 200: { description: 'The page. Any further property may be a filter, too.', content: json('ImageList') } },
  refusals: {
    400: 'A filter, a sort key, the limit or the marker is not one; or the request has a body.',
    403: noReader,
  },
};

const create: OperationDescription = {
  id: 'createImage',
  summary: 'Makes an image, queued until its data come',
  body: json('NewImage'),
  answers: {
    201: {
      description: 'The image.',
      headers: { Location: 'Its address.', 'OpenStack-image-store-ids': 'The stores that its data may go to.' },
      content: json('Image'),
    },
  },
  refusals: {
    400: 'The body is no JSON object, or a field has a value that it cannot have.',
    403: 'The caller may not make images, or not with this visibility or owner; or a field is not the caller’s to write.',
    409: 'The id is or was in use.',
    413: 'Too many tags or properties, or too large a body.',
    415: codedBody,
    503: readOnly,
  },
};

const patch: OperationDescription = {
  id: 'patchImage',
  summary: 'Changes an image, all that is asked for or nothing',
  body: {
    'application/openstack-images-v2.1-json-patch': schemaRef('ImagePatch'),
    'application/openstack-images-v2.0-json-patch': schemaRef('ImagePatchOfVersion20'),
  },
  answers: { 200: { ...one, description: 'The image as it is now.' } },
  refusals: {
    400: 'The patch cannot be read, or a field would have a value that it cannot have.',
    403: 'The caller may not change the image, or not so; or a field is not the caller’s to write, or not any more.',
    404: noSuchImage,
    409: 'A property is not there to be replaced or removed, or is there already; or the image’s state does not allow it.',
    413: 'Too many tags or properties, or too large a body.',
    415: 'The body is no patch of a known kind; `Accept-Patch` names them.',
    503: readOnly,
  },
};

const remove: OperationDescription = {
  id: 'deleteImage',
  summary: 'Deletes an image with its data',
  answers: { 204: done },
  refusals: refusedChange({
    403: 'The image is protected, or the caller may not delete it.',
    409: 'Something of the same project needs the image.',
  }),
};

const act = (id: string, summary: string): OperationDescription => ({
  id,
  summary,
  answers: { 204: done },
  refusals: refusedChange({ 403: 'The image is neither active nor deactivated, or the caller may not do this.' }),
});

const conditions: OperationDescription['headers'] = {
  Range: told('One range: `bytes=a-b`, `bytes=a-` or `bytes=-n`.'),
  'If-Range': told('The ETag that the range is of; the whole is sent when it is another.'),
  'If-None-Match': told('ETags that the caller has already.'),
  'If-Match': told('ETags that it must have.'),
};

const dataHeaders = {
  'Content-MD5': 'MD5 of the whole, in hexadecimal, also beside a range.',
  ETag: 'The SHA-256 of the whole.',
  'Accept-Ranges': '`bytes`',
  'Content-Length': 'Bytes that follow.',
};

const download: OperationDescription = {
  id: 'downloadImage',
  summary: 'The data of an image',
  query: { prefer: told('Stores to read from, where they have it, between commas.') },
  headers: conditions,
  answers: {
    200: { description: 'All of it.', headers: dataHeaders, content: octets },
    204: { description: 'There are no data yet.' },
    206: { description: 'The range.', headers: { ...dataHeaders, 'Content-Range': 'Which it is.' }, content: octets },
    304: { description: 'The caller has it already.' },
  },
  refusals: {
    400: 'Several ranges, a store that is not known, or a body.',
    403: 'The caller may not download it, or it is deactivated.',
    404: noSuchImage,
    412: 'The data are not those that If-Match names.',
    416: 'The range lies outside the data, or is none.',
    503: 'No store has the data for the time being.',
  },
};

const upload: OperationDescription = {
  id: 'uploadImage',
  summary: 'The data of a queued image, which becomes active with them',
  headers: {
    'X-OpenStack-Image-Size': told('How many bytes there will be, for who sends in chunks; 0: not known.', whole),
    'X-Image-Meta-Store': told('The store they go to.'),
  },
  body: octets,
  answers: { 204: { description: 'The image is active.' } },
  refusals: {
    400: 'A format is not set, the size is not as announced, the store is not known, or not all bytes came.',
    403: 'The caller may not upload to the image.',
    404: noSuchImage,
    409: 'The image is not queued, or another upload is on its way.',
    410: 'The image was deleted while its data came.',
    413: 'The data are larger than this server takes, or the store is full.',
    415: 'The content type is not `application/octet-stream`, the data are not the disk format that is said of them, or not safe.',
    503: readOnly,
  },
};

/** HEAD answers as GET does, and sends no body. */
function head({ id, summary, answers, ...rest }: OperationDescription): OperationDescription {
  const empty = Object.entries(answers).map(([status, { content: _body, ...answer }]) => [status, answer] as const);
  // Parts are for GET alone.
  const bodiless = Object.fromEntries(empty.filter(([status]) => status !== '206'));
  const { 416: _outside, ...refusals } = rest.refusals;
  return { ...rest, id: `${id}Head`, summary: `${summary}, but for the body`, answers: bodiless, refusals };
}

const tag = (id: string, summary: string, more: OperationDescription['refusals']): OperationDescription => ({
  id,
  summary,
  answers: { 204: done },
  refusals: refusedChange({
    400: `${unexpectedBody} Or the tag is no tag.`,
    403: 'The caller may not change the image.',
    ...more,
  }),
});

export const imageOperations: Readonly<Record<string, Operations>> = {
  '/images': { GET: list, POST: create },
  '/images/:id': { GET: show, HEAD: head(show), PATCH: patch, DELETE: remove },
  '/images/:id/actions/deactivate': { POST: act('deactivateImage', 'Withholds the data of an active image') },
  '/images/:id/actions/reactivate': { POST: act('reactivateImage', 'Gives the data of a deactivated image back') },
  '/images/:id/tags/:tag': {
    PUT: tag('addImageTag', 'Gives an image a tag', { 413: 'Too many tags.' }),
    DELETE: tag('removeImageTag', 'Takes a tag from an image', { 404: `${noSuchImage} Or it has no such tag.` }),
  },
  '/images/:id/file': { GET: download, HEAD: head(download), PUT: upload },
};
