/** The Image API over a test server's database, and stores of one's own. */
import { AppError } from '#base/app-error.ts';
import type { Blobs } from '#blobs/blobs.ts';
import { createMetrics, type HttpServer, startHttpServer } from '#http/http-server.ts';
import { authenticateToken } from '#ops/authenticate-token.ts';
import { imagePlane } from '#rest/images/image-routes.ts';
import type { TestServer } from './server.ts';

/** The stores are known to the database already. */
export function startImageServer({ services: { db, ...parts } }: TestServer, blobs: Blobs): Promise<HttpServer> {
  const services = { ...parts, db, blobs };
  return startHttpServer({
    ...{ host: '127.0.0.1', port: 0, services, planes: [imagePlane], dev: false },
    ...{ deadlineMs: 20_000, stallMs: 30_000, drainMs: 500, log: services.log, metrics: createMetrics(db) },
    graphql: async () => {
      throw new AppError('PATH_NOT_FOUND');
    },
    authenticateToken: (secret) => authenticateToken(services, secret),
  });
}
