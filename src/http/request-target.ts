/** Before the stages: what a request asks for and whom it addresses, in one form (RFC 9112 section 3.2), or refused. */
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { AppError } from '#base/app-error.ts';

/** An absolute target says the same as a path and a Host, and wins over the Host that was sent; everything behind reads only those. */
export function toOriginForm(request: Pick<IncomingMessage, 'url' | 'headers'>): string {
  const target = request.url ?? '/';
  if (target.startsWith('/') || !/^https?:\/\//i.test(target) || !URL.canParse(target)) return target;
  const authorityEnd = target.slice(target.indexOf('//') + 2).search(/[/?#]/);
  const rest = authorityEnd < 0 ? '' : target.slice(target.indexOf('//') + 2 + authorityEnd);
  request.headers.host = new URL(target).host;
  return rest.startsWith('/') ? rest : `/${rest}`;
}

/** Refuses a target that is no path, and a Host that no URL can have: libraries behind build URLs of both. */
export function requestTarget(app: FastifyInstance): void {
  app.addHook('onRequest', ({ raw }, _reply, done) => {
    // The framework keeps what was sent, and libraries would read that.
    Reflect.deleteProperty(raw, 'originalUrl');
    const { url = '' } = raw;
    // The router would leave out what follows a `#`, which proxies and rules of access take for a part of the path.
    const isPath = (url.startsWith('/') && !url.includes('#')) || url === '*';
    if (!isPath) done(new AppError('REQUEST_MALFORMED', 'The target of the request is neither a path nor an http URL.'));
    else if (!isHost(raw.headers.host)) done(new AppError('REQUEST_MALFORMED', 'The Host is not the host of a URL.'));
    else done();
  });
}

function isHost(host: string | undefined): boolean {
  if (host === undefined || host === '') return true;
  return !/[\s/?#@\\]/.test(host) && URL.canParse(`http://${host}`);
}
