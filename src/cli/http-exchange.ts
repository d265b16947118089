/** One HTTP exchange with a Vitrine: streams both ways, and every failure as a catalogue error. */
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AppError, type Fault } from '#base/app-error.ts';
import { type ErrorCode, errorCatalogue } from '#base/error-catalogue.ts';
import { isJsonObject, type JsonObject } from '#base/json.ts';
import { textOf } from './json-values.ts';

export interface ExchangeRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Sent as it is, or streamed once the server said that it wants it. */
  readonly body?: string | Uint8Array | Readable | undefined;
  readonly signal: AbortSignal;
}

/** No byte in either direction for so long: the other side is gone. A slow store may take long to confirm a large blob. */
const idleTimeoutMs = 300_000;
/** A server that knows nothing of `Expect: 100-continue` gets the body after so long. */
const continueTimeoutMs = 2_000;
/** What an error has elsewhere; any other member of problem details is a fact to act on. */
const problemMembers: ReadonlySet<string> = new Set('type title status detail instance code remedy errors'.split(' '));
const errorBodyBytesMax = 1024 * 1024;

/** The answer once its head is there. @throws AppError SERVER_UNREACHABLE, or what the server answered from 400 on */
export async function exchange(request: ExchangeRequest): Promise<IncomingMessage> {
  const response = await exchangeAny(request);
  const status = response.statusCode ?? 0;
  if (status >= 200 && status < 300) return response;
  throw await readFailure(response);
}

/** What the server said was wrong. */
export async function readFailure(response: IncomingMessage): Promise<AppError> {
  const status = response.statusCode ?? 0;
  const requestId = status >= 500 ? response.headers['x-openstack-request-id'] : undefined;
  const text = await readText(response, errorBodyBytesMax).catch(() => '');
  const { location } = response.headers;
  if (status < 300 || status > 399 || location === undefined) return toAppError(status, text, requestId);
  // Not followed: the token is for the address that its owner has set.
  const message = `The server is not at this address: it redirects to ${location}`;
  return new AppError('SERVER_UNREACHABLE', message, { details: { location } });
}

/** @throws AppError REQUEST_TOO_LARGE when the text is longer, SERVER_UNREACHABLE when it ends too soon */
export async function readText(response: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxBytes) throw new AppError('REQUEST_TOO_LARGE', `The answer has more than ${maxBytes} bytes.`);
      chunks.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new AppError('SERVER_UNREACHABLE', 'The connection ended in the middle of an answer.', { cause });
  }
  return Buffer.concat(chunks).toString();
}

/** The answer, whatever its status, once its head is there. @throws AppError SERVER_UNREACHABLE */
export function exchangeAny({ method, url, headers, body, signal }: ExchangeRequest): Promise<IncomingMessage> {
  const start = url.protocol === 'https:' ? httpsRequest : httpRequest;
  const isStream = body !== undefined && typeof body !== 'string' && !(body instanceof Uint8Array);
  const expectation = isStream ? { expect: '100-continue' } : {};
  return new Promise((resolve, reject) => {
    const request = start(url, { method, headers: { ...headers, ...expectation }, signal, timeout: idleTimeoutMs });
    let answered = false;
    request.on('timeout', () => request.destroy(new Error('it did not answer in time')));
    request.on('response', (response) => {
      answered = true;
      resolve(response);
    });
    // A server that refuses a body may close while it is still being sent; its answer counts, not the broken pipe.
    request.on('error', (cause) => {
      if (!answered) reject(signal.aborted ? signal.reason : unreachable(url, cause));
    });
    if (isStream) sendWhenWanted(request, body, (cause) => !answered && reject(cause));
    else request.end(body);
  });
}

function sendWhenWanted(request: ClientRequest, body: Readable, onFailure: (cause: unknown) => void): void {
  let begun = false;
  const begin = () => {
    clearTimeout(timer);
    if (begun) return;
    begun = true;
    // What goes wrong with the request itself is told by its own events; here only the file can fail.
    body.on('error', onFailure);
    pipeline(body, request).catch(() => undefined);
  };
  const timer = setTimeout(begin, continueTimeoutMs);
  request.on('continue', begin);
  request.on('response', () => {
    clearTimeout(timer);
    if (!begun) body.destroy();
  });
  request.on('close', () => {
    clearTimeout(timer);
    body.destroy();
  });
  request.flushHeaders();
}

function unreachable(url: URL, cause: Error): AppError {
  // Happy eyeballs give several errors in one without a message.
  const why = cause instanceof AggregateError ? cause.errors.map((error: unknown) => String(error)).join('; ') : cause.message;
  return new AppError('SERVER_UNREACHABLE', `No Vitrine answers at ${url.origin}: ${why}`, { cause });
}

/** Problem details (RFC 9457) as the error they were made from. */
function toAppError(status: number, text: string, requestId: string | string[] | undefined): AppError {
  const problem = parseObject(text);
  const detail = problem['detail'] ?? problem['title'];
  const code = typeof problem['code'] === 'string' ? problem['code'] : '';
  const sentence = typeof detail === 'string' ? detail : `The server answered with status ${status}.`;
  // The operator finds the cause by it.
  const message = requestId === undefined ? sentence : `${sentence} (request ${String(requestId)})`;
  // Without a code it is no problem of Vitrine's but, say, the body of a GraphQL error, whose reader wants all of it.
  const details = code === '' ? problem : Object.fromEntries(Object.entries(problem).filter(([key]) => !problemMembers.has(key)));
  return new AppError(knownCode(code, status), message, { faults: toFaults(problem['errors']), details });
}

/** The code where this version knows it, else the closest by status. */
export function knownCode(code: string, status: number): ErrorCode {
  if (Object.hasOwn(errorCatalogue, code)) return code as ErrorCode;
  if (status === 401) return 'UNAUTHENTICATED';
  if (status === 403) return 'FORBIDDEN';
  if (status === 404) return 'PATH_NOT_FOUND';
  if (status === 405) return 'METHOD_NOT_ALLOWED';
  if (status === 413) return 'REQUEST_TOO_LARGE';
  if (status === 429) return 'RATE_LIMITED';
  if (status === 502 || status === 503 || status === 504) return 'SERVER_UNREACHABLE';
  return status >= 500 || status === 0 ? 'INTERNAL' : 'INPUT_INVALID';
}

/** Faults as problem details (`detail`) or GraphQL (`message`) write them. */
export function toFaults(value: unknown): Fault[] {
  if (!Array.isArray(value)) return [];
  return value.filter(isJsonObject).map((item) => ({
    pointer: textOf(item['pointer']),
    message: textOf(item['message'] ?? item['detail']),
  }));
}

function parseObject(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : {};
  } catch {
    return {};
  }
}
