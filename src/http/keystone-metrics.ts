/** What Keystone said, for Prometheus and for the trace: how many tokens it was asked about, the outcome, and how long that took. */
import { Histogram, type Registry } from 'prom-client';
import { noteSpan } from '#base/tracing.ts';
import type { ObserveKeystone } from '#policy/policy.ts';

export function createKeystoneMetrics(registers: Registry[]): ObserveKeystone {
  const seconds = new Histogram({
    name: 'vitrine_keystone_validation_seconds',
    help: 'Time a question about a token took, by outcome: confirmed, refused, unanswered.',
    labelNames: ['outcome'],
    buckets: [0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10],
    registers,
  });
  return (outcome, durationMs) => {
    seconds.observe({ outcome }, durationMs / 1000);
    noteSpan(
      'keystone validate',
      durationMs,
      { 'vitrine.outcome': outcome },
      outcome === 'unanswered' ? { code: outcome } : undefined,
    );
  };
}
