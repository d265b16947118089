/** Mounts the GraphQL plane: it reads its own body and answers in its own form, behind the same caller and deadline. */
import type { FastifyInstance } from 'fastify';
import { AppError } from '#base/app-error.ts';
import { answerProblem } from '#base/problem-details.ts';
import { contextOf, type DispatchOptions, withDeadline } from './dispatch.ts';
import { answerThrown } from './error-boundary.ts';
import type { GraphqlHandler } from './http-server.ts';
import { inRequestSpan } from './request-span.ts';
import { giveLeave, stateOf } from './request-state.ts';

export function mountGraphql(app: FastifyInstance, handle: GraphqlHandler, options: DispatchOptions): void {
  app.all('/graphql', (request, reply) => {
    reply.hijack();
    const { raw } = request;
    const response = reply.raw;
    const state = stateOf(raw);
    state.route = '/graphql';
    const run = async (): Promise<void> => {
      // The router reads the path decoded; the handler only knows this spelling, and has no words for another.
      if (raw.url?.split('?', 1)[0] !== '/graphql') throw new AppError('PATH_NOT_FOUND');
      // A browser asks before it sends a form of another site: it gets no leave, and no method but these two is GraphQL's.
      if (raw.method !== 'GET' && raw.method !== 'POST') throw new AppError('METHOD_NOT_ALLOWED');
      state.caller = await options.authenticate(raw);
      giveLeave(raw, response);
      await handle(raw, response, contextOf(raw, options.services));
    };
    withDeadline(raw, response, options, answer, () => inRequestSpan(raw, response, run)).catch((error: unknown) =>
      answerThrown(raw, response, error, answer, options),
    );
  });
}

const answer: typeof answerProblem = (request, response, error, extra) =>
  answerProblem(request, response, error, error.code === 'METHOD_NOT_ALLOWED' ? { ...extra, Allow: 'GET, POST' } : extra);
