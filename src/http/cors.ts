/** A stage for browsers: pages of the origins that are configured may call, and read what they are answered (Fetch standard, CORS). */
import type { FastifyInstance } from 'fastify';

const methods = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';

/** What requests of any plane carry beyond what a browser may send unasked. */
const requestHeaders = [
  'Accept',
  'Authorization',
  'Content-Digest',
  'Content-Type',
  'If-Match',
  'If-Modified-Since',
  'If-None-Match',
  'If-Range',
  'If-Unmodified-Since',
  'OpenStack-API-Version',
  'Range',
  'Repr-Digest',
  'Traceparent',
  'Tracestate',
  'Tus-Resumable',
  'Upload-Checksum',
  'Upload-Concat',
  'Upload-Defer-Length',
  'Upload-Length',
  'Upload-Metadata',
  'Upload-Offset',
  'X-Auth-Token',
  'X-HTTP-Method-Override',
  'X-Image-Meta-Store',
  'X-OpenStack-Image-Size',
  'X-OpenStack-Request-ID',
].join(', ');

/** What answers carry beyond what a page may read unasked. */
const responseHeaders = [
  'Accept-Patch',
  'Accept-Ranges',
  'Allow',
  'Content-Disposition',
  'Content-Length',
  'Content-MD5',
  'Content-Range',
  'ETag',
  'Location',
  'OpenStack-image-store-ids',
  'Repr-Digest',
  'Retry-After',
  'Tus-Checksum-Algorithm',
  'Tus-Extension',
  'Tus-Max-Size',
  'Tus-Resumable',
  'Tus-Version',
  'Upload-Concat',
  'Upload-Defer-Length',
  'Upload-Expires',
  'Upload-Length',
  'Upload-Metadata',
  'Upload-Offset',
  'Vitrine-Upload-State',
  'WWW-Authenticate',
  'X-OpenStack-Request-ID',
].join(', ');

const preflightHeaders = {
  'Access-Control-Allow-Methods': methods,
  'Access-Control-Allow-Headers': requestHeaders,
  // Two hours, the longest that a browser in wide use heeds.
  'Access-Control-Max-Age': '7200',
  'Content-Length': '0',
};

/** @param origins as browsers write them (`https://host:port`), or `*` for all; none: no answer says anything of CORS */
export function cors(app: FastifyInstance, origins: readonly string[]): void {
  if (origins.length === 0) return;
  const allowed: ReadonlySet<string> = new Set(origins);
  const isOpen = allowed.has('*');
  app.addHook('onRequest', ({ raw: request }, reply, done) => {
    const { origin } = request.headers;
    const response = reply.raw;
    // Also where no origin was sent: a cache must not give this answer to a page.
    if (!isOpen) response.setHeader('Vary', 'Origin');
    if (origin === undefined || !(isOpen || allowed.has(origin))) return done();
    // Never with credentials of the browser's own: tokens travel in headers that a page sets itself.
    response.setHeader('Access-Control-Allow-Origin', isOpen ? '*' : origin);
    if (request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined) {
      reply.hijack();
      response.writeHead(204, preflightHeaders).end();
      return;
    }
    response.setHeader('Access-Control-Expose-Headers', responseHeaders);
    done();
  });
}
