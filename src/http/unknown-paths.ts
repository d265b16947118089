/** Requests that reach no route: unknown paths, and URLs that the router cannot read. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError, isAppError } from '#base/app-error.ts';
import type { HttpPlane } from '#base/http-route.ts';
import { answerProblem } from '#base/problem-details.ts';
import type { OpContext, OpSettings } from '#ops/context.ts';

type Planes = readonly HttpPlane<OpContext>[];

export function answerUnknownPath(
  request: IncomingMessage,
  response: ServerResponse,
  planes: Planes,
  settings: OpSettings,
): void {
  if (planeOf(request, planes)?.answerUnknown?.({ settings, request, response }) === true) return;
  answerOf(request, planes)(request, response, new AppError('PATH_NOT_FOUND'), {});
}

/** Answers what the framework itself refused; its stages may not have run. */
export function refuseOutside(thrown: unknown, request: IncomingMessage, response: ServerResponse, planes: Planes): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  if (!response.hasHeader('X-Openstack-Request-Id')) {
    response.setHeader('X-Openstack-Request-Id', `req-${randomUUID()}`);
    response.setHeader('X-Content-Type-Options', 'nosniff');
  }
  answerOf(request, planes)(request, response, toAppError(thrown), {});
}

function toAppError(thrown: unknown): AppError {
  if (isAppError(thrown)) return thrown;
  const status = thrown instanceof Error && 'statusCode' in thrown ? thrown.statusCode : undefined;
  const isOurs = typeof status !== 'number' || status >= 500;
  if (isOurs) return new AppError('INTERNAL', undefined, { cause: thrown });
  if (status === 413) return new AppError('REQUEST_TOO_LARGE');
  return status === 415 ? new AppError('MEDIA_TYPE_UNSUPPORTED') : new AppError('REQUEST_MALFORMED');
}

function answerOf(request: IncomingMessage, planes: Planes): HttpPlane<OpContext>['answerError'] {
  return planeOf(request, planes)?.answerError ?? answerProblem;
}

function planeOf(request: IncomingMessage, planes: Planes): HttpPlane<OpContext> | undefined {
  const path = request.url?.split('?', 1)[0] ?? '';
  return planes.find((plane) => plane.owns(path));
}
