/** All planes on a free loopback port, over a database and a store of one's own: what a client sees, without a child process. */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { AppError } from '#base/app-error.ts';
import { systemClock } from '#base/clock.ts';
import type { HttpPlane } from '#base/http-route.ts';
import { randomId } from '#base/id.ts';
import { openBlobs } from '#blobs/blobs.ts';
import {
  createMetrics,
  type GraphqlHandler,
  type HttpServer,
  type HttpServerOptions,
  startHttpServer,
} from '#http/http-server.ts';
import { openJobQueue } from '#metadata/metadata.ts';
import { authenticateToken } from '#ops/authenticate-token.ts';
import { claimStores } from '#ops/claim-stores.ts';
import type { OpContext, Services } from '#ops/context.ts';
import { createToken } from '#ops/create-token.ts';
import { createDefaultPolicy, type Policy, type Role } from '#policy/policy.ts';
import { imagePlane } from '#rest/images/image-routes.ts';
import { transferPlane } from '#transfers/transfer-routes.ts';
import { loadTypes } from '#types/load-types.ts';
import { createTestDatabase } from './database.ts';
import { actAs, testSettings, testTypesFolder } from './operations.ts';

export interface TestServer extends AsyncDisposable {
  readonly url: string;
  readonly services: Services;
  /** Where the store keeps its objects. */
  readonly storeFolder: string;
  readonly http: HttpServer;
  /** Every line that was logged. */
  readonly logged: readonly Record<string, unknown>[];
  /** `Authorization` of a new token. */
  tokenFor(project: string, ...roles: readonly Role[]): Promise<{ readonly authorization: string }>;
  /** An operation context for a caller of the project, past HTTP. */
  actAs(project: string, ...roles: readonly Role[]): OpContext;
}

export interface TestServerOptions {
  readonly settings?: Partial<Services['settings']>;
  readonly http?: Partial<HttpServerOptions>;
  /** By default the shipped one. */
  readonly policy?: Policy;
  /** Serve /graphql too, whose schema takes a while to build; default false. */
  readonly graphql?: boolean;
  /** Mounted beside the others. */
  readonly planes?: readonly HttpPlane<OpContext>[];
}

const repository = join(import.meta.dirname, '../..');

export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await createTestDatabase());
  const storeFolder = await mkdtemp(join(tmpdir(), 'vitrine-server-'));
  stack.defer(() => rm(storeFolder, { recursive: true, force: true }));
  const metrics = createMetrics(database.db);
  const stores = { stores: [{ name: 'local', kind: 'filesystem', path: storeFolder }], defaultStore: 'local' } as const;
  const blobs = stack.use(await openBlobs(stores, { observe: metrics.observeStore }));
  await claimStores(database.db, blobs, randomId());
  const types = stack.use(await loadTypes({ folders: [join(repository, 'artifact-types'), testTypesFolder] }));
  const logged: Record<string, unknown>[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => logged.push(JSON.parse(line)) });
  const instanceKey = createHash('sha256').update(randomId()).digest();
  const settings = { ...testSettings, instanceKey, nodeId: randomId(), maxBlobBytes: 2 ** 40, ...options.settings };
  const queue = stack.use(openJobQueue(database.db));
  const policy = options.policy ?? createDefaultPolicy();
  const parts = { db: database.db, blobs, queue, types, policy, clock: systemClock, newId: randomId };
  const services: Services = { ...parts, settings, log };
  const http = stack.use(
    await startHttpServer({
      host: '127.0.0.1',
      port: 0,
      services,
      planes: [transferPlane, imagePlane, ...(options.planes ?? [])],
      graphql: options.graphql === true ? await openGraphql(services) : refuseGraphql,
      authenticateToken: (secret) => authenticateToken(services, secret),
      dev: true,
      deadlineMs: 20_000,
      stallMs: 30_000,
      drainMs: 2_000,
      log,
      metrics,
      ...options.http,
    }),
  );
  const kept = stack.move();
  return {
    url: http.url,
    services,
    storeFolder,
    http,
    logged,
    tokenFor: async (project, ...roles) => {
      const context = actAs(services, project, 'admin');
      const { secret } = await createToken(context, { project, subject: `${project}-user`, roles });
      return { authorization: `Bearer ${secret}` };
    },
    actAs: (project, ...roles) => actAs(services, project, ...roles),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

async function openGraphql(services: Services): Promise<GraphqlHandler> {
  const { createGraphqlPlane, defaultGraphqlLimits } = await import('#graphql/graphql-plane.ts');
  const options = { services, types: services.types, limits: defaultGraphqlLimits, graphiql: false, introspection: true };
  const plane = createGraphqlPlane(options);
  return (request, response, context) => plane.handle(request, response, context);
}

const refuseGraphql: GraphqlHandler = async () => {
  throw new AppError('PATH_NOT_FOUND');
};
