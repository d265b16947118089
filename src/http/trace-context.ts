/** Second stage: the W3C trace context of the sender, or a new one. */
import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { stateOf } from './request-state.ts';

const pattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

export function traceContext(app: FastifyInstance): void {
  app.addHook('onRequest', (request, _reply, done) => {
    const given = request.headers['traceparent'];
    const state = stateOf(request.raw);
    state.traceparent = (typeof given === 'string' ? parseTraceparent(given) : undefined) ?? newTraceparent(state.requestId);
    done();
  });
}

/** In the form of version 00; undefined for what is to be ignored (trace-context level 2, section 3.2). */
function parseTraceparent(header: string): string | undefined {
  const match = pattern.exec(header);
  if (match === null) return undefined;
  const [, version = '', traceId = '', parentId = '', flags = '', rest] = match;
  if (version === 'ff' || /^0+$/.test(traceId) || /^0+$/.test(parentId)) return undefined;
  // Version 00 ends here; later ones may add fields after a hyphen.
  if (version === '00' && rest !== undefined) return undefined;
  return `00-${traceId}-${parentId}-${flags}`;
}

/** The trace bears the request's own id, so that either leads to the other. */
function newTraceparent(requestId: string): string {
  const traceId = requestId.slice('req-'.length).replaceAll('-', '');
  // Of another UUID the part without fixed bits, so never all zeros but by a chance of 2^-64.
  const random = randomUUID();
  return `00-${traceId}-${random.slice(0, 8)}${random.slice(28)}-00`;
}
