/** Vitrine's own standing with Keystone: it logs in as a service user, asks with its own token about others', and logs in again when that ends. */
import { AppError } from '#base/app-error.ts';
import { isJsonObject } from '#base/json.ts';
import type { KeystoneClock } from './keystone-clock.ts';
import type { KeystoneAnswer, KeystoneHttp } from './keystone-http.ts';
import { type KeystoneToken, parseKeystoneToken, parseTime } from './keystone-token.ts';

/** Names belong to the domains beside them; ids to none. */
export type KeystoneCredentials =
  | {
      readonly kind: 'password';
      readonly user: { readonly id: string } | { readonly name: string; readonly domain: string };
      readonly password: string;
      readonly project: { readonly id: string } | { readonly name: string; readonly domain: string };
    }
  | { readonly kind: 'application-credential'; readonly id: string; readonly secret: string };

export interface KeystoneSession {
  /**
   * Undefined for what is no valid token. @param allowExpired Keystone then confirms one for a while after its end
   * @throws AppError IDENTITY_UNAVAILABLE
   */
  readonly validate: (secret: string, allowExpired: boolean) => Promise<KeystoneToken | undefined>;
  /** Logs in, unless that is done. @throws AppError IDENTITY_UNAVAILABLE */
  readonly logIn: () => Promise<void>;
}

interface OwnToken {
  readonly secret: string;
  /** From then on a new one is asked for. */
  readonly renewAt: number;
}

/** After a refused login the next one waits: Keystone may lock a user out who tries on. */
const refusedLoginMs = 10_000;

export function createKeystoneSession(
  http: KeystoneHttp,
  credentials: KeystoneCredentials,
  { now, elapsed }: KeystoneClock,
): KeystoneSession {
  let own: OwnToken | undefined;
  let renewing: Promise<OwnToken> | undefined;
  let refused: { readonly error: AppError; readonly at: number } | undefined;
  const logInAnew = async (): Promise<OwnToken> => {
    if (refused !== undefined && elapsed() - refused.at < refusedLoginMs) throw refused.error;
    const answer = await logIn(http, credentials);
    const error = unavailable(`Keystone answered ${answer.status} to the login of Vitrine’s service user`);
    refused = answer.status === 401 ? { error, at: elapsed() } : undefined;
    own = readLogin(answer, now());
    if (own === undefined) throw error;
    return own;
  };
  const renew = (): Promise<OwnToken> => {
    renewing ??= logInAnew().finally(() => (renewing = undefined));
    return renewing;
  };
  const current = (): OwnToken | Promise<OwnToken> => (own !== undefined && now() < own.renewAt ? own : renew());
  return {
    async validate(secret, allowExpired) {
      const asked = await current();
      let answer = await ask(http, asked.secret, secret, allowExpired);
      if (answer.status === 401) {
        // It is our own token that Keystone does not know any more. Another request may have a new one already.
        if (own === asked) own = undefined;
        answer = await ask(http, (await current()).secret, secret, allowExpired);
      }
      return readValidation(answer);
    },
    logIn: async () => void (await current()),
  };
}

function logIn(http: KeystoneHttp, credentials: KeystoneCredentials): Promise<KeystoneAnswer> {
  const body = { auth: toAuth(credentials) };
  return answered(http.send({ method: 'POST', path: '/auth/tokens?nocatalog', body }));
}

function readLogin({ status, headers, body }: KeystoneAnswer, now: number): OwnToken | undefined {
  const secret = headers['x-subject-token'];
  const token = isJsonObject(body) ? body['token'] : undefined;
  const expiresAt = isJsonObject(token) ? parseTime(token['expires_at']) : undefined;
  if (status !== 201 || typeof secret !== 'string' || expiresAt === undefined) return undefined;
  // Early enough for a request on its way, and for a clock that is a little slow.
  return { secret, renewAt: expiresAt - Math.min(60_000, (expiresAt - now) / 10) };
}

function toAuth(credentials: KeystoneCredentials): unknown {
  if (credentials.kind === 'application-credential') {
    const { id, secret } = credentials;
    return { identity: { methods: ['application_credential'], application_credential: { id, secret } } };
  }
  const { user, password, project } = credentials;
  const identity = { methods: ['password'], password: { user: { ...toNamed(user), password } } };
  return { identity, scope: { project: toNamed(project) } };
}

function toNamed(named: { readonly id: string } | { readonly name: string; readonly domain: string }): object {
  return 'id' in named ? named : { name: named.name, domain: { name: named.domain } };
}

function ask(http: KeystoneHttp, own: string, secret: string, allowExpired: boolean): Promise<KeystoneAnswer> {
  const path = `/auth/tokens?nocatalog${allowExpired ? '&allow_expired=1' : ''}`;
  // Without the last, Keystone confirms no token of a credential with access rules: it says that they are kept here.
  const headers = { 'X-Auth-Token': own, 'X-Subject-Token': secret, 'OpenStack-Identity-Access-Rules': '1.0' };
  return answered(http.send({ method: 'GET', path, headers }));
}

/** 400 and 431 come from what stands before Keystone: only the token was the client's, and may have been too long for it. */
const refusals: ReadonlySet<number> = new Set([400, 404, 431]);

function readValidation({ status, body }: KeystoneAnswer): KeystoneToken | undefined {
  if (refusals.has(status)) return undefined;
  if (status === 401 || status === 403) {
    throw unavailable(`Keystone answered ${status}: Vitrine’s service user may not validate tokens`);
  }
  const token = status === 200 ? parseKeystoneToken(body) : undefined;
  if (token === undefined) throw unavailable(`Keystone answered ${status} to the validation of a token`);
  return token;
}

function answered(answer: Promise<KeystoneAnswer>): Promise<KeystoneAnswer> {
  return answer.catch((error: unknown) => {
    throw unavailable('Keystone does not answer', error);
  });
}

/** The reason is for the log; callers are told the code alone. */
function unavailable(reason: string, cause?: unknown): AppError {
  return new AppError('IDENTITY_UNAVAILABLE', undefined, { cause: new Error(reason, { cause }) });
}
