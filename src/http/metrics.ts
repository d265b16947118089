/** What Prometheus reads: requests, bytes, jobs, stores, uploads, the database's pool, and the process. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Database, PoolState } from '#metadata/database.ts';
import type { ObserveKeystone } from '#policy/policy.ts';
import { observeInstance } from './instance-metrics.ts';
import { createJobMetrics, type ObserveJob } from './job-metrics.ts';
import { createKeystoneMetrics } from './keystone-metrics.ts';
import { stateOf, statusOf } from './request-state.ts';
import { createStoreMetrics, type StoreObservation } from './store-metrics.ts';

export interface Metrics {
  /** For the stores' room. */
  readonly observeStore: (observation: StoreObservation) => void;
  /** For what asks Keystone. */
  readonly observeKeystone: ObserveKeystone;
  /** A stage of the pipeline. */
  observe(app: FastifyInstance): void;
  readonly observeJob: ObserveJob;
  /** Answers with the text format. */
  readonly answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
}

export function createMetrics(db: Database): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'vitrine_' });
  const registers = [registry];
  const duration = new Histogram({
    name: 'vitrine_http_request_seconds',
    help: 'Time from the head of a request to the end of its answer; of status 499 where its connection ended before there was one.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60, 600],
    registers,
  });
  const inFlight = new Gauge({ name: 'vitrine_http_requests_in_flight', help: 'Requests that run now.', registers });
  const bytes = new Counter({
    name: 'vitrine_http_bytes_total',
    help: 'Bytes of requests and answers, heads included.',
    labelNames: ['direction', 'route'],
    registers,
  });
  observePool(registers, () => db.poolState());
  observeInstance(registers, db);
  const { timer, counters } = createSeries(duration, bytes);
  return {
    observe: (app) => {
      app.addHook('onRequest', ({ raw: request }, { raw: response }, done) => {
        inFlight.inc();
        // Also where the client leaves before the answer is finished.
        response.once('close', () => {
          inFlight.dec();
          const state = stateOf(request);
          const { route } = state;
          const { socket, method = '' } = request;
          const seconds = (performance.now() - state.startedAt) / 1000;
          // Few labels, whatever is asked for: a method nobody knows would be a new series.
          const known = knownMethods.has(method) ? method : 'other';
          timer(known, route, statusOf(response)).observe(seconds);
          const { received, sent } = counters(route);
          received.inc(Math.max(0, socket.bytesRead - state.bytesReadBefore));
          sent.inc(Math.max(0, socket.bytesWritten - state.bytesWrittenBefore));
        });
        done();
      });
    },
    observeJob: createJobMetrics(registry, db),
    observeStore: createStoreMetrics(registers),
    observeKeystone: createKeystoneMetrics(registers),
    answer: async (request, response) => {
      const text = await registry.metrics();
      response.writeHead(200, { 'Content-Type': registry.contentType, 'Cache-Control': 'no-store' });
      response.end(request.method === 'HEAD' ? undefined : text);
    },
  };
}

/** Series by their labels, looked up once: prom-client would hash the labels again for each request. */
function createSeries(duration: Histogram<'method' | 'route' | 'status'>, bytes: Counter<'direction' | 'route'>) {
  const timers = new Map<string, ReturnType<typeof duration.labels>>();
  const byRoute = new Map<string, { readonly received: BytesSeries; readonly sent: BytesSeries }>();
  type BytesSeries = ReturnType<typeof bytes.labels>;
  return {
    timer: (method: string, route: string, status: number) => {
      const key = `${method} ${status} ${route}`;
      let found = timers.get(key);
      if (found === undefined) {
        found = duration.labels({ method, route, status });
        timers.set(key, found);
      }
      return found;
    },
    counters: (route: string) => {
      let found = byRoute.get(route);
      if (found === undefined) {
        found = { received: bytes.labels({ direction: 'in', route }), sent: bytes.labels({ direction: 'out', route }) };
        byRoute.set(route, found);
      }
      return found;
    },
  };
}

const knownMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE', 'OPTIONS']);

function observePool(registers: Registry[], poolState: () => PoolState): void {
  new Gauge({
    name: 'vitrine_database_connections',
    help: 'Connections of the pool by state, and callers that wait for one.',
    labelNames: ['state'],
    registers,
    collect() {
      const { total, idle, waiting } = poolState();
      this.set({ state: 'busy' }, total - idle);
      this.set({ state: 'idle' }, idle);
      this.set({ state: 'waiting' }, waiting);
    },
  });
}
