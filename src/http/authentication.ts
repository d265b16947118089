/** Who is calling: the strategies in their order. A token that is sent decides alone; `dev` is for who sends none, on loopback. */
import type { IncomingMessage } from 'node:http';
import { AppError } from '#base/app-error.ts';
import { type Caller, identifyDev } from '#policy/policy.ts';

export type Authenticate = (request: IncomingMessage) => Caller | Promise<Caller>;

export interface AuthenticationOptions {
  /** Undefined for what is no valid token. */
  readonly authenticateToken: (secret: string) => Promise<Caller | undefined>;
  /** Whether the `dev` strategy is in force. */
  readonly dev: boolean;
}

/** @throws AppError UNAUTHENTICATED from the function returned */
export function createAuthentication(options: AuthenticationOptions): Authenticate {
  return (request) => {
    const secret = sentSecret(request);
    if (secret !== undefined) return options.authenticateToken(secret).then(assertKnown);
    const { headers, socket } = request;
    return assertKnown(options.dev ? identifyDev({ peerAddress: socket.remoteAddress, headers }) : undefined);
  };
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
