/** Sends one request to Keystone and reads its answer: bounded in time and size. */
import { readFileSync } from 'node:fs';
import { type ClientRequest, Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { rootCertificates } from 'node:tls';
import { AppError } from '#base/app-error.ts';

interface KeystoneRequest {
  readonly method: 'GET' | 'POST';
  /** Below the version: `/auth/tokens`. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface KeystoneAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** Undefined for what is no JSON. */
  readonly body: unknown;
}

export interface KeystoneHttp extends Disposable {
  /** Rejects with the reason when no whole answer came in time. */
  readonly send: (request: KeystoneRequest) => Promise<KeystoneAnswer>;
}

export interface KeystoneHttpOptions {
  /** With or without `/v3`. */
  readonly url: string;
  readonly timeoutMs: number;
  /** Certificates in PEM of authorities that are believed beside the usual ones. */
  readonly caFile?: string | undefined;
}

const answerBytesMax = 1_048_576;

/** @throws AppError CONFIG_INVALID for a file of certificates that cannot be read */
export function createKeystoneHttp({ url, timeoutMs, caFile }: KeystoneHttpOptions): KeystoneHttp {
  const base = toVersionedUrl(url);
  const isTls = base.startsWith('https:');
  const pool = { keepAlive: true };
  const agent = isTls ? new HttpsAgent({ ...pool, ...readAuthorities(caFile) }) : new HttpAgent(pool);
  const begin = isTls ? requestHttps : requestHttp;
  const attempt = (request: KeystoneRequest): Promise<KeystoneAnswer> => {
    const { promise, resolve, reject } = Promise.withResolvers<KeystoneAnswer>();
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const headers = { Accept: 'application/json', ...(body === undefined ? {} : bodyHeaders(body)), ...request.headers };
    const signal = AbortSignal.timeout(timeoutMs);
    const sent = begin(`${base}${request.path}`, { method: request.method, headers, agent, signal });
    sent.on('error', (error) => reject(new KeystoneSilence(error, isStale(sent, error))));
    sent.once('response', (response) => {
      readAnswer(response).then(resolve, (error: unknown) => reject(new KeystoneSilence(error, false)));
    });
    sent.end(body);
    return promise;
  };
  return {
    send: (request) =>
      attempt(request).catch((error: unknown) => {
        if (error instanceof KeystoneSilence && error.isStale) return attempt(request);
        throw error;
      }),
    [Symbol.dispose]: () => agent.destroy(),
  };
}

/** No answer, or none that can be read. */
class KeystoneSilence extends Error {
  /** The connection had been kept, and was closed at the other end as it was used again: worth one more attempt. */
  readonly isStale: boolean;
  constructor(cause: unknown, isStale: boolean) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.isStale = isStale;
  }
}

function isStale(request: ClientRequest, error: Error): boolean {
  return request.reusedSocket && 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
}

function toVersionedUrl(url: string): string {
  const bare = url.replace(/\/+$/, '');
  return bare.endsWith('/v3') ? bare : `${bare}/v3`;
}

function readAuthorities(caFile: string | undefined): { ca?: string[] } {
  if (caFile === undefined) return {};
  try {
    return { ca: [...rootCertificates, readFileSync(caFile, 'utf8')] };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new AppError('CONFIG_INVALID', `auth.keystone.caFile cannot be read: ${reason}`);
  }
}

function bodyHeaders(body: string): Readonly<Record<string, string | number>> {
  return { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
}

async function readAnswer(response: IncomingMessage): Promise<KeystoneAnswer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > answerBytesMax) throw new Error(`the answer is longer than ${answerBytesMax} bytes`);
    chunks.push(chunk);
  }
  return { status: response.statusCode ?? 0, headers: response.headers, body: parseBody(Buffer.concat(chunks)) };
}

function parseBody(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}
