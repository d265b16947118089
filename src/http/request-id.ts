/** First stage: every request has an id of ours, in its answer and in every log line, event and audit row it causes. */
import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { beginState } from './request-state.ts';

const globalIdPattern = /^req-[0-9A-Za-z-]{1,64}$/;

export function requestId(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    const id = `req-${randomUUID()}`;
    const given = request.headers['x-openstack-request-id'];
    const globalId = typeof given === 'string' && globalIdPattern.test(given) ? given : undefined;
    const { controller } = beginState(request.raw, id, globalId);
    reply.raw.setHeader('X-Openstack-Request-Id', id);
    // Everything a request holds is let go at once when its client is.
    reply.raw.once('close', () => {
      if (!reply.raw.writableFinished) controller.abort(new DOMException('the client is gone', 'AbortError'));
    });
    done();
  });
}
