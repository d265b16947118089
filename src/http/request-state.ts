/** What the stages of the pipeline know of one request, kept beside it and gone with it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Caller } from '#policy/policy.ts';

export interface RequestState {
  /** `req-<uuid>`, chosen here. */
  readonly requestId: string;
  /** The id a client gave the request, for logs only. */
  readonly globalRequestId: string | undefined;
  readonly startedAt: number;
  /** W3C trace context: of the sender, or begun here. */
  traceparent: string | undefined;
  /** The route's path, for logs and metrics: few values, whatever is asked for. */
  route: string;
  caller: Caller | undefined;
  /** Whether a sender that waited for leave to send its body has got it. */
  hasLeave: boolean;
  /** Aborts when the client is gone, or the deadline has passed. */
  readonly controller: AbortController;
  /** Bytes that the connection had carried before the request, its head included. */
  readonly bytesReadBefore: number;
  readonly bytesWrittenBefore: number;
}

const states = new WeakMap<IncomingMessage, RequestState>();

/** Bytes of a connection that some request of it has accounted for: when one begins, its head has been read already. */
const accounted = new WeakMap<Socket, number>();

export function beginState(request: IncomingMessage, requestId: string, globalRequestId: string | undefined): RequestState {
  const state: RequestState = {
    requestId,
    globalRequestId,
    startedAt: performance.now(),
    traceparent: undefined,
    route: 'none',
    caller: undefined,
    hasLeave: false,
    controller: new AbortController(),
    bytesReadBefore: accounted.get(request.socket) ?? 0,
    bytesWrittenBefore: request.socket.bytesWritten ?? 0,
  };
  states.set(request, state);
  accountFor(request);
  return state;
}

/** What has come until now belongs to this request, or to one before it. */
export function accountFor({ socket }: IncomingMessage): void {
  accounted.set(socket, socket.bytesRead ?? 0);
}

/** The first stage has made it. */
export function stateOf(request: IncomingMessage): RequestState {
  const state = states.get(request);
  if (state === undefined) throw new Error('a request came past the first stage');
  return state;
}

/** Tells a sender that waits for leave (`Expect: 100-continue`) to send its body. Nothing to others. */
export function giveLeave(request: IncomingMessage, response: ServerResponse): void {
  if (request.headers.expect === undefined) return;
  stateOf(request).hasLeave = true;
  response.writeContinue();
}

/** True once the answer has left this process, or nobody is there to take it. */
export function isOver(response: ServerResponse): boolean {
  return response.writableEnded || response.destroyed;
}

/** Of the answer; 499, as proxies say it, where the connection was gone before there was one. */
export function statusOf(response: ServerResponse): number {
  return response.headersSent ? response.statusCode : 499;
}
