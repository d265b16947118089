/** The client of one Vitrine: GraphQL documents and the bytes plane, with the caller's token. */
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { AppError } from '#base/app-error.ts';
import { isJsonObject, type Json, type JsonObject } from '#base/json.ts';
import type { CliIo } from './cli-io.ts';
import { exchange, exchangeAny, knownCode, readText, toFaults } from './http-exchange.ts';
import { textOf } from './json-values.ts';

export interface ApiClient {
  readonly url: URL;
  /** The data of a query, as an object. @throws AppError for the first of its errors */
  query(document: string, variables?: JsonObject): Promise<JsonObject>;
  /** The payload of a mutation with one field, whose result is a union. @throws AppError for a typed error */
  mutate(document: string, input: JsonObject): Promise<JsonObject>;
  /** @param path on this server, without host */
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<IncomingMessage>;
  getText(path: string): Promise<string>;
  /** A cancelled command still cleans up after itself: `signal` replaces the command's own. */
  put(path: string, headers: Readonly<Record<string, string>>, body: Readable | Uint8Array): Promise<JsonObject>;
  post(path: string, headers: Readonly<Record<string, string>>, body: Readable | Uint8Array): Promise<JsonObject>;
  /** The answer whatever its status, for protocols that speak in statuses. */
  request(request: PlainRequest): Promise<IncomingMessage>;
  /** The same client under another signal. */
  withSignal(signal: AbortSignal): ApiClient;
}

interface PlainRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Readable | Uint8Array | undefined;
}

const defaultUrl = 'http://127.0.0.1:9292';
/** A closure with inline text can be large; blobs never come this way. */
const answerBytesMax = 256 * 1024 * 1024;

/** @throws AppError USAGE for an address or a token that is none */
export function createApiClient(io: CliIo): ApiClient {
  const text = io.env['VITRINE_URL'] || defaultUrl;
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new AppError('USAGE', `VITRINE_URL is not an http or https address: ${text}`);
  }
  const token = io.env['VITRINE_TOKEN'];
  // A line break of a file would be refused as a header, in words that help nobody. The text itself is a secret.
  if (token !== undefined && !/^[\x21-\x7e]*$/.test(token)) {
    throw new AppError('USAGE', 'VITRINE_TOKEN is not a token: it has spaces, line breaks or letters that no token has.');
  }
  return bind(new URL(text), token, io.signal);
}

/**
 * The path on this server that an answer names, which must not send the caller's token elsewhere: a backslash counts as a slash in
 * an address, and a tab as nothing.
 */
export function assertLocal(path: string): string {
  if (/^\/(?!\/)[!-[\]-~]*$/.test(path)) return path;
  throw new AppError('INTERNAL', `The server named a strange address: ${path}`);
}

function bind(url: URL, token: string | undefined, signal: AbortSignal): ApiClient {
  const authorization: Readonly<Record<string, string>> = token ? { authorization: `Bearer ${token}` } : {};
  const at = (path: string) => new URL(`${url.pathname.replace(/\/$/, '')}${path}`, url);
  const query = async (document: string, variables: JsonObject = {}): Promise<JsonObject> => {
    const headers = {
      ...authorization,
      'content-type': 'application/json',
      accept: 'application/graphql-response+json, application/json',
    };
    const body = JSON.stringify({ query: document, variables });
    const request = { method: 'POST', url: at('/graphql'), headers, body, signal } as const;
    const response = await exchange(request).catch((error: unknown) => {
      throw graphqlFailure(error, request.url);
    });
    return readData(parseAnswer(await readText(response, answerBytesMax)));
  };
  const send = async (
    method: 'PUT' | 'POST',
    path: string,
    headers: Readonly<Record<string, string>>,
    body: Readable | Uint8Array,
  ): Promise<JsonObject> => {
    const response = await exchange({ method, url: at(path), headers: { ...authorization, ...headers }, body, signal });
    return parseAnswer(await readText(response, answerBytesMax));
  };
  return {
    url,
    query,
    async mutate(document, input) {
      const [result] = Object.values(await query(document, { input }));
      if (!isJsonObject(result)) throw new AppError('INTERNAL', 'The server answered a mutation with nothing.');
      if (typeof result['code'] === 'string') throw typedError(result);
      return result;
    },
    get: (path, headers = {}) => exchange({ method: 'GET', url: at(path), headers: { ...authorization, ...headers }, signal }),
    async getText(path) {
      return readText(await this.get(path), answerBytesMax);
    },
    put: (path, headers, body) => send('PUT', path, headers, body),
    post: (path, headers, body) => send('POST', path, headers, body),
    request: ({ method, path, headers = {}, body }) =>
      exchangeAny({ method, url: at(path), headers: { ...authorization, ...headers }, body, signal }),
    withSignal: (other) => bind(url, token, other),
  };
}

/** Under `application/graphql-response+json` errors come with a status of their own, and their body is GraphQL's. */
function graphqlFailure(error: unknown, { origin, pathname }: URL): unknown {
  if (!(error instanceof AppError)) return error;
  if (Array.isArray(error.details['errors'])) return firstError(error.details['errors']);
  if (error.code !== 'PATH_NOT_FOUND' && error.code !== 'METHOD_NOT_ALLOWED') return error;
  // Not the exit code of an artifact that is not there.
  return new AppError('SERVER_UNREACHABLE', `No GraphQL answers at ${origin}${pathname}. Is this address a Vitrine?`, {
    cause: error,
  });
}

function readData(answer: JsonObject): JsonObject {
  const errors = answer['errors'];
  if (Array.isArray(errors) && errors.length > 0) throw firstError(errors);
  const data = answer['data'];
  if (!isJsonObject(data)) throw new AppError('SERVER_UNREACHABLE', 'The answer has no data. Is this address a Vitrine?');
  return data;
}

function firstError(errors: readonly Json[]): AppError {
  const [error] = errors.filter(isJsonObject);
  const extensions = isJsonObject(error?.['extensions']) ? error['extensions'] : {};
  const code = typeof extensions['code'] === 'string' ? extensions['code'] : '';
  const details = isJsonObject(extensions['details']) ? extensions['details'] : {};
  return new AppError(knownCode(code, code === '' ? 400 : 500), textOf(error?.['message']) || 'The query failed.', {
    faults: toFaults(extensions['faults'] ?? extensions['errors']),
    details,
  });
}

/** One of the typed errors of a mutation (`... on Error`), with its faults or its problems of dependencies. */
function typedError(result: JsonObject): AppError {
  const problems = Array.isArray(result['problems']) ? result['problems'].filter(isJsonObject) : [];
  const faults = problems.map((problem) => ({ pointer: textOf(problem['alias']), message: textOf(problem['message']) }));
  const details = isJsonObject(result['details']) ? result['details'] : {};
  return new AppError(knownCode(textOf(result['code']), 400), textOf(result['message']), {
    faults: [...toFaults(result['faults']), ...faults],
    details,
  });
}

function parseAnswer(text: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new AppError('SERVER_UNREACHABLE', 'The answer is not JSON. Is this address a Vitrine?', { cause });
  }
  if (isJsonObject(value)) return value;
  throw new AppError('SERVER_UNREACHABLE', 'The answer is not a JSON object. Is this address a Vitrine?');
}
