/**
 * Uploads in several requests: tus 1.0.0 with creation, creation-with-upload, creation-defer-length, expiration, checksum,
 * termination and concatenation, and beside it the state of an upload as JSON.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError } from '#base/app-error.ts';
import { expectedBytes, refuseContentCoding } from '#base/body-fields.ts';
import { errorCatalogue } from '#base/error-catalogue.ts';
import type { HttpExchange, HttpHandler, HttpRoute } from '#base/http-route.ts';
import { blobUrl, uploadsUrl, uploadUrl } from '#core/blob-url.ts';
import { abortUpload } from '#ops/abort-upload.ts';
import { appendUpload } from '#ops/append-upload.ts';
import type { OpContext } from '#ops/context.ts';
import { getUpload } from '#ops/get-upload.ts';
import { assertViewAlive, type UploadView } from '#ops/load-upload.ts';
import { uploadOperations, uploadsOperations } from './describe-tus.ts';
import { createUpload } from './tus-creation.ts';
import { assertTusVersion, checksumAlgorithms, readBytes, readChecksum, tusVersion } from './tus-fields.ts';

type Exchange = HttpExchange<OpContext>;
type Handlers = Readonly<Record<string, HttpHandler<OpContext>>>;

const bodyType = 'application/offset+octet-stream';
const extensions = 'creation,creation-with-upload,creation-defer-length,expiration,checksum,termination,concatenation';
/** Ours: `open`, `receiving`, `verifying`, `finished`. After the last byte it tells whether the blob stands in its place yet. */
const stateField = 'Vitrine-Upload-State';

const ofCollection: Handlers = { OPTIONS: describeServer, POST: create };
const ofUpload: Handlers = { OPTIONS: describeServer, HEAD: tell, PATCH: append, DELETE: terminate, GET: show };

const collectionMethods = { OPTIONS: by(ofCollection), POST: by(ofCollection) };
const uploadMethods = {
  ...{ OPTIONS: by(ofUpload), HEAD: by(ofUpload), PATCH: by(ofUpload), DELETE: by(ofUpload), GET: by(ofUpload) },
  // For clients that know no PATCH and say what they mean by X-HTTP-Method-Override.
  POST: by(ofUpload),
};

export const tusRoutes: readonly HttpRoute<OpContext>[] = [
  { path: uploadsUrl, methods: collectionMethods, operations: uploadsOperations, isTransfer: true },
  { path: `${uploadsUrl}/:id`, methods: uploadMethods, operations: uploadOperations, isTransfer: true },
];

/** What every refusal under these paths carries beside the problem. */
export function tusErrorFields(request: IncomingMessage, error: AppError): Readonly<Record<string, string>> {
  const path = request.url?.split('?', 1)[0] ?? '';
  if (path !== uploadsUrl && !path.startsWith(`${uploadsUrl}/`)) return {};
  const { offset } = error.details;
  return {
    'Tus-Resumable': tusVersion,
    ...(error.code === 'TUS_VERSION_UNSUPPORTED' ? { 'Tus-Version': tusVersion } : {}),
    ...(error.code === 'UPLOAD_OFFSET_MISMATCH' && typeof offset === 'number' ? { 'Upload-Offset': String(offset) } : {}),
  };
}

/** The method that is meant, under the version that is spoken. Only OPTIONS, and our own GET, need not name one. */
function by(handlers: Handlers): HttpHandler<OpContext> {
  return async (exchange) => {
    const { request, response } = exchange;
    const override = request.headers['x-http-method-override'];
    const method = (typeof override === 'string' ? override.toUpperCase() : undefined) ?? request.method ?? '';
    const handler = Object.hasOwn(handlers, method) ? handlers[method] : undefined;
    if (handler === undefined) throw new AppError('METHOD_NOT_ALLOWED');
    if (method !== 'OPTIONS' && method !== 'GET') assertTusVersion(request.headers);
    response.setHeader('Tus-Resumable', tusVersion);
    await handler(exchange);
  };
}

async function describeServer({ context, response }: Exchange): Promise<void> {
  response
    .writeHead(204, {
      'Tus-Version': tusVersion,
      'Tus-Extension': extensions,
      'Tus-Max-Size': context.settings.maxBlobBytes,
      'Tus-Checksum-Algorithm': checksumAlgorithms,
    })
    .end();
}

