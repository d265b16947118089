/**
 * Spans of the one trace a request is part of. Without a tracer (the default) each call costs one comparison; the server sets one
 * where an exporter is configured. Names and attributes follow OpenTelemetry's semantic conventions where there is one.
 */
import type { Attributes, ContextAPI, Span, SpanKind, SpanStatusCode, TraceAPI, Tracer } from '@opentelemetry/api';

/** A tracer with what it takes to use it: given, not imported, so that a start without one loads nothing of it. */
export interface Tracing {
  readonly tracer: Tracer;
  readonly context: ContextAPI;
  readonly trace: TraceAPI;
}

const internalKind: SpanKind.INTERNAL = 0;
const serverKind: SpanKind.SERVER = 1;
const clientKind: SpanKind.CLIENT = 2;
const errorStatus: SpanStatusCode.ERROR = 2;

let tracing: Tracing | undefined;

/** Undefined: no spans from here on. */
export function setTracing(next: Tracing | undefined): void {
  tracing = next;
}

export function isTracing(): boolean {
  return tracing !== undefined;
}

export interface SpanParent {
  readonly traceId: string;
  readonly spanId: string;
  readonly isSampled: boolean;
}

/** Runs `work` within a span: a child of the one it is called in, or of `parent` for what comes from outside. */
export function inSpan<Result>(
  name: string,
  attributes: Attributes,
  work: (span: Span | undefined) => Promise<Result>,
  parent?: SpanParent | 'none',
): Promise<Result> {
  if (tracing === undefined) return work(undefined);
  const options = { attributes, kind: parent === undefined ? internalKind : serverKind, root: parent === 'none' };
  const above = parent === undefined || parent === 'none' ? tracing.context.active() : remote(tracing, parent);
  return tracing.tracer.startActiveSpan(name, options, above, async (span) => {
    try {
      return await work(span);
    } catch (error) {
      fail(span, error);
      throw error;
    } finally {
      span.end();
    }
  });
}

/** A span of something that is over just now. */
export function noteSpan(name: string, durationMs: number, attributes: Attributes, error?: unknown): void {
  if (tracing === undefined) return;
  const end = Date.now();
  const span = tracing.tracer.startSpan(name, { attributes, kind: clientKind, startTime: end - durationMs });
  if (error !== undefined) fail(span, error);
  span.end(end);
}

/** The W3C trace context of the span that runs now; undefined where none does. */
export function currentTraceparent(): string | undefined {
  const now = tracing?.trace.getActiveSpan()?.spanContext();
  if (now === undefined) return undefined;
  return `00-${now.traceId}-${now.spanId}-${now.traceFlags.toString(16).padStart(2, '0')}`;
}

function remote({ context, trace }: Tracing, { traceId, spanId, isSampled }: SpanParent) {
  return trace.setSpanContext(context.active(), { traceId, spanId, traceFlags: isSampled ? 1 : 0, isRemote: true });
}

/** The name of what went wrong only: messages may hold what callers sent. */
function fail(span: Span, error: unknown): void {
  const code =
    typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : 'error';
  span.setStatus({ code: errorStatus, message: code });
  span.setAttribute('error.type', code);
}
