/** The composition root: configuration → database → stores → types → operations → planes → server; closed in reverse order. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { AppError, isAppError } from '#base/app-error.ts';
import { systemClock } from '#base/clock.ts';
import { randomId } from '#base/id.ts';
import { packageRoot } from '#base/package-root.ts';
import { releaseMemory } from '#base/release-memory.ts';
import { type BlobsConfig, openBlobs } from '#blobs/blobs.ts';
import { type Config, instanceKeySource } from '#config/config.ts';
import {
  type AuthenticationOptions,
  createMetrics,
  type HttpServer,
  type Metrics,
  openServerLog,
  startHttpServer,
  startOpsServer,
} from '#http/http-server.ts';
import { startWorker } from '#jobs/jobs.ts';
import {
  ensurePropertyIndexes,
  inspectMigrations,
  migrate,
  openDatabase,
  openJobQueue,
  startEmbeddedPostgres,
} from '#metadata/metadata.ts';
import { authenticateToken } from '#ops/authenticate-token.ts';
import { claimInstance } from '#ops/claim-instance.ts';
import { claimStores } from '#ops/claim-stores.ts';
import { claimTypes } from '#ops/claim-types.ts';
import type { OpSettings, Services, StorageServices } from '#ops/context.ts';
import { releaseUploads } from '#ops/release-uploads.ts';
import { warmUp } from '#ops/warm-up.ts';
import { loadPolicy, openKeystone, type Policy } from '#policy/policy.ts';
import { catalogueType, imagePlane, imageType } from '#rest/images/image-routes.ts';
import { transferPlane } from '#transfers/transfer-routes.ts';
import { loadTypes } from '#types/load-types.ts';
import type { TypeRegistry } from '#types/type-registry.ts';

export interface RunningServer extends AsyncDisposable {
  readonly url: string;
  readonly services: Services;
  /** Resolves when the server has stopped, whoever stopped it; rejects when what it stands on went away under it. */
  readonly closed: Promise<void>;
  /** Drains, then closes stores, database and embedded PostgreSQL. Safe to call twice. */
  close(): Promise<void>;
}

export interface StartOptions {
  /** Its abort stops the server as `close` does. */
  readonly signal?: AbortSignal | undefined;
  /** A folder whose `node_modules/vitrine-type-*` are artifact types too; none where left out. */
  readonly packagesOf?: string | undefined;
  /** By default standard output, as configured. */
  readonly log?: Logger | undefined;
}

type GraphqlModule = typeof import('#graphql/graphql-plane.ts');

/** After the rush of a start; the pause it makes is short. */
const releaseMemoryAfterMs = 500;

/** Then jobs begin, and indexes are looked after: loading what they need would take the thread from the first requests. */
const workAfterMs = 1000;

/** @throws AppError for whatever stands against a start; nothing is left running then */
export async function startServer(config: Config, options: StartOptions = {}): Promise<RunningServer> {
  await using stack = new AsyncDisposableStack();
  const log = options.log ?? stack.use(openServerLog(config.log)).log;
  await traceIfAsked(config, stack);
  // While PostgreSQL starts, which is mostly waiting, the types and the largest module load.
  const launched = Promise.withResolvers<void>();
  const loading = beginLoading(config, options.packagesOf, launched.promise);
  const preparing = prepareDatabase(config, stack, log, launched.resolve);
  const proceed = () => launched.resolve();
  preparing.then(proceed, proceed);
  const database = await preparing.catch(loading.abandon);
  const types = stack.use(await loading.types);
  const { services, metrics } = await openServices(config, database.url, types, stack, log);
  if (database.isSole) await releaseAbandoned(services);
  await warmUp(services.db).catch((err: unknown) => log.warn({ err }, 'the first requests will be slower'));
  const http = stack.use(await openHttp(config, services, metrics, await loading.graphql, stack));
  indexSoon(config, database.url, services, stack);
  if (config.jobs.worker) workSoon(config, services, metrics, stack);
  const running = run(stack.move(), http, database.exited, options.signal, log);
  announce(config, http.url, log);
  setTimeout(releaseMemory, releaseMemoryAfterMs).unref();
  return { url: http.url, services, ...running, [Symbol.asyncDispose]: running.close };
}

