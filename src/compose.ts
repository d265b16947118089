/** The composition root: configuration → database → stores → types → operations → planes → server; closed in reverse order. */
import { join } from 'node:path';
import type { Logger } from 'pino';
import { AppError } from '#base/app-error.ts';
import { systemClock } from '#base/clock.ts';
import { randomId } from '#base/id.ts';
import { packageRoot } from '#base/package-root.ts';
import { releaseMemory } from '#base/release-memory.ts';
import { openBlobs } from '#blobs/blobs.ts';
import { type Config, instanceKeySource } from '#config/config.ts';
import { createMetrics, type HttpServer, openServerLog, startOpsServer } from '#http/http-server.ts';
import { startWorker } from '#jobs/jobs.ts';
import { openDatabase, openJobQueue } from '#metadata/metadata.ts';
import { claimInstance } from '#ops/claim-instance.ts';
import { claimStores } from '#ops/claim-stores.ts';
import { claimTypes } from '#ops/claim-types.ts';
import type { Services, StorageServices } from '#ops/context.ts';
import { warmUp } from '#ops/warm-up.ts';
import { loadPolicy, type Policy } from '#policy/policy.ts';
import { loadTypes } from '#types/load-types.ts';
import type { TypeRegistry } from '#types/type-registry.ts';
import { indexSoon, releaseAbandoned, workSoon } from './compose/background-work.ts';
import { openHttp } from './compose/open-http.ts';
import { prepareDatabase } from './compose/prepare-database.ts';
import { toBlobsConfig, toMetricsAddress, toOpSettings, toStorageSettings } from './compose/room-settings.ts';

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

/** After the rush of a start; the pause it makes is short. */
const releaseMemoryAfterMs = 500;

/** @throws AppError for whatever stands against a start; nothing is left running then */
export async function startServer(config: Config, options: StartOptions = {}): Promise<RunningServer> {
  await using stack = new AsyncDisposableStack();
  const log = options.log ?? stack.use(openServerLog(config.log)).log;
  await traceIfAsked(config, stack);
  // While PostgreSQL starts, which is mostly waiting, the types load.
  const loading = beginLoading(config, options.packagesOf);
  const database = await prepareDatabase(config, stack, log).catch(loading.abandon);
  const types = stack.use(await loading.types);
  const { services, metrics } = await openServices(config, database.url, types, stack, log);
  if (database.isSole) await releaseAbandoned(services);
  await warmUp(services.db).catch((err: unknown) => log.warn({ err }, 'the first requests will be slower'));
  const http = stack.use(await openHttp(config, services, metrics, stack));
  indexSoon(config, database.url, services, stack);
  if (config.jobs.worker) workSoon(config, services, metrics, stack);
  const running = run(stack.move(), http, database.exited, options.signal, log);
  announce(config, http.url, log);
  setTimeout(releaseMemory, releaseMemoryAfterMs).unref();
  return { url: http.url, services, ...running, [Symbol.asyncDispose]: running.close };
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
  const database = await prepareDatabase(config, stack, log);
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
  const database = await prepareDatabase(config, stack, log);
  const { poolSize, statementTimeoutMs } = config.database;
  const db = stack.use(openDatabase({ url: database.url, poolSize, statementTimeoutMs }));
  const blobs = stack.use(await openBlobs(toBlobsConfig(config)));
  const services = { db, blobs, newId: randomId, log, settings: { storage: toStorageSettings(config) } };
  const kept = stack.move();
  return { services, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** Begun now and awaited later; `abandon` passes on what stands against the start, and leaves nothing open. */
function beginLoading(config: Config, packagesOf: string | undefined) {
  const types = loadAllTypes(config, packagesOf);
  const abandon = async (error: unknown): Promise<never> => {
    await Promise.allSettled([types.then((loaded) => loaded[Symbol.asyncDispose]())]);
    throw error;
  };
  // Awaited in its turn: until then a failure is not unhandled, only early.
  types.catch(() => undefined);
  return { types, abandon };
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

async function openServices(config: Config, url: string, types: TypeRegistry, stack: AsyncDisposableStack, log: Logger) {
  const { poolSize, statementTimeoutMs } = config.database;
  const onIdleError = (error: Error) => log.warn({ err: error }, 'a connection to the database broke');
  const policy = await openPolicy(config, log);
  const db = stack.use(openDatabase({ url, poolSize, statementTimeoutMs, onIdleError }));
  const instance = await claimInstance(db, instanceKeySource(config));
  const settings = toOpSettings(config, instance.key);
  const metrics = createMetrics(db);
  const blobs = stack.use(await openBlobs(toBlobsConfig(config), { observe: metrics.observeStore }));
  await claimStores(db, blobs, instance.id);
  await claimTypes(db, types);
  const queue = stack.use(openJobQueue(db));
  const services: Services = { db, blobs, queue, types, policy, clock: systemClock, newId: randomId, settings, log };
  return { services, metrics };
}

/** Before anything is opened for it: mistakes in policies stand against a start. */
function openPolicy({ policy }: Config, log: Logger): Promise<Policy> {
  const onFailure = (action: string, policies: readonly string[]) =>
    log.error({ action, policies }, 'a policy could not be evaluated; what it was asked for is denied');
  return loadPolicy({ ...policy, onFailure });
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
