/** A load generator that costs little: keep-alive connections over bare sockets, one request at a time on each. */
import { connect, type Socket } from 'node:net';

export interface LoadOptions {
  readonly port: number;
  readonly connections: number;
  readonly durationMs: number;
  /** The bytes of the nth request, with a Content-Length where it has a body. */
  readonly request: (index: number) => string;
  /** Checks one answer now and then; throws where it is not what was asked for. */
  readonly check: (answer: string) => void;
}

export interface LoadResult {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const endOfHead = Buffer.from('\r\n\r\n');
const endOfChunks = Buffer.from('\r\n0\r\n\r\n');
const checkEvery = 997;

export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const times: number[] = [];
  const start = performance.now();
  const until = start + options.durationMs;
  let next = 0;
  const connections = Array.from({ length: options.connections }, () =>
    runConnection(options, until, times, () => {
      next += 1;
      return next - 1;
    }),
  );
  await Promise.all(connections);
  const seconds = (performance.now() - start) / 1000;
  times.sort((a, b) => a - b);
  const at = (part: number): number => times[Math.floor(times.length * part)] ?? 0;
  return { requestsPerSecond: times.length / seconds, p50Ms: at(0.5), p99Ms: at(0.99) };
}

async function runConnection(options: LoadOptions, until: number, times: number[], nextIndex: () => number): Promise<void> {
  const socket = connect({ port: options.port, host: '127.0.0.1', noDelay: true });
  try {
    while (performance.now() < until) {
      const index = nextIndex();
      const begun = performance.now();
      socket.write(options.request(index));
      const answer = await readAnswer(socket);
      times.push(performance.now() - begun);
      if (index % checkEvery === 0) options.check(answer.toString());
    }
  } finally {
    socket.destroy();
  }
}

function readAnswer(socket: Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let received: Buffer | undefined;
    const done = (): void => {
      socket.off('data', onData).off('error', reject).off('close', onClose);
    };
    const onClose = (): void => reject(new Error('the server closed the connection'));
    const onData = (chunk: Buffer): void => {
      received = received === undefined ? chunk : Buffer.concat([received, chunk]);
      if (!isWhole(received)) return;
      done();
      resolve(received);
    };
    socket.on('data', onData).once('error', reject).once('close', onClose);
  });
}

function isWhole(bytes: Buffer): boolean {
  const head = bytes.indexOf(endOfHead);
  if (head < 0) return false;
  const length = /content-length: (\d+)/i.exec(bytes.toString('latin1', 0, head))?.[1];
  if (length !== undefined) return bytes.length >= head + endOfHead.length + Number(length);
  return bytes.subarray(-endOfChunks.length).equals(endOfChunks);
}

export function getRequest(path: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;
}

export function postRequest(path: string, body: string, headers: Readonly<Record<string, string>> = {}): string {
  const lines = Object.entries({ 'Content-Type': 'application/json', ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  return `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${lines.join('')}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

/** The middle of an odd number of values. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
