/** The end of a server: it is announced, no new connections are taken, running requests go to their end, then a cut. */
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';

/** A stage: while the end is near, each answer is the last on its connection, so that none is kept to run into it. */
export function announceEnd(app: FastifyInstance, isOpen: () => boolean): void {
  app.addHook('onRequest', (_request, reply, done) => {
    if (!isOpen()) reply.raw.setHeader('Connection', 'close');
    done();
  });
}

/** The connections there are, from the first on: to be asked for before the server listens. */
export function watchConnections({ server }: FastifyInstance): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return sockets;
}

/** A request that was sent just before the end may still be on its way. */
const silentMs = 1000;

/** Resolves when no connection is left. */
export async function drain(app: FastifyInstance, connections: ReadonlySet<Socket>, limitMs: number, log: Logger): Promise<void> {
  const { server } = app;
  // A connection that becomes idle only now would else be kept alive for its client's next request.
  const idle = setInterval(() => server.closeIdleConnections(), 50);
  // Browsers open one ahead; to Node, one that has asked for nothing yet is not idle.
  const silent = setTimeout(() => {
    for (const socket of connections) if (socket.bytesRead === 0) socket.destroy();
  }, silentMs);
  const limit = setTimeout(() => {
    log.warn({ limitMs }, 'requests still ran at the end of the drain and were cut');
    server.closeAllConnections();
  }, limitMs);
  try {
    await app.close();
  } finally {
    clearInterval(idle);
    clearTimeout(silent);
    clearTimeout(limit);
  }
}
