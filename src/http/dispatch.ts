/** What happens within a route: method, caller, deadline, handler; whatever is thrown ends at the error boundary. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { AppError } from '#base/app-error.ts';
import type { HttpExchange, HttpMethod, HttpPlane, HttpRoute, OpenRoute } from '#base/http-route.ts';
import { createContext, type OpContext, type Services } from '#ops/context.ts';
import type { Authenticate } from './authentication.ts';
import { answerThrown, type BoundaryOptions } from './error-boundary.ts';
import { inRequestSpan } from './request-span.ts';
import { giveLeave, stateOf } from './request-state.ts';

export interface DispatchOptions extends BoundaryOptions {
  readonly services: Services;
  readonly authenticate: Authenticate;
  /** Of everything but transfers. */
  readonly deadlineMs: number;
}

/** Mounts every route of the plane for all methods, so that a wrong method is a 405 of the plane's own. */
export function mountPlane(app: FastifyInstance, plane: HttpPlane<OpContext>, options: DispatchOptions): void {
  for (const route of plane.open ?? []) mountOpen(app, route, plane, options);
  for (const route of plane.routes) {
    const toParams = compileParams(route.path);
    const answer = withAllow(route, plane);
    app.all(route.path, (request, reply) => {
      reply.hijack();
      const { raw } = request;
      const response = reply.raw;
      stateOf(raw).route = route.path;
      const run = () => inRequestSpan(raw, response, () => runRoute(route, toParams, raw, response, options));
      const running = route.isTransfer === true ? run() : withDeadline(raw, response, options, answer, run);
      running.catch((error: unknown) => answerThrown(raw, response, error, answer, options));
    });
  }
}

function mountOpen(
  app: FastifyInstance,
  { path, answer }: OpenRoute<OpContext>,
  plane: HttpPlane<OpContext>,
  { services: { settings } }: DispatchOptions,
): void {
  app.all(path, ({ raw: request }, reply) => {
    reply.hijack();
    const response = reply.raw;
    stateOf(request).route = path;
    if (request.method === 'GET' || request.method === 'HEAD') answer({ settings, request, response });
    else plane.answerError(request, response, new AppError('METHOD_NOT_ALLOWED'), { Allow: 'GET, HEAD' }, path);
  });
}

/** Answers REQUEST_TIMEOUT at the deadline, whether or not what still runs looks at its signal. */
export async function withDeadline(
  request: IncomingMessage,
  response: ServerResponse,
  options: DispatchOptions,
  answerError: HttpPlane<OpContext>['answerError'],
  run: () => Promise<void>,
): Promise<void> {
  const timer = setTimeout(() => {
    const error = new AppError('REQUEST_TIMEOUT');
    stateOf(request).controller.abort(error);
    answerThrown(request, response, error, answerError, options);
  }, options.deadlineMs);
  try {
    await run();
  } finally {
    clearTimeout(timer);
  }
}

async function runRoute(
  route: HttpRoute<OpContext>,
  toParams: ParamsOf,
  request: IncomingMessage,
  response: ServerResponse,
  options: DispatchOptions,
): Promise<void> {
  const method = request.method ?? '';
  const handler = Object.hasOwn(route.methods, method) ? route.methods[method as HttpMethod] : undefined;
  if (handler === undefined) throw new AppError('METHOD_NOT_ALLOWED');
  const state = stateOf(request);
  // Awaited only where there is something to wait for: most callers are known at once.
  const known = options.authenticate(request);
  const caller = known instanceof Promise ? await known : known;
  state.caller = caller;
  await handler(createExchange(request, response, toParams, contextOf(request, options.services)));
}

/** The operation context of a request whose caller is known. */
export function contextOf(request: IncomingMessage, services: Services): OpContext {
  const { requestId, traceparent, controller, caller } = stateOf(request);
  if (caller === undefined) throw new AppError('UNAUTHENTICATED');
  return createContext(services, {
    caller,
    requestId,
    traceparent,
    sourceAddress: request.socket.remoteAddress,
    signal: controller.signal,
  });
}

function createExchange(
  request: IncomingMessage,
  response: ServerResponse,
  toParams: ParamsOf,
  context: OpContext,
): HttpExchange<OpContext> {
  const url = request.url ?? '/';
  const queryAt = url.indexOf('?');
  return {
    context,
    request,
    response,
    params: toParams(queryAt < 0 ? url : url.slice(0, queryAt)),
    query: () => new URLSearchParams(queryAt < 0 ? '' : url.slice(queryAt + 1)),
    acceptBody: () => giveLeave(request, response),
  };
}

type ParamsOf = (path: string) => Readonly<Record<string, string>>;

/** By position in the path as it was sent: the router decodes as a whole, which would let `%2F` move a border. */
function compileParams(pattern: string): ParamsOf {
  const names = pattern.split('/').map((segment) => (/^[:*]/.test(segment) ? segment.replace(':', '') : undefined));
  return (path) => {
    const segments = path.split('/');
    const params: Record<string, string> = {};
    names.forEach((name, index) => {
      if (name === '*') params[name] = segments.slice(index).join('/');
      else if (name !== undefined) params[name] = decode(segments[index] ?? '');
    });
    return params;
  };
}

function decode(segment: string): string {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new AppError('REQUEST_MALFORMED', 'The path is not percent-encoded UTF-8.');
  }
}

function withAllow(route: HttpRoute<OpContext>, plane: HttpPlane<OpContext>): HttpPlane<OpContext>['answerError'] {
  return (request, response, error, extra) => {
    const allow = error.code === 'METHOD_NOT_ALLOWED' ? { Allow: Object.keys(route.methods).join(', ') } : {};
    plane.answerError(request, response, error, { ...extra, ...allow }, route.path);
  };
}
