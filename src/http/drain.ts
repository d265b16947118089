/** The end of a server: it is announced, no new connections are taken, running requests go to their end, then a cut. */
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';

/** A stage: while the end is near, each answer is the last on its connection, so that none is kept to run into it. */
export function announceEnd(app: FastifyInstance, isOpen: () => boolean): void {
  app.addHook('onRequest', (_request, reply, done) => {
    if (!isOpen()) reply.raw.setHeader('Connection', 'close');
    done();
  });
}

/** Resolves when no connection is left. */
export async function drain(app: FastifyInstance, limitMs: number, log: Logger): Promise<void> {
  const { server } = app;
  // A connection that becomes idle only now would else be kept alive for its client's next request.
  const idle = setInterval(() => server.closeIdleConnections(), 50);
  const limit = setTimeout(() => {
    log.warn({ limitMs }, 'requests still ran at the end of the drain and were cut');
    server.closeAllConnections();
  }, limitMs);
  try {
    await app.close();
  } finally {
    clearInterval(idle);
    clearTimeout(limit);
  }
}