async function create({ context, request, response, acceptBody }: Exchange): Promise<void> {
  const hasBody = request.headers['content-type'] !== undefined;
  if (hasBody) assertBodyType(request);
  const checksum = readChecksum(request.headers);
  const { upload } = await createUpload(context, request);
  const isEmpty = upload.length === 0 && upload.state === 'open';
  // The same upload, begun before and further by now, goes on where it stands: its sender is told.
  const isBody = hasBody && upload.kind !== 'final' && upload.offset === 0 && upload.state === 'open';
  const body = { source: request, checksum, expectedBytes: expectedBytes(request.headers), onAccepted: acceptBody };
  const after = isBody || isEmpty ? await appendUpload(context, { id: upload.id, offset: 0, ...body }) : upload;
  const offset = hasBody ? { 'Upload-Offset': after.offset } : {};
  response.writeHead(201, { Location: uploadUrl(upload.id), ...standing(after), ...offset, 'Content-Length': 0 }).end();
}

async function append({ context, request, response, params, acceptBody }: Exchange): Promise<void> {
  const { headers } = request;
  assertBodyType(request);
  const offset = readBytes(headers, 'upload-offset');
  if (offset === undefined) throw new AppError('INPUT_INVALID', 'Upload-Offset says where the bytes belong.');
  const upload = await appendUpload(context, {
    id: params['id'] ?? '',
    offset,
    source: request,
    expectedBytes: expectedBytes(headers),
    lengthBytes: readBytes(headers, 'upload-length'),
    checksum: readChecksum(headers),
    onAccepted: acceptBody,
  });
  response.writeHead(204, { ...standing(upload), 'Upload-Offset': upload.offset }).end();
}

async function tell({ context, response, params }: Exchange): Promise<void> {
  const upload = await getUpload(context, { id: params['id'] ?? '' });
  assertViewAlive(upload);
  const { kind, state, length, metadata, parts } = upload;
  // What is still being joined stands nowhere (tus 1.0.0, concatenation).
  const isJoining = kind === 'final' && state !== 'finished';
  response
    .writeHead(200, {
      ...standing(upload),
      ...(isJoining ? {} : { 'Upload-Offset': upload.offset }),
      ...(length === null ? { 'Upload-Defer-Length': '1' } : { 'Upload-Length': length }),
      ...(metadata === null ? {} : { 'Upload-Metadata': metadata }),
      ...(kind === 'partial' ? { 'Upload-Concat': 'partial' } : {}),
      ...(parts === null ? {} : { 'Upload-Concat': `final;${parts.map(uploadUrl).join(' ')}` }),
    })
    .end();
}

async function terminate({ context, response, params }: Exchange): Promise<void> {
  await abortUpload(context, { id: params['id'] ?? '' });
  response.writeHead(204).end();
}

async function show({ context, response, params }: Exchange): Promise<void> {
  const upload = await getUpload(context, { id: params['id'] ?? '' });
  sendJson(response, {
    ...{ id: upload.id, state: upload.state, offset: upload.offset, length: upload.length },
    expiresAt: upload.expiresAt.toISOString(),
    ...(upload.errorCode === null
      ? {}
      : {
          error: {
            code: upload.errorCode,
            detail: errorCatalogue[upload.errorCode].text,
            remedy: errorCatalogue[upload.errorCode].remedy,
          },
        }),
    ...(upload.entry === undefined ? {} : { entry: toEntry(upload.entry) }),
  });
}

function toEntry(entry: NonNullable<UploadView['entry']>) {
  const { artifactId, slot, path, kind, mediaType, sizeBytes: size, sha256, sha512, md5 } = entry;
  return { slot, path, mediaType, size, sha256, sha512, md5, url: blobUrl(artifactId, slot, kind, path) };
}

function sendJson(response: ServerResponse, value: object): void {
  const body = Buffer.from(JSON.stringify(value));
  response
    .writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': body.length, 'Cache-Control': 'no-store' })
    .end(body);
}

/** What every good answer about an upload says. */
function standing({ state, expiresAt }: UploadView): Readonly<Record<string, string>> {
  const isUnfinished = state === 'open' || state === 'receiving';
  return {
    'Cache-Control': 'no-store',
    [stateField]: state,
    ...(isUnfinished ? { 'Upload-Expires': expiresAt.toUTCString() } : {}),
  };
}

/** @throws AppError MEDIA_TYPE_UNSUPPORTED */
function assertBodyType({ headers }: IncomingMessage): void {
  if (headers['content-type']?.toLowerCase() !== bodyType) {
    throw new AppError('MEDIA_TYPE_UNSUPPORTED', `Bytes of an upload come as ${bodyType}.`);
  }
  refuseContentCoding(headers);
}
