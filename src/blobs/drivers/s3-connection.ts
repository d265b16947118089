/** Requests to one bucket: signed by the `minio` client, sent by ours, each with a deadline on silence and a few retries. */
import http from 'node:http';
import https from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'minio';
import { AppError } from '#base/app-error.ts';
import type { S3StoreConfig } from '../store-config.ts';
import { guardSilence, readText } from './s3-body.ts';
import { isPassing, S3ResponseError, S3SkewError, S3TimeoutError } from './s3-error.ts';
import { findXmlText } from './s3-xml.ts';

const defaultIdleTimeoutMs = 30_000;
const attempts = 4;
// A store that hangs is tried once more only: each such attempt costs the whole timeout.
const timeoutsMax = 2;
const backoffMs = 100;
const signatureSeconds = 3600;
const errorBodyMaxBytes = 64 * 1024;
/** Servers take a signature that is off by a quarter of an hour. */
const skewMaxMs = 5 * 60_000;

type S3Method = 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';

interface S3Request {
  readonly method: S3Method;
  /** The full object name; '' for the bucket itself. */
  readonly object: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: S3Body | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Default: the connection's. */
  readonly idleTimeoutMs?: number;
  /** Called before each repetition: the attempt before may have taken effect unnoticed. */
  readonly onRepeat?: (() => void) | undefined;
}

/** Something that can be sent again when an attempt fails. */
export interface S3Body {
  readonly length: number;
  /** Writes everything to the request and ends it. */
  send(request: http.ClientRequest): void;
}

export interface S3Connection {
  readonly idleTimeoutMs: number;
  /** Resolves with an answer of status 2xx, its body unread: read it, or destroy it. @throws S3ResponseError, S3TimeoutError, a system error, the signal's reason */
  request(request: S3Request): Promise<http.IncomingMessage>;
  /** The same, for answers with a short body, which is read. */
  requestText(request: S3Request): Promise<{ readonly text: string; readonly response: http.IncomingMessage }>;
  close(): void;
}

export function connectS3(config: S3StoreConfig): S3Connection {
  const endpoint = parseEndpoint(config);
  const isTls = endpoint.protocol === 'https:';
  const transport = isTls ? https : http;
  const agent = new transport.Agent({ keepAlive: true, maxFreeSockets: 16, scheduling: 'lifo' });
  const idleTimeoutMs = config.idleTimeoutMs ?? defaultIdleTimeoutMs;
  const signer = new Client({
    endPoint: endpoint.hostname.replace(/^\[|\]$/g, ''),
    ...(endpoint.port === '' ? {} : { port: Number(endpoint.port) }),
    useSSL: isTls,
    accessKey: config.accessKey,
    secretKey: config.secretKey,
    // Without a region the client would ask the server for it, with retries and console output of its own.
    region: config.region ?? 'us-east-1',
    pathStyle: config.pathStyle ?? true,
  });

  // How far the server's clock is ahead of this node's, whose own may be hours off.
  let skewMs = 0;

  async function attempt(request: S3Request): Promise<http.IncomingMessage> {
    const { method, object, query } = request;
    const now = new Date(Date.now() + skewMs);
    const url = await signer.presignedUrl(method, config.bucket, object, signatureSeconds, { ...query }, now);
    const response = await send(url, request, { transport, agent, idleTimeoutMs: request.idleTimeoutMs ?? idleTimeoutMs });
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return response;
    guardSilence(response, request.idleTimeoutMs ?? idleTimeoutMs);
    const text = await readText(response, errorBodyMaxBytes).catch(() => '');
    if (status === 403 && noteSkew(response)) throw new S3SkewError();
    throw new S3ResponseError(status, findXmlText(text, 'Code') ?? '');
  }

  /** True where the server's clock shows another time than was signed: the same request, signed by that, may be taken. */
  function noteSkew({ headers }: http.IncomingMessage): boolean {
    const found = Date.parse(headers.date ?? '') - Date.now();
    if (!(Math.abs(found - skewMs) > skewMaxMs)) return false;
    skewMs = found;
    return true;
  }

  async function request(asked: S3Request): Promise<http.IncomingMessage> {
    let timeouts = 0;
    for (let count = 1; ; count += 1) {
      asked.signal?.throwIfAborted();
      try {
        return await attempt(asked);
      } catch (error) {
        asked.signal?.throwIfAborted();
        if (error instanceof S3TimeoutError) timeouts += 1;
        if (count >= attempts || timeouts >= timeoutsMax || !isPassing(error)) throw error;
        // Full jitter, so that the parts of many uploads do not come back together.
        await sleep(backoffMs * 2 ** count * Math.random(), undefined, { signal: asked.signal });
        asked.onRepeat?.();
      }
    }
  }

  return {
    idleTimeoutMs,
    request,
    async requestText(asked) {
      const response = await request(asked);
      guardSilence(response, asked.idleTimeoutMs ?? idleTimeoutMs);
      return { response, text: await readText(response) };
    },
    close: () => agent.destroy(),
  };
}

interface Wire {
  readonly transport: typeof http | typeof https;
  readonly agent: http.Agent;
  readonly idleTimeoutMs: number;
}

function send(url: string, asked: S3Request, wire: Wire): Promise<http.IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
  const headers = { ...asked.headers, 'content-length': String(asked.body?.length ?? 0) };
  const request = wire.transport.request(url, {
    method: asked.method,
    agent: wire.agent,
    headers: asked.method === 'GET' || asked.method === 'HEAD' ? asked.headers : headers,
    // On the socket from its first moment: a connection that never comes up counts as silence too.
    timeout: wire.idleTimeoutMs,
    signal: asked.signal,
  });
  request.once('timeout', () => request.destroy(new S3TimeoutError()));
  request.once('error', reject);
  request.once('response', (response) => {
    request.setTimeout(0);
    // Who answers before it has read all may never read the rest: neither connection nor body waits for that.
    response.once('close', () => {
      if (!request.writableFinished) request.destroy();
    });
    resolve(response);
  });
  if (asked.body === undefined) request.end();
  else asked.body.send(request);
  return promise;
}

function parseEndpoint(config: S3StoreConfig): URL {
  const endpoint = URL.parse(config.endpoint);
  if (endpoint !== null && /^https?:$/.test(endpoint.protocol) && endpoint.pathname === '/') return endpoint;
  throw new AppError('CONFIG_INVALID', `The endpoint of the store '${config.name}' must be http(s)://host[:port].`);
}
