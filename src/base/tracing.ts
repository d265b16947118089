/**
 * Spans of the one trace a request is part of. Without a tracer (the default) each call costs one comparison; the server sets one
 * where an exporter is configured. Names and attributes follow OpenTelemetry's semantic conventions where there is one.
 */
import { type Attributes, context, type Span, SpanKind, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api';

let tracer: Tracer | undefined;

/** Undefined: no spans from here on. */
export function setTracer(next: Tracer | undefined): void {
  tracer = next;
}

export function isTracing(): boolean {
  return tracer !== undefined;
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
  if (tracer === undefined) return work(undefined);
  const options = { attributes, kind: parent === undefined ? SpanKind.INTERNAL : SpanKind.SERVER, root: parent === 'none' };
  const above = parent === undefined || parent === 'none' ? context.active() : remote(parent);
  return tracer.startActiveSpan(name, options, above, async (span) => {
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
  if (tracer === undefined) return;
  const end = Date.now();
  const span = tracer.startSpan(name, { attributes, kind: SpanKind.CLIENT, startTime: end - durationMs });
  if (error !== undefined) fail(span, error);
  span.end(end);
}

/** The W3C trace context of the span that runs now; undefined where none does. */
export function currentTraceparent(): string | undefined {
  const now = tracer === undefined ? undefined : trace.getActiveSpan()?.spanContext();
  if (now === undefined) return undefined;
  return `00-${now.traceId}-${now.spanId}-${now.traceFlags.toString(16).padStart(2, '0')}`;
}

function remote({ traceId, spanId, isSampled }: SpanParent) {
  return trace.setSpanContext(context.active(), { traceId, spanId, traceFlags: isSampled ? 1 : 0, isRemote: true });
}

/** The name of what went wrong only: messages may hold what callers sent. */
function fail(span: Span, error: unknown): void {
  const code =
    typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : 'error';
  span.setStatus({ code: SpanStatusCode.ERROR, message: code });
  span.setAttribute('error.type', code);
}
