/** Mounts what operators and load balancers ask for without a token: health and metrics. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { AppError } from '#base/app-error.ts';
import { answerProblem } from '#base/problem-details.ts';
import { answerAlive, answerHealthcheck, answerReady, type HealthOptions } from './health.ts';
import { listening } from './listen.ts';
import type { Metrics } from './metrics.ts';
import { stateOf } from './request-state.ts';

export interface OpsOptions {
  readonly health: HealthOptions;
  /** Undefined: they are elsewhere. */
  readonly metrics: Metrics | undefined;
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

export function mountOps(app: FastifyInstance, options: OpsOptions): void {
  // Balancers in front of clouds look at /healthcheck, some of them below it.
  const healthcheck: Answer = (request, response) => answerHealthcheck(request, response, options.health);
  const answers = { ...opsAnswers(options), '/healthcheck': healthcheck, '/healthcheck/*': healthcheck };
  for (const [path, answer] of Object.entries(answers)) {
    app.all(path, async (request, reply) => {
      reply.hijack();
      stateOf(request.raw).route = path;
      await answerRead(request.raw, reply.raw, isAsWritten(request.raw, path) ? answer : answerNothing);
    });
  }
}

function opsAnswers({ health, metrics }: OpsOptions): Record<string, Answer> {
  return {
    '/healthz': answerAlive,
    '/readyz': (request, response) => answerReady(request, response, health),
    ...(metrics === undefined ? {} : { '/metrics': metrics.answer }),
  };
}

/** The router reads the path decoded; a proxy that keeps it inside knows this spelling only. */
function isAsWritten(request: IncomingMessage, path: string): boolean {
  return path.endsWith('*') || request.url?.split('?', 1)[0] === path;
}

const answerNothing: Answer = (request, response) => answerProblem(request, response, new AppError('PATH_NOT_FOUND'));

/** Never rejects: an answer that cannot be given is a cut, for whoever watches over the server must not wait for it. */
async function answerRead(request: IncomingMessage, response: ServerResponse, answer: Answer): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    answerProblem(request, response, new AppError('METHOD_NOT_ALLOWED'), { Allow: 'GET, HEAD' });
    return;
  }
  try {
    await answer(request, response);
  } catch {
    response.destroy();
  }
}

export interface OpsListener extends AsyncDisposable {
  readonly url: string;
}

/** Health and metrics on a listener of their own, where one is asked for. */
export async function openOpsListener(
  address: { readonly host: string; readonly port: number } | undefined,
  options: OpsOptions,
): Promise<OpsListener | undefined> {
  if (address === undefined) return undefined;
  const answers = opsAnswers(options);
  const server = createServer((request, response) => {
    const path = request.url?.split('?', 1)[0] ?? '';
    const found = Object.hasOwn(answers, path) ? answers[path] : undefined;
    if (found === undefined) void answerNothing(request, response);
    else void answerRead(request, response, found);
  });
  server.listen(address.port, address.host);
  await listening(once(server, 'listening'), address);
  const bound = server.address();
  const port = bound === null || typeof bound === 'string' ? address.port : bound.port;
  return {
    url: `http://${address.host.includes(':') ? `[${address.host}]` : address.host}:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
