/** The door of the room: one listener with all planes on it, as an ordered list of stages. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type FastifyInstance, fastify } from 'fastify';
import type { Logger } from 'pino';
import type { HttpPlane } from '#base/http-route.ts';
import type { OpContext, Services } from '#ops/context.ts';
import { accessLog } from './access-log.ts';
import { type AuthenticationOptions, challengeOf, createAuthentication } from './authentication.ts';
import { answerClientError, refuseTunnel } from './client-errors.ts';
import { cors } from './cors.ts';
import { mountPlane } from './dispatch.ts';
import { announceEnd, drain, watchConnections } from './drain.ts';
import { type Address, listening } from './listen.ts';
import type { Metrics } from './metrics.ts';
import { mountGraphql } from './mount-graphql.ts';
import { mountOpenApi } from './mount-openapi.ts';
import { mountOps, openOpsListener } from './mount-ops.ts';
import { requestId } from './request-id.ts';
import { requestTarget, toOriginForm } from './request-target.ts';
import { securityHeaders } from './security-headers.ts';
import { cutStalls } from './stalls.ts';
import { traceContext } from './trace-context.ts';
import { answerUnknownPath, refuseOutside } from './unknown-paths.ts';

export type { AuthenticationOptions } from './authentication.ts';
export { createMetrics, type Metrics } from './metrics.ts';
export { startOpsServer } from './ops-server.ts';
export { openServerLog } from './server-log.ts';

/** Handles everything under /graphql, body included, and answers it. */
export type GraphqlHandler = (request: IncomingMessage, response: ServerResponse, context: OpContext) => Promise<void>;

export interface HttpServerOptions extends AuthenticationOptions {
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  readonly services: Services;
  readonly planes: readonly HttpPlane<OpContext>[];
  readonly graphql: GraphqlHandler;
  /** Of pages in browsers that may call from elsewhere; `*` for all, none where left out. */
  readonly corsOrigins?: readonly string[] | undefined;
  /** Of requests that are not transfers. */
  readonly deadlineMs: number;
  /** A connection on which nothing moves for so long is cut, unless its client waits for an answer. */
  readonly stallMs: number;
  /** How long connections are still taken while `/readyz` says that the end is near; 0 where left out. */
  readonly drainNoticeMs?: number | undefined;
  /** How long running requests are waited for at the end. */
  readonly drainMs: number;
  /** Made before the server, so that what it stands on is observed too. */
  readonly metrics: Metrics;
  /** A listener of their own for health and metrics; undefined: on the main one. */
  readonly metricsAddress?: Address | undefined;
  readonly log: Logger;
}

export interface HttpServer extends AsyncDisposable {
  readonly url: string;
  /** Where metrics are read when they have a listener of their own. */
  readonly metricsUrl: string | undefined;
  /** Ends a drain at once, with every connection. */
  readonly cut: () => void;
  /** Takes no more, lets running requests end, cuts what takes too long. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Listens when it resolves. @throws AppError ADDRESS_UNAVAILABLE */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { log, services } = options;
  const app = createApp(options);
  const authenticate = createAuthentication(options);
  const { metrics } = options;
  let isOpen = false;
  const health = { isOpen: () => isOpen, ping: () => services.db.query({ name: 'ping', text: 'SELECT 1' }) };

  // The life of a request, in order.
  announceEnd(app, health.isOpen); // Whether its connection has a future.
  cutStalls(app); // Which silence on its connection ends it.
  requestId(app); // An id of its own, and an end to everything when its client goes.
  traceContext(app); // Whose trace it is part of.
  securityHeaders(app); // What every answer tells browsers.
  accessLog(app, log); // One line when it is over.
  metrics.observe(app); // How long it took, how much it moved.
  requestTarget(app); // Whether it addresses anything at all.
  cors(app, options.corsOrigins ?? []); // Which pages in browsers may call, and what they may read.
  // Then its route, each of which authenticates, sets a deadline, runs a handler and ends at the error boundary:
  const dispatch = { services, authenticate, challenge: challengeOf(options), deadlineMs: options.deadlineMs, log };
  mountOps(app, { health, metrics: options.metricsAddress === undefined ? metrics : undefined });
  mountOpenApi(app, options.planes);
  mountGraphql(app, options.graphql, dispatch);
  for (const plane of options.planes) mountPlane(app, plane, dispatch);
  // Or no route, which the plane that owns the path refuses in its own form.
  app.setNotFoundHandler((request, reply) => {
    reply.hijack();
    answerUnknownPath(request.raw, reply.raw, options.planes, dispatch);
  });

  await using stack = new AsyncDisposableStack();
  const opsListener = stack.use(await openOpsListener(options.metricsAddress, { health, metrics }));
  const hurry = new AbortController();
  const connections = watchConnections(app);
  stack.defer(() => drain(app, connections, hurry.signal.aborted ? 0 : options.drainMs, log));
  stack.defer(async () => {
    // Where nobody was ever let in, nobody needs notice.
    if (!isOpen) return;
    isOpen = false;
    await sleep(options.drainNoticeMs ?? 0, undefined, { signal: hurry.signal }).catch(() => undefined);
  });
  await listening(app.listen({ host: options.host, port: options.port }), options);
  isOpen = true;
  const kept = stack.move();
  return {
    url: toUrl(app, options.host),
    metricsUrl: opsListener?.url,
    cut: () => {
      hurry.abort();
      app.server.closeAllConnections();
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

function refuseSchema(): never {
  throw new TypeError('routes have no schemas');
}

function createApp(options: HttpServerOptions): FastifyInstance {
  const app = fastify({
    logger: false,
    exposeHeadRoutes: false,
    // Running requests are served to their end; whoever comes on an open connection is told to close it.
    return503OnClosing: false,
    rewriteUrl: (request) =>
      options.planes.reduce((target, plane) => plane.toTarget?.(request.headers, target) ?? target, toOriginForm(request)),
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 16_384 },
    // No route has a schema: operations check their own input. Else compilers would be loaded with each start.
    schemaController: { compilersFactory: { buildValidator: refuseSchema, buildSerializer: refuseSchema } },
    connectionTimeout: options.stallMs,
    keepAliveTimeout: 65_000,
    http: {
      maxHeaderSize: 32 * 1024,
      headersTimeout: 15_000,
      // Whole requests may take as long as their bytes flow.
      requestTimeout: 0,
      connectionsCheckingInterval: 5_000,
      // Without Host it is still a request: refused, where it matters, in the words of its plane.
      requireHostHeader: false,
    },
    frameworkErrors: (error, request, reply) => refuseOutside(error, request.raw, reply.raw, options.planes),
    clientErrorHandler: answerClientError,
  });
  // Bodies belong to handlers, and so does what their types are: streams of bytes, and GraphQL with a reader of its own.
  for (const method of app.supportedMethods) app.addHttpMethod(method, { hasBody: false, overrideExisting: true });
  // A sender that waits for leave gets it from the handler, when nothing stands against its bytes.
  app.server.on('checkContinue', (request, response) => app.server.emit('request', request, response));
  // No other expectation is known; a server may pass over it (RFC 9110 section 10.1.1).
  app.server.on('checkExpectation', (request, response) => {
    delete request.headers.expect;
    app.server.emit('request', request, response);
  });
  app.server.on('connect', refuseTunnel);
  app.setErrorHandler((error, request, reply) => refuseOutside(error, request.raw, reply.raw, options.planes));
  return app;
}

function toUrl(app: FastifyInstance, host: string): string {
  const address = app.server.address();
  if (address === null || typeof address === 'string') throw new Error('the server listens on no port');
  return `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`;
}
