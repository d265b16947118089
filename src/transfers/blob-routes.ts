/** Blobs over plain HTTP: put one into a slot, read it, take it out. */
import type { IncomingHttpHeaders } from 'node:http';
import { AppError } from '#base/app-error.ts';
import { expectedBytes, refuseContentCoding } from '#base/body-fields.ts';
import { type DeclaredDigests, parseDigestField } from '#base/digest-field.ts';
import type { HttpExchange, HttpRoute } from '#base/http-route.ts';
import { blobUrl } from '#core/blob-url.ts';
import type { OpContext } from '#ops/context.ts';
import { openBlob } from '#ops/open-blob.ts';
import { removeBlob } from '#ops/remove-blob.ts';
import { uploadBlob } from '#ops/upload-blob.ts';
import { blobOperations, blobOperationsAt } from './describe-transfers.ts';
import { expectedRevision } from './request-fields.ts';
import { sendBlob } from './send-blob.ts';

type Exchange = HttpExchange<OpContext>;

const methods = { GET: download, HEAD: download, PUT: upload, DELETE: remove };

export const blobRoutes: readonly HttpRoute<OpContext>[] = [
  { path: '/api/v1/artifacts/:id/slots/:slot', methods, operations: blobOperations, isTransfer: true },
  { path: '/api/v1/artifacts/:id/slots/:slot/*', methods, operations: blobOperationsAt, isTransfer: true },
];

async function download({ context, request, response, params }: Exchange): Promise<void> {
  const blob = await openBlob(context, toPlace(params));
  await sendBlob(request, response, blob, context.signal);
}

async function upload({ context, request, response, params, query, acceptBody }: Exchange): Promise<void> {
  const place = toPlace(params);
  refuseUnheard(request.headers);
  const { entry, kind, revision } = await uploadBlob(context, {
    ...place,
    path: place.path ?? query().get('path') ?? undefined,
    mediaType: request.headers['content-type'],
    source: request,
    expectedBytes: expectedBytes(request.headers),
    declared: declaredDigests(request.headers),
    store: query().get('store') ?? undefined,
    expectedRevision: expectedRevision(request),
    onAccepted: acceptBody,
  });
  const { slot, path, mediaType, sizeBytes: size, sha256, sha512, md5 } = entry;
  const url = blobUrl(place.artifactId, slot, kind, path);
  const body = Buffer.from(JSON.stringify({ slot, path, mediaType, size, sha256, sha512, md5, url, revision }));
  response
    .writeHead(201, {
      'Content-Type': 'application/json',
      'Content-Length': body.length,
      'Cache-Control': 'no-store',
      Location: url,
      ETag: `"sha256:${sha256}"`,
    })
    .end(body);
}

async function remove({ context, request, response, params }: Exchange): Promise<void> {
  await removeBlob(context, { ...toPlace(params), expectedRevision: expectedRevision(request) });
  response.writeHead(204).end();
}

interface Place {
  readonly artifactId: string;
  readonly slot: string;
  readonly path: string | undefined;
}

function toPlace(params: Readonly<Record<string, string>>): Place {
  const { id: artifactId = '', slot = '', '*': rest } = params;
  return { artifactId: artifactId.toLowerCase(), slot, path: rest === undefined ? undefined : decodePath(rest) };
}

/** Segment by segment: an encoded slash would move a border that the sender did not draw. @throws AppError PATH_INVALID */
function decodePath(rest: string): string {
  const segments = rest.split('/').map(decodeSegment);
  if (segments.some((segment) => segment === undefined || segment.includes('/'))) {
    throw new AppError('PATH_INVALID', 'The path in the URL is not percent-encoded UTF-8, segment by segment.');
  }
  return segments.join('/');
}

function decodeSegment(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

/** Both fields say the same of a request without content coding. @throws AppError DIGEST_INVALID, DIGEST_UNSUPPORTED */
function declaredDigests(headers: IncomingHttpHeaders): DeclaredDigests | undefined {
  const { 'repr-digest': whole, 'content-digest': content } = headers;
  refuseContentCoding(headers);
  if (whole === undefined && content === undefined) return undefined;
  return {
    ...(typeof content === 'string' ? parseDigestField(content) : {}),
    ...(typeof whole === 'string' ? parseDigestField(whole) : {}),
  };
}

/** What would change what an upload means, and is not done here: to pass over it could replace what its sender would not. */
function refuseUnheard(headers: IncomingHttpHeaders): void {
  if (headers['content-range'] !== undefined)
    throw new AppError('INPUT_INVALID', 'An upload sends the whole blob, no range of it.');
  const unheard = ['if-none-match', 'if-unmodified-since'].find((name) => headers[name] !== undefined);
  if (unheard === undefined) return;
  throw new AppError('INPUT_INVALID', `An upload depends on If-Match, the artifact's revision, and not on ${unheard}.`);
}
