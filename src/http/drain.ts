/** The end of a server: no new connections, running requests to their end, then a cut. */
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';

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
