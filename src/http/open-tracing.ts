/** Sends the spans of this process to an OpenTelemetry collector over OTLP/HTTP, in batches, without ever holding up a request. */
import { randomUUID } from 'node:crypto';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, ParentBasedSampler, TraceIdRatioBasedSampler, TracerProvider } from '@opentelemetry/sdk-trace';
import { setTracing } from '#base/tracing.ts';

export interface TracingOptions {
  /** Where the collector takes traces: `http://collector:4318/v1/traces`. */
  readonly url: string;
  /** Of the traces that begin here; those of a sender are kept as it says. */
  readonly sampleRatio: number;
}

/** Disposing it sends what is left. */
export function openTracing({ url, sampleRatio }: TracingOptions): AsyncDisposable {
  const contexts = new AsyncLocalStorageContextManager().enable();
  context.setGlobalContextManager(contexts);
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'vitrine', 'service.instance.id': randomUUID() }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(sampleRatio) }),
    spanProcessors: [
      new BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url, timeoutMillis: 2000 }), scheduledDelayMillis: 1000 }),
    ],
  });
  setTracing({ tracer: provider.getTracer('vitrine'), context, trace });
  return {
    [Symbol.asyncDispose]: async () => {
      setTracing(undefined);
      // A collector that is away must not keep a server from stopping.
      await provider.shutdown().catch(() => undefined);
      context.disable();
      trace.disable();
    },
  };
}
