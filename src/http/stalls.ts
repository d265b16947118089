/** A stage: a connection on which nothing moves is cut, but not while its client has said all and waits for us. */
import type { FastifyInstance } from 'fastify';

/** A sender that does not send stalls, and a reader that does not read. Who waits for a slow store to have it all does neither. */
export function cutStalls(app: FastifyInstance): void {
  app.addHook('onRequest', ({ raw: request }, { raw: response }, done) => {
    // Nobody listening, Node cuts at `connectionTimeout`. The time begins anew with the next byte, also when it had passed.
    response.on('timeout', () => {
      if (!request.complete || response.headersSent) request.socket.destroy();
    });
    done();
  });
}
