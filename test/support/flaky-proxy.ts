/** An HTTP proxy before a real server that can be told to misbehave: refuse, cut connections, lose answers, hang. */
import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';

/**
 * `pass` forwards · a number answers that status without forwarding · `cut` closes the connection once the request has begun ·
 * `lose` forwards everything and then closes instead of answering · `hang` reads and never answers · a promise forwards after it.
 */
export type Verdict = 'pass' | 'cut' | 'lose' | 'hang' | number | Promise<unknown>;

export interface FlakyProxy extends AsyncDisposable {
  readonly endpoint: string;
  /** Asked for each request; `pass` by default. */
  decide: (request: IncomingMessage) => Verdict;
  /** Method and path with query of every request so far. */
  readonly seen: string[];
}

export async function startFlakyProxy(target: string): Promise<FlakyProxy> {
  const upstream = new URL(target);
  const proxy: Pick<FlakyProxy, 'decide' | 'seen'> = { decide: () => 'pass', seen: [] };
  const server = http.createServer((request, response) => {
    proxy.seen.push(`${request.method} ${request.url}`);
    const verdict = proxy.decide(request);
    if (verdict === 'cut') request.once('data', () => request.socket.destroy());
    else if (verdict === 'hang') request.resume();
    else if (verdict instanceof Promise) void verdict.then(() => forward(upstream, request, response, false));
    else if (typeof verdict === 'number') {
      request.resume();
      request.once('end', () => {
        response.writeHead(verdict, { 'content-type': 'application/xml' });
        response.end('<?xml version="1.0"?><Error><Code>SlowDown</Code></Error>');
      });
    } else forward(upstream, request, response, verdict === 'lose');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return Object.assign(proxy, {
    endpoint: `http://127.0.0.1:${address.port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  });
}

function forward(upstream: URL, request: IncomingMessage, response: ServerResponse, isLost: boolean): void {
  // The Host header stays as the client signed it.
  const { method, url, headers } = request;
  const outgoing = http.request({ host: upstream.hostname, port: upstream.port, method, path: url, headers, agent: false });
  outgoing.once('response', (answer) => {
    if (isLost) {
      answer.resume().once('end', () => request.socket.destroy());
      return;
    }
    if (response.destroyed) {
      answer.resume();
      return;
    }
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    pipeline(answer, response, () => undefined);
  });
  outgoing.once('error', () => request.socket.destroy());
  pipeline(request, outgoing, () => undefined);
}
