/** The one place where an error becomes an answer: in the form of its plane, logged when it is our fault, never half of one. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import { AppError, isAppError } from '#base/app-error.ts';
import type { HttpPlane } from '#base/http-route.ts';
import { toShownError } from '#base/problem-details.ts';
import { isOver, stateOf } from './request-state.ts';

type AnswerError = HttpPlane<unknown>['answerError'];

/** How long, and how far, a refused upload is listened to, so that its sender finds the answer instead of a reset. */
const lingerMs = 5_000;
const lingerBytes = 64 * 1024 * 1024;

export interface BoundaryOptions {
  readonly log: Logger;
  /** Of a 401. */
  readonly challenge: string;
}

export function answerThrown(
  request: IncomingMessage,
  response: ServerResponse,
  thrown: unknown,
  answerError: AnswerError,
  { log, challenge }: BoundaryOptions,
): void {
  const { requestId, controller, hasLeave } = stateOf(request);
  const error = toShownError(unwrapAbort(thrown, controller.signal));
  if (error.status >= 500) log.error({ err: thrown, requestId }, 'a request failed');
  if (isOver(response)) return;
  if (response.headersSent) {
    // An answer that began cannot become another one; only a cut tells the client that it is not whole.
    response.destroy();
    return;
  }
  const extra: Record<string, string> = {};
  if (error.code === 'UNAUTHENTICATED') extra['WWW-Authenticate'] = challenge;
  if (error.code === 'RATE_LIMITED' || error.status === 503) extra['Retry-After'] = '1';
  // Whoever still waits for leave will not send its body. Who has it is sending: closing now would reset it before it has the answer.
  if (request.headers.expect !== undefined && !hasLeave && !request.complete) extra['Connection'] = 'close';
  answerError(request, response, error, extra);
  lingerAfter(request, response);
}

/** What was aborted for a reason of ours is that reason. */
function unwrapAbort(thrown: unknown, signal: AbortSignal): unknown {
  if (!signal.aborted || isAppError(thrown)) return thrown;
  return isAppError(signal.reason) ? signal.reason : new AppError('UPLOAD_INTERRUPTED');
}

/** What a refused sender still sends is read on and dropped; here that comes to an end. */
function lingerAfter(request: IncomingMessage, response: ServerResponse): void {
  // Where a handler had begun to read, Node leaves the rest to it.
  request.resume();
  response.once('finish', () => {
    if (request.complete) return;
    const { socket } = request;
    const limit = socket.bytesRead + lingerBytes;
    const until = Date.now() + lingerMs;
    const timer = setInterval(() => {
      const isEnough = socket.bytesRead > limit || Date.now() > until;
      if (isEnough && !request.complete) socket.destroy();
      if (isEnough || request.complete || socket.destroyed) clearInterval(timer);
    }, 100);
    timer.unref();
  });
}
