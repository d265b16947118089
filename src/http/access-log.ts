/** Fourth stage: one line for each request, when its answer is over. Never a query string, a header or a body: those may be secret. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { accountFor, stateOf, statusOf } from './request-state.ts';

/** Asked for every few seconds by whoever watches over the server. */
const quietRoutes: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics']);

export function accessLog(app: FastifyInstance, log: Logger): void {
  app.addHook('onRequest', ({ raw: request }, { raw: response }, done) => {
    // When it closes, for an answer whose client leaves is never finished, and the framework's hook then never called.
    response.once('close', () => {
      writeLine(request, response, log);
      accountFor(request);
    });
    done();
  });
}

function writeLine(request: IncomingMessage, response: ServerResponse, log: Logger): void {
  const state = stateOf(request);
  const { url = '', socket } = request;
  const queryAt = url.indexOf('?');
  const line = {
    requestId: state.requestId,
    globalRequestId: state.globalRequestId,
    method: request.method,
    path: queryAt < 0 ? url : url.slice(0, queryAt),
    status: statusOf(response),
    ms: Math.round((performance.now() - state.startedAt) * 10) / 10,
    bytesIn: socket.bytesRead - state.bytesReadBefore,
    bytesOut: socket.bytesWritten - state.bytesWrittenBefore,
    caller: state.caller?.id,
    project: state.caller?.project,
    from: socket.remoteAddress,
    traceparent: state.traceparent,
    // The client left, or the answer was cut: the status alone would not say so.
    ...(response.writableFinished ? {} : { isCut: true }),
  };
  if (quietRoutes.has(state.route)) log.debug(line, 'request');
  else log.info(line, 'request');
}
