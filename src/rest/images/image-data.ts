/** GET and HEAD of an image's data: the bytes as clients of the Image API want them, ranges on every store. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError, isAppError } from '#base/app-error.ts';
import { type ByteRange, parseRangeHeader } from '#base/byte-range.ts';
import { evaluateConditions, isRangeWanted } from '#base/http-conditions.ts';
import type { HttpExchange } from '#base/http-route.ts';
import type { OpContext } from '#ops/context.ts';
import { type BlobDownload, openBlob } from '#ops/open-blob.ts';
import { answerImageError, emptyMediaType } from './image-errors.ts';
import { assertNoBody, withImageWords } from './image-requests.ts';
import { imageType } from './image-type.ts';

/** @throws AppError ARTIFACT_NOT_FOUND, FORBIDDEN, ARTIFACT_DEACTIVATED, BLOB_UNAVAILABLE, INPUT_INVALID, PRECONDITION_FAILED, STORE_UNKNOWN */
export async function sendImageData({ context, request, response, params, query }: HttpExchange<OpContext>): Promise<void> {
  assertNoBody(request);
  const { id = '' } = params;
  const prefer = preferredStores(query());
  const blob = await withImageWords(id, () => findData(context, id, prefer));
  if (blob === undefined) {
    response.writeHead(204, { 'Content-Type': emptyMediaType }).end();
    return;
  }
  const { entry } = blob;
  const etag = `"sha256:${entry.sha256}"`;
  // Hexadecimal, and of the whole also beside a part: not what RFC 1864 says, but what clients compare.
  const headers = { ETag: etag, 'Content-MD5': entry.md5, 'Accept-Ranges': 'bytes', 'Cache-Control': 'private, no-cache' };
  switch (evaluateConditions(request.headers, etag, blob.lastModified)) {
    case 'failed':
      throw new AppError('PRECONDITION_FAILED');
    case 'not-modified':
      response.writeHead(304, headers).end();
      return;
    case 'proceed':
  }
  await sendBytes(request, response, blob, { ...headers, 'Content-Type': 'application/octet-stream' }, context.signal);
}

/** `?prefer=one,other`: to be read from there where they have it. */
function preferredStores(query: URLSearchParams): readonly string[] {
  const stores = query.getAll('prefer').flatMap((list) => list.split(','));
  return [...new Set(stores.map((store) => store.trim()).filter((store) => store !== ''))];
}

async function findData(context: OpContext, id: string, prefer: readonly string[]): Promise<BlobDownload | undefined> {
  try {
    return await openBlob(context, { artifactId: id, slot: imageType.slot, type: imageType.type, prefer });
  } catch (error) {
    if (isAppError(error, 'BLOB_NOT_FOUND')) return undefined;
    throw error;
  }
}

async function sendBytes(
  request: IncomingMessage,
  response: ServerResponse,
  blob: BlobDownload,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  const { sizeBytes } = blob.entry;
  if (request.method === 'HEAD') {
    response.writeHead(200, { ...headers, 'Content-Length': sizeBytes }).end();
    return;
  }
  const isRanged = isRangeWanted(request.headers, headers['ETag'] ?? '');
  const range = isRanged ? chooseRange(request, sizeBytes) : undefined;
  if (range === 'unsatisfiable') {
    const extra = { 'Content-Range': `bytes */${sizeBytes}` };
    answerImageError(request, response, new AppError('RANGE_NOT_SATISFIABLE'), extra);
  } else if (range === undefined) {
    response.writeHead(200, { ...headers, 'Content-Length': sizeBytes });
    await blob.send(response, { signal });
    response.end();
  } else {
    const contentRange = `bytes ${range.start}-${range.end}/${sizeBytes}`;
    response.writeHead(206, { ...headers, 'Content-Range': contentRange, 'Content-Length': range.end - range.start + 1 });
    await blob.send(response, { range, signal });
    response.end();
  }
}

/** One range at most; a header that is no range is refused, for its sender wanted a part. @throws AppError INPUT_INVALID */
function chooseRange(request: IncomingMessage, sizeBytes: number): ByteRange | undefined | 'unsatisfiable' {
  const header = request.headers.range ?? legacyRange(request.headers['content-range']);
  if (header === undefined) return undefined;
  if (header.includes(',')) throw new AppError('INPUT_INVALID', 'This API answers one range at a time.');
  const ranges = parseRangeHeader(header, sizeBytes);
  return ranges === 'ignored' || ranges === 'unsatisfiable' ? 'unsatisfiable' : ranges[0];
}

/** Old clients ask with `Content-Range: bytes a-b/*`. */
function legacyRange(header: string | undefined): string | undefined {
  const match = /^bytes +(\d+-\d*)\/(?:\d+|\*)$/.exec(header ?? '');
  return match === null ? undefined : `bytes=${match[1]}`;
}
