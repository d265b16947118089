/** Third stage: what every answer says to browsers, whatever it is an answer to. */
import type { FastifyInstance } from 'fastify';

export function securityHeaders(app: FastifyInstance): void {
  app.addHook('onRequest', (_request, reply, done) => {
    // A stored blob is what its media type says, never what a browser makes of its bytes.
    reply.raw.setHeader('X-Content-Type-Options', 'nosniff');
    // Paths name artifacts: they stay here.
    reply.raw.setHeader('Referrer-Policy', 'no-referrer');
    done();
  });
}
