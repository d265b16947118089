/** The span of a request: everything it does is within, and its events carry the trace on. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { currentTraceparent, inSpan, isTracing, type SpanParent } from '#base/tracing.ts';
import { stateOf } from './request-state.ts';

export function inRequestSpan(request: IncomingMessage, response: ServerResponse, run: () => Promise<void>): Promise<void> {
  if (!isTracing()) return run();
  const state = stateOf(request);
  const { method = 'GET' } = request;
  const attributes = {
    'http.request.method': method,
    'http.route': state.route,
    'url.path': request.url?.split('?', 1)[0] ?? '',
    'vitrine.request_id': state.requestId,
  };
  const parent = typeof request.headers['traceparent'] === 'string' ? toParent(state.traceparent) : 'none';
  return inSpan(
    `${method} ${state.route}`,
    attributes,
    async (span) => {
      state.traceparent = currentTraceparent() ?? state.traceparent;
      try {
        await run();
      } finally {
        span?.setAttribute('http.response.status_code', response.statusCode);
      }
    },
    parent,
  );
}

function toParent(traceparent: string | undefined): SpanParent | 'none' {
  const [, traceId = '', spanId = '', flags = ''] = traceparent?.split('-') ?? [];
  if (spanId === '') return 'none';
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}
