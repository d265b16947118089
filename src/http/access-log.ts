/** Fourth stage: one line for each request, when its answer is over. Never a query string, a header or a body: those may be secret. */
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { accountFor, stateOf } from './request-state.ts';

/** Asked for every few seconds by whoever watches over the server. */
const quietRoutes: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics']);

export function accessLog(app: FastifyInstance, log: Logger): void {
  app.addHook('onResponse', (request, reply, done) => {
    const state = stateOf(request.raw);
    const { url = '', socket } = request.raw;
    const queryAt = url.indexOf('?');
    const line = {
      requestId: state.requestId,
      globalRequestId: state.globalRequestId,
      method: request.raw.method,
      path: queryAt < 0 ? url : url.slice(0, queryAt),
      status: reply.raw.statusCode,
      ms: Math.round((performance.now() - state.startedAt) * 10) / 10,
      bytesIn: socket.bytesRead - state.bytesReadBefore,
      bytesOut: socket.bytesWritten - state.bytesWrittenBefore,
      caller: state.caller?.id,
      project: state.caller?.project,
      from: socket.remoteAddress,
      traceparent: state.traceparent,
      // The client left, or the answer was cut: the status alone would not say so.
      ...(reply.raw.writableFinished ? {} : { isCut: true }),
    };
    if (quietRoutes.has(state.route)) log.debug(line, 'request');
    else log.info(line, 'request');
    accountFor(request.raw);
    done();
  });
}
