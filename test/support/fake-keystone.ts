/** A Keystone that is none, over real HTTP: for outages, refusals and answers that a real one cannot be brought to give. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';

interface FakeToken {
  readonly userId?: string;
  readonly projectId?: string | null;
  readonly roles?: readonly string[];
  readonly expiresAt?: number;
  /** Further members of the token's object. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

export interface FakeKeystone extends AsyncDisposable {
  readonly url: string;
  /** What it confirms, by the token. */
  readonly tokens: Map<string, FakeToken>;
  /** Tokens of the service user that are good now; each login makes one. */
  readonly own: Set<string>;
  /** How long the next logins' tokens are good. */
  ownLifetimeMs: number;
  /** Requests so far, as `GET /v3/auth/tokens?nocatalog token`. */
  readonly asked: string[];
  readonly logins: unknown[];
  /** Answers instead of it, where it is set: nothing at all where it does not end the response. */
  instead: ((request: IncomingMessage, response: ServerResponse) => void | Promise<void>) | undefined;
}

/**
 * @param now what time it is for its tokens
 * @param tls its key and certificate; plain HTTP without
 */
export async function startFakeKeystone(now: () => number, tls?: Pick<ServerOptions, 'key' | 'cert'>): Promise<FakeKeystone> {
  const take = (request: IncomingMessage, response: ServerResponse): void => {
    const subject = request.headers['x-subject-token'];
    fake.asked.push([request.method, request.url, subject].filter((part) => part !== undefined).join(' '));
    if (fake.instead !== undefined) void fake.instead(request, response);
    else if (request.method === 'POST') void answerLogin(request, response);
    else answerValidation(request, response);
  };
  const server = tls === undefined ? createServer(take) : createTlsServer(tls, take);
  const answerLogin = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    fake.logins.push(JSON.parse(Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>)).toString()));
    const secret = `own-${fake.logins.length}`;
    fake.own.add(secret);
    const expires = new Date(now() + fake.ownLifetimeMs).toISOString();
    answerJson(response, 201, { token: { expires_at: expires } }, { 'X-Subject-Token': secret });
  };
  const answerValidation = (request: IncomingMessage, response: ServerResponse): void => {
    const { 'x-auth-token': own, 'x-subject-token': subject, 'openstack-identity-access-rules': rules } = request.headers;
    const token = fake.tokens.get(String(subject));
    const isOver = token?.expiresAt !== undefined && token.expiresAt <= now() && !request.url?.includes('allow_expired=1');
    if (!fake.own.has(String(own))) answerJson(response, 401, { error: { code: 401 } });
    else if (token === undefined || isOver || (token.extra?.['application_credential'] !== undefined && rules !== '1.0'))
      answerJson(response, 404, { error: { code: 404 } });
    else answerJson(response, 200, { token: toBody(token, now()) });
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const fake: FakeKeystone = {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${address.port}`,
    tokens: new Map(),
    own: new Set(),
    ownLifetimeMs: 3_600_000,
    asked: [],
    logins: [],
    instead: undefined,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
  return fake;
}

function toBody({ userId = 'u', projectId = 'p', roles = ['member'], expiresAt, extra }: FakeToken, now: number): object {
  return {
    user: { id: userId, name: 'any', domain: { id: 'default', name: 'Default' } },
    ...(projectId === null ? {} : { project: { id: projectId, name: 'any' } }),
    roles: roles.map((name) => ({ id: `id-of-${name}`, name })),
    expires_at: new Date(expiresAt ?? now + 3_600_000).toISOString(),
    ...extra,
  };
}

export function answerJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text), ...headers });
  response.end(text);
}
