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
  const reason = await whyNotReady(options);
  if (reason === undefined) answerStatus(request, response, 200, { status: 'ready' });
  else answerStatus(request, response, 503, { status: 'not ready', reason });
}

/** The same in the words of a cloud's other services: `OK` as text, or as JSON for who asks for that. */
export async function answerHealthcheck(
  request: IncomingMessage,
  response: ServerResponse,
  options: HealthOptions,
): Promise<void> {
  const reason = await whyNotReady(options);
  const status = reason === undefined ? 200 : 503;
  const said = reason ?? 'OK';
  if (request.headers.accept?.includes('application/json') === true) {
    answerText(request, response, status, 'application/json', JSON.stringify({ detailed: false, reasons: [said] }));
  } else answerText(request, response, status, 'text/plain; charset=UTF-8', said);
}

async function whyNotReady(options: HealthOptions): Promise<string | undefined> {
  if (!options.isOpen()) return 'starting or stopping';
  const timeout = new AbortController();
  const isAnswered = await Promise.race([
    options.ping().then(
      () => true,
      () => false,
    ),
    sleep(pingDeadlineMs, false, { signal: timeout.signal }).catch(() => false),
  ]);
  timeout.abort();
  return isAnswered ? undefined : 'the database does not answer';
}

function answerStatus(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  body: Readonly<Record<string, string>>,
): void {
  answerText(request, response, status, 'application/json', JSON.stringify(body));
}

function answerText(request: IncomingMessage, response: ServerResponse, status: number, type: string, text: string): void {
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
  });
  response.end(request.method === 'HEAD' ? undefined : text);
}
