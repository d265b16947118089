/** Requests that reach no route: unknown paths, and URLs that the router cannot read. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError, isAppError } from '#base/app-error.ts';
import type { HttpPlane } from '#base/http-route.ts';
import { answerProblem } from '#base/problem-details.ts';
import type { OpContext } from '#ops/context.ts';
import { type DispatchOptions, withDeadline } from './dispatch.ts';
import { answerThrown } from './error-boundary.ts';
import { stateOf } from './request-state.ts';

type Planes = readonly HttpPlane<OpContext>[];

export function answerUnknownPath(
  request: IncomingMessage,
  response: ServerResponse,
  planes: Planes,
  options: DispatchOptions,
): void {
  const plane = planeOf(request, planes);
  const { settings } = options.services;
  if (plane?.answerUnknown?.({ settings, request, response }) === true) return;
  const answer = answerOf(request, planes);
  const refuse = async (): Promise<never> => {
    if (plane?.knowsCallersOnly === true) stateOf(request).caller = await options.authenticate(request);
    throw new AppError('PATH_NOT_FOUND');
  };
  withDeadline(request, response, options, answer, refuse).catch((error: unknown) =>
    answerThrown(request, response, error, answer, options),
  );
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
  return isOurs ? new AppError('INTERNAL', undefined, { cause: thrown }) : new AppError('REQUEST_MALFORMED');
}

function answerOf(request: IncomingMessage, planes: Planes): HttpPlane<OpContext>['answerError'] {
  return planeOf(request, planes)?.answerError ?? answerProblem;
}

function planeOf(request: IncomingMessage, planes: Planes): HttpPlane<OpContext> | undefined {
  const path = request.url?.split('?', 1)[0] ?? '';
  return planes.find((plane) => plane.owns(path));
}
