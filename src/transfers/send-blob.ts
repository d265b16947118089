/** Answers a download: preconditions, ranges, and the bytes themselves (RFC 9110 sections 13 and 14, RFC 9530). */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError } from '#base/app-error.ts';
import { type ByteRangeSet, parseRangeHeader } from '#base/byte-range.ts';
import { attachmentDisposition } from '#base/content-disposition.ts';
import { formatDigestField } from '#base/digest-field.ts';
import { evaluateConditions, isRangeWanted } from '#base/http-conditions.ts';
import { answerProblem } from '#base/problem-details.ts';
import type { BlobDownload } from '#ops/open-blob.ts';

type Headers = Readonly<Record<string, string | number>>;

export async function sendBlob(
  request: IncomingMessage,
  response: ServerResponse,
  blob: BlobDownload,
  signal: AbortSignal,
): Promise<void> {
  const { entry } = blob;
  const etag = `"sha256:${entry.sha256}"`;
  const headers = commonHeaders(blob, etag);
  switch (evaluateConditions(request.headers, etag, blob.lastModified)) {
    case 'failed':
      throw new AppError('PRECONDITION_FAILED');
    case 'not-modified':
      response.writeHead(304, headers).end();
      return;
    case 'proceed':
  }
  const whole = { ...headers, 'Content-Type': entry.mediaType };
  if (request.method === 'HEAD') {
    response.writeHead(200, { ...whole, 'Content-Length': entry.sizeBytes }).end();
    return;
  }
  const isRanged = isRangeWanted(request.headers, etag);
  const ranges = isRanged ? parseRangeHeader(request.headers.range, entry.sizeBytes) : 'ignored';
  if (ranges === 'unsatisfiable') {
    const extra = { 'Content-Range': `bytes */${entry.sizeBytes}`, ETag: etag };
    answerProblem(request, response, new AppError('RANGE_NOT_SATISFIABLE'), extra);
  } else if (ranges === 'ignored') {
    response.writeHead(200, { ...whole, 'Content-Length': entry.sizeBytes });
    await blob.send(response, { signal });
    response.end();
  } else await sendRanges(response, blob, ranges, whole, signal);
}

/** What 200, 206 and 304 say alike. The digest is of the whole, also beside a part of it. */
function commonHeaders({ entry, lastModified }: BlobDownload, etag: string): Headers {
  return {
    ETag: etag,
    'Last-Modified': lastModified.toUTCString(),
    'Accept-Ranges': 'bytes',
    'Repr-Digest': formatDigestField({ sha256: entry.sha256, sha512: entry.sha512 }),
    'Content-Disposition': attachmentDisposition(entry.path),
    // Who may read it now may not tomorrow: shared caches keep out, own ones ask again.
    'Cache-Control': 'private, no-cache',
    // Bytes of strangers: a page among them gets no script, no origin, no requests.
    'Content-Security-Policy': "default-src 'none'; sandbox",
    Vary: 'Authorization, X-Auth-Token, Origin',
  };
}

async function sendRanges(
  response: ServerResponse,
  blob: BlobDownload,
  ranges: ByteRangeSet,
  headers: Headers,
  signal: AbortSignal,
): Promise<void> {
  const { sizeBytes, mediaType } = blob.entry;
  const [range, ...others] = ranges;
  if (others.length === 0) {
    const contentRange = `bytes ${range.start}-${range.end}/${sizeBytes}`;
    const length = range.end - range.start + 1;
    response.writeHead(206, { ...headers, 'Content-Range': contentRange, 'Content-Length': length });
    await blob.send(response, { range, signal });
    response.end();
    return;
  }
  // Random, so that no blob can hold the boundary on purpose.
  const boundary = randomBytes(18).toString('hex');
  const parts = ranges.map((part) => ({
    range: part,
    head: `\r\n--${boundary}\r\nContent-Type: ${mediaType}\r\nContent-Range: bytes ${part.start}-${part.end}/${sizeBytes}\r\n\r\n`,
  }));
  const tail = `\r\n--${boundary}--\r\n`;
  const length = parts.reduce((sum, part) => sum + part.head.length + part.range.end - part.range.start + 1, tail.length);
  const multipart = `multipart/byteranges; boundary=${boundary}`;
  response.writeHead(206, { ...headers, 'Content-Type': multipart, 'Content-Length': length });
  for (const part of parts) {
    response.write(part.head);
    await blob.send(response, { range: part.range, signal });
  }
  response.end(tail);
}
