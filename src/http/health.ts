/** Is the process alive, and may it be sent requests? */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

export interface HealthOptions {
  /** False before the start is over and from the moment the drain begins. */
  readonly isOpen: () => boolean;
  /** Resolves when the database has answered. */
  readonly ping: () => Promise<unknown>;
}

const pingDeadlineMs = 2_000;

export function answerAlive(request: IncomingMessage, response: ServerResponse): void {
  answerStatus(request, response, 200, { status: 'alive' });
}

export async function answerReady(request: IncomingMessage, response: ServerResponse, options: HealthOptions): Promise<void> {
  if (!options.isOpen()) return answerStatus(request, response, 503, { status: 'not ready', reason: 'starting or stopping' });
  const timeout = new AbortController();
  const answered = await Promise.race([
    options.ping().then(
      () => true,
      () => false,
    ),
    sleep(pingDeadlineMs, false, { signal: timeout.signal }).catch(() => false),
  ]);
  timeout.abort();
  if (answered) answerStatus(request, response, 200, { status: 'ready' });
  else answerStatus(request, response, 503, { status: 'not ready', reason: 'the database does not answer' });
}

function answerStatus(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  body: Readonly<Record<string, string>>,
): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
  });
  response.end(request.method === 'HEAD' ? undefined : text);
}