/** The worker itself ends with the queue, after the last request and before the stores. */
function workSoon(config: Config, services: Services, metrics: Metrics, stack: AsyncDisposableStack): void {
  const begin = () => startWorker(services, { settings: config.jobs, onEnd: metrics.observeJob });
  const timer = setTimeout(begin, workAfterMs);
  stack.defer(() => clearTimeout(timer));
}

export interface WorkerStartOptions extends StartOptions {
  /** Names of jobs; all where left out. */
  readonly jobs?: readonly string[] | undefined;
}

export interface RunningWorker extends AsyncDisposable {
  /** Of health and metrics, where they have a listener. */
  readonly url: string | undefined;
  /** Resolves when the embedded database is gone. */
  readonly databaseExited: Promise<void> | undefined;
}

/** A process that runs jobs and serves nothing. @throws AppError for whatever stands against a start */
export async function startWorkerProcess(config: Config, options: WorkerStartOptions = {}): Promise<RunningWorker> {
  await using stack = new AsyncDisposableStack();
  const log = options.log ?? stack.use(openServerLog(config.log)).log;
  await traceIfAsked(config, stack);
  const database = await prepareDatabase(config, stack, log, () => undefined);
  const types = stack.use(await loadAllTypes(config, options.packagesOf));
  const { services, metrics } = await openServices(config, database.url, types, stack, log);
  const ops = stack.use(await startOpsServer(services.db, metrics, toMetricsAddress(config)));
  startWorker(services, { settings: config.jobs, names: options.jobs, onEnd: metrics.observeJob });
  log.info({ url: ops.url, jobs: options.jobs }, 'ready to run jobs');
  const kept = stack.move();
  return { url: ops.url, databaseExited: database.exited, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

export interface OpenMaintenance extends AsyncDisposable {
  readonly services: StorageServices;
}

/** The database and the stores without a server or a worker: for the care of bytes where none runs. @throws AppError */
export async function openMaintenance(config: Config, log: Logger): Promise<OpenMaintenance> {
  await using stack = new AsyncDisposableStack();
  const database = await prepareDatabase(config, stack, log, () => undefined);
  const { poolSize, statementTimeoutMs } = config.database;
  const db = stack.use(openDatabase({ url: database.url, poolSize, statementTimeoutMs }));
  const blobs = stack.use(await openBlobs(toBlobsConfig(config)));
  const services = { db, blobs, newId: randomId, log, settings: { storage: toStorageSettings(config) } };
  const kept = stack.move();
  return { services, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

function toStorageSettings({ storage, delete: deletion }: Config): OpSettings['storage'] {
  return { ...storage, deleteDelayMs: deletion.delayMs, purgeConcurrency: deletion.purgeConcurrency };
}

/**
 * Begun now and awaited later; `abandon` passes on what stands against the start, and leaves nothing open.
 * @param launched until then the large module waits: its loading takes the thread, and PostgreSQL would be launched after it
 */
function beginLoading(config: Config, packagesOf: string | undefined, launched: Promise<void>) {
  const types = loadAllTypes(config, packagesOf);
  const graphql = launched.then(() => import('#graphql/graphql-plane.ts'));
  const abandon = async (error: unknown): Promise<never> => {
    await Promise.allSettled([types.then((loaded) => loaded[Symbol.asyncDispose]()), graphql]);
    throw error;
  };
  // Awaited in their turn: until then a failure is not unhandled, only early.
  types.catch(() => undefined);
  graphql.catch(() => undefined);
  return { types, graphql, abandon };
}

function loadAllTypes({ types }: Config, packagesOf: string | undefined) {
  return loadTypes({ folders: [join(packageRoot(), 'artifact-types'), ...types.folders], packagesOf });
}

/** From here on the server ends when it is told to, or when its database is gone. */
function run(
  resources: AsyncDisposable,
  http: HttpServer,
  databaseExited: Promise<void> | undefined,
  signal: AbortSignal | undefined,
  log: Logger,
): Pick<RunningServer, 'close' | 'closed'> {
  const { promise: closed, resolve, reject } = Promise.withResolvers<void>();
  // Whoever does not wait for the end need not hear of it either.
  closed.catch(() => undefined);
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= Promise.resolve(resources[Symbol.asyncDispose]());
    closing.then(resolve, reject);
    return closing;
  };
  const stop = (): void => {
    log.info('stopping: running requests may end; a second signal cuts them');
    process.once('SIGINT', http.cut).once('SIGTERM', http.cut);
    const forget = () => process.off('SIGINT', http.cut).off('SIGTERM', http.cut);
    close().then(forget, forget);
  };
  if (signal?.aborted) stop();
  else signal?.addEventListener('abort', stop, { once: true });
  void databaseExited?.then(() => {
    if (closing !== undefined) return;
    const error = new AppError('DATABASE_UNAVAILABLE', 'The embedded PostgreSQL has stopped; Vitrine stops with it.');
    log.fatal({ err: error }, error.message);
    reject(error);
    close().catch(() => undefined);
  });
  return { close, closed };
}

interface PreparedDatabase {
  readonly url: string;
  /** No other node can be on it. */
  readonly isSole: boolean;
  /** Resolves when the embedded server is gone. */
  readonly exited: Promise<void> | undefined;
}

/** A database of this version: an external one, or the embedded one, which then stops last. */
async function prepareDatabase(
  config: Config,
  stack: AsyncDisposableStack,
  log: Logger,
  onLaunched: () => void,
): Promise<PreparedDatabase> {
  const { url, directUrl, autoMigrate } = config.database;
  if (url === undefined) {
    const embedded = stack.use(
      await startEmbeddedPostgres({ dataDir: config.dataDir, onNotice: (message) => log.info(message), onLaunched }),
    );
    await migrate({ url: embedded.url });
    return { url: embedded.url, isSole: true, exited: embedded.exited };
  }
  onLaunched();
  const direct = directUrl ?? url;
  if (autoMigrate) await migrate({ url: direct });
  else {
    const { pending } = await inspectMigrations({ url: direct });
    if (pending.length > 0) throw new AppError('DATABASE_OUTDATED', `The database lacks ${pending.join(', ')}.`);
  }
  return { url, isSole: false, exited: undefined };
}

async function openServices(config: Config, url: string, types: TypeRegistry, stack: AsyncDisposableStack, log: Logger) {
  const { poolSize, statementTimeoutMs } = config.database;
  const onIdleError = (error: Error) => log.warn({ err: error }, 'a connection to the database broke');
  const policy = await openPolicy(config, log);
  const db = stack.use(openDatabase({ url, poolSize, statementTimeoutMs, onIdleError }));
  const instance = await claimInstance(db, instanceKeySource(config));
  const settings = toSettings(config, instance.key);
  const metrics = createMetrics(db);
  const blobs = stack.use(await openBlobs(toBlobsConfig(config), { observe: metrics.observeStore }));
  await claimStores(db, blobs, instance.id);
  await claimTypes(db, types);
  const queue = stack.use(openJobQueue(db));
  const services: Services = { db, blobs, queue, types, policy, clock: systemClock, newId: randomId, settings, log };
  return { services, metrics };
}

/** In the background. Ended before the database is closed. */
function indexSoon(config: Config, url: string, { types, log }: Services, stack: AsyncDisposableStack): void {
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  const timer = setTimeout(() => {
    running = buildIndexes(config.database.directUrl ?? url, types, stopping.signal, log);
  }, workAfterMs);
  stack.defer(async () => {
    clearTimeout(timer);
    stopping.abort();
    await running;
  });
}

/** Before anything is opened for it: mistakes in policies stand against a start. */
function openPolicy({ policy }: Config, log: Logger): Promise<Policy> {
  const onFailure = (action: string, policies: readonly string[]) =>
    log.error({ action, policies }, 'a policy could not be evaluated; what it was asked for is denied');
  return loadPolicy({ ...policy, onFailure });
}

function toBlobsConfig({ stores, defaultStore, database }: Config): BlobsConfig {
  // The only node of its database: what is half written in its folders at start was left by a run that is dead.
  const leftovers = database.url === undefined ? { leftoverAgeMs: 0 } : {};
  const opened = stores.map((store) => (store.kind === 'filesystem' ? { ...leftovers, ...defined(store) } : store));
  return { stores: opened, defaultStore };
}

/** Without the settings that say nothing, which would else hide a default. */
function defined<Settings extends object>(settings: Settings): Settings {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)) as Settings;
}

function toSettings(config: Config, instanceKey: Uint8Array): OpSettings {
  const { limits, ttl, trustedProjects } = config;
  return {
    trustedProjects,
    draftTtlMs: ttl.draftMs,
    uploadTtlMs: ttl.uploadMs,
    idempotencyTtlMs: ttl.idempotencyMs,
    maxBlobBytes: limits.blobBytes,
    maxClosureNodes: limits.closureNodes,
    maxBodyBytes: limits.bodyBytes,
    maxPropertiesBytes: limits.propertiesBytes,
    maxTags: limits.tags,
    maxDependencies: limits.dependencies,
    pageSizeMax: limits.pageSize,
    instanceKey,
    nodeId: randomUUID(),
    storage: toStorageSettings(config),
    image: config.image,
    imageType,
  };
}

/** In the background: lists work without, only slower. */
async function buildIndexes(url: string, registry: TypeRegistry, signal: AbortSignal, log: Logger): Promise<void> {
  const types = [...registry.types.values()].map(({ manifest, properties, extraKind }) => ({
    type: manifest.type,
    properties,
    hasExtra: extraKind !== null,
  }));
  try {
    const made = await ensurePropertyIndexes({ url, types, signal });
    if (made.length > 0) log.info({ count: made.length }, 'indexes of properties were made');
  } catch (error) {
    if (!signal.aborted) log.warn({ err: error }, 'indexes of properties could not be made; lists stay slower');
  }
}

async function releaseAbandoned({ db, blobs, settings, log }: Services): Promise<void> {
  const count = await releaseUploads(db, blobs, settings.nodeId).catch((error: unknown) => {
    // Nothing is released while the instance is read-only: its next start, or the uploads' expiry, does.
    if (isAppError(error, 'READ_ONLY')) return 0;
    throw error;
  });
  if (count > 0) log.info({ count }, 'uploads that an earlier run left were ended');
}

/** What is in force of what tells who is calling. */
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

async function openHttp(
  config: Config,
  services: Services,
  metrics: Metrics,
  { createGraphqlPlane }: GraphqlModule,
  stack: AsyncDisposableStack,
) {
  const { limits, graphql } = config;
  const { depth, cost, aliases, tokens, graphiql, introspection } = graphql;
  const bounds = { maxDepth: depth, maxCost: cost, maxAliases: aliases, maxTokens: tokens, maxBodyBytes: limits.bodyBytes };
  const plane = createGraphqlPlane({ services, types: services.types, limits: bounds, graphiql, introspection });
  return startHttpServer({
    host: config.host,
    port: config.port,
    services,
    planes: [transferPlane, imagePlane],
    graphql: (request, response, context) => plane.handle(request, response, context),
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

function toMetricsAddress({ metrics: { host, port } }: Config) {
  return port === undefined ? undefined : { host, port };
}

/** Loaded only where it is configured. It is opened first, so that it sees the rest, and sends last. */
async function traceIfAsked({ tracing: { url, sampleRatio } }: Config, stack: AsyncDisposableStack): Promise<void> {
  if (url === undefined) return;
  const { openTracing } = await import('#http/open-tracing.ts');
  stack.use(openTracing({ url, sampleRatio }));
}

function announce(config: Config, url: string, log: Logger): void {
  if (config.auth.dev) {
    log.warn('requests from this machine without a token act as the administrator `dev` of the project `default`');
  } else log.info('every request needs a token');
  log.info({ url }, `ready at ${url}`);
}
