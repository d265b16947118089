/** The listener with every plane on it, and what tells who is calling. */

import type { Config } from '#config/config.ts';
import { type AuthenticationOptions, type HttpServer, type Metrics, startHttpServer } from '#http/http-server.ts';
import { authenticateToken } from '#ops/authenticate-token.ts';
import type { Services } from '#ops/context.ts';
import { openKeystone } from '#policy/policy.ts';
import { catalogueType, imagePlane } from '#rest/images/image-routes.ts';
import { transferPlane } from '#transfers/transfer-routes.ts';
import { openGraphql } from './open-graphql.ts';
import { toMetricsAddress } from './room-settings.ts';

/** The strategies in force, Keystone's closed with the stack. */
function openStrategies(
  { auth }: Config,
  services: Services,
  observe: Metrics['observeKeystone'],
  stack: AsyncDisposableStack,
): AuthenticationOptions {
  const { log } = services;
  const { dev, keystone, strategies } = auth;
  return {
    dev,
    authenticateToken: strategies.includes('token') ? (secret) => authenticateToken(services, secret) : undefined,
    keystone: keystone && stack.use(openKeystone({ ...keystone, serviceType: catalogueType, observe, log })),
  };
}

/** Everything it stands on is open already, and closed after it. */
export async function openHttp(
  config: Config,
  services: Services,
  metrics: Metrics,
  stack: AsyncDisposableStack,
): Promise<HttpServer> {
  const { limits } = config;
  return startHttpServer({
    host: config.host,
    port: config.port,
    services,
    planes: [transferPlane, imagePlane],
    graphql: await openGraphql(config, services, stack),
    ...openStrategies(config, services, metrics.observeKeystone, stack),
    corsOrigins: config.cors.origins,
    deadlineMs: limits.requestTimeoutMs,
    stallMs: limits.transferIdleMs,
    drainNoticeMs: limits.drainNoticeMs,
    drainMs: limits.drainMs,
    metrics,
    metricsAddress: toMetricsAddress(config),
    log: services.log,
  });
}
