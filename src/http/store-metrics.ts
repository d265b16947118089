/** What stores did, for Prometheus and for the trace: every operation with its bytes, time and outcome. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { noteSpan } from '#base/tracing.ts';

/** As the stores' room tells it. */
export interface StoreObservation {
  readonly store: string;
  readonly kind: string;
  readonly operation: string;
  readonly bytes: number;
  readonly durationMs: number;
  readonly error: string | undefined;
  readonly running: number;
}

const outward = new Set(['send', 'open', 'read']);

export function createStoreMetrics(registers: Registry[]): (observation: StoreObservation) => void {
  const operations = new Counter({
    name: 'vitrine_store_operations_total',
    help: 'Operations of stores that are over, by outcome: ok, aborted by its caller, or the error.',
    labelNames: ['store', 'operation', 'outcome'],
    registers,
  });
  const seconds = new Histogram({
    name: 'vitrine_store_operation_seconds',
    help: 'Time an operation of a store took, from its beginning to its last byte.',
    labelNames: ['store', 'operation'],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60, 600],
    registers,
  });
  const bytes = new Counter({
    name: 'vitrine_store_bytes_total',
    help: 'Bytes of objects that went into and came out of stores.',
    labelNames: ['store', 'direction'],
    registers,
  });
  const running = new Gauge({
    name: 'vitrine_store_operations_running',
    help: 'Operations of a store that run now.',
    labelNames: ['store'],
    registers,
  });
  return (observation) => {
    const { store, kind, operation, durationMs, error } = observation;
    operations.inc({ store, operation, outcome: error ?? 'ok' });
    seconds.observe({ store, operation }, durationMs / 1000);
    if (observation.bytes > 0) bytes.inc({ store, direction: outward.has(operation) ? 'out' : 'in' }, observation.bytes);
    running.set({ store }, observation.running);
    const attributes = { 'vitrine.store': store, 'vitrine.store.kind': kind, 'vitrine.bytes': observation.bytes };
    noteSpan(`store ${operation}`, durationMs, attributes, error === undefined ? undefined : { code: error });
  };
}
