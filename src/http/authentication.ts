/** Who is calling: the strategies in force. A token that is sent decides alone; `dev` is for who sends none, on loopback. */
import type { IncomingMessage } from 'node:http';
import { AppError } from '#base/app-error.ts';
import { type Caller, identifyDev, isOwnToken, type Keystone } from '#policy/policy.ts';

export type Authenticate = (request: IncomingMessage) => Caller | Promise<Caller>;

export interface AuthenticationOptions {
  /** Of Vitrine's own tokens; undefined for what is no valid one. Left out where they are not taken. */
  readonly authenticateToken?: ((secret: string) => Promise<Caller | undefined>) | undefined;
  /** Of every other token; left out where none is asked. */
  readonly keystone?: Keystone | undefined;
  /** Whether the `dev` strategy is in force. */
  readonly dev: boolean;
}

/** What a 401 says of how to come back (RFC 9110 section 11.6.1). */
export function challengeOf({ keystone }: AuthenticationOptions): string {
  const own = 'Bearer realm="vitrine"';
  return keystone === undefined ? own : `Keystone uri="${keystone.publicUrl}", ${own}`;
}

/** @throws AppError UNAUTHENTICATED from the function returned, or what the strategy throws */
export function createAuthentication(options: AuthenticationOptions): Authenticate {
  return (request) => {
    const secret = sentSecret(request);
    const found = secret === undefined ? identifyNobody(options, request) : identify(options, request, secret);
    return found instanceof Promise ? found.then(assertKnown) : assertKnown(found);
  };
}

function identify({ authenticateToken, keystone }: AuthenticationOptions, request: IncomingMessage, token: string) {
  // Told apart by form: a token of ours is nobody else's to see, also where we do not take it.
  if (isOwnToken(token)) return authenticateToken?.(token);
  const service = request.headers['x-service-token'];
  const [path = ''] = request.url?.split('?', 1) ?? [];
  const serviceToken = typeof service === 'string' && service !== '' ? service : undefined;
  const override = request.headers['x-http-method-override'];
  const meantMethod = typeof override === 'string' ? override.toUpperCase() : undefined;
  return keystone?.identify({ token, serviceToken, method: request.method ?? '', meantMethod, path });
}

function identifyNobody({ dev }: AuthenticationOptions, { headers, socket }: IncomingMessage): Caller | undefined {
  return dev ? identifyDev({ peerAddress: socket.remoteAddress, headers }) : undefined;
}

function assertKnown(caller: Caller | undefined): Caller {
  if (caller === undefined) throw new AppError('UNAUTHENTICATED');
  return caller;
}

/** What the request shows as its credentials, whether good or not; undefined when it shows none. @throws AppError UNAUTHENTICATED */
function sentSecret({ headers }: IncomingMessage): string | undefined {
  const { authorization } = headers;
  if (authorization !== undefined) {
    const match = /^Bearer +([^ ]+) *$/i.exec(authorization);
    if (match?.[1] === undefined) throw new AppError('UNAUTHENTICATED', 'The Authorization header carries no bearer token.');
    return match[1];
  }
  const token = headers['x-auth-token'];
  return typeof token === 'string' ? token : undefined;
}
