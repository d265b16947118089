/** The `keystone` strategy: who a token of a cloud's Keystone stands for, and a service that speaks for a user beside it. */
import type { Logger } from 'pino';
import { AppError } from '#base/app-error.ts';
import { isAllowedBy, type RuledRequest } from './access-rules.ts';
import { createCaller, roles } from './caller.ts';
import { createKeystoneCache, type ObserveKeystone } from './keystone-cache.ts';
import { type KeystoneClock, systemKeystoneClock } from './keystone-clock.ts';
import { createKeystoneHttp } from './keystone-http.ts';
import { createKeystoneSession, type KeystoneCredentials } from './keystone-session.ts';
import type { KeystoneToken } from './keystone-token.ts';
import type { Caller, Role } from './policy.ts';
import { isOwnToken } from './token-secret.ts';

export interface KeystoneOptions {
  /** Where this server finds it; with or without `/v3`. */
  readonly url: string;
  /** Where clients do. */
  readonly publicUrl: string;
  readonly credentials: KeystoneCredentials;
  readonly cacheMs: number;
  readonly outageMs: number;
  readonly cacheTokens: number;
  readonly timeoutMs: number;
  readonly caFile?: string | undefined;
  /** The names that our roles have in Keystone; case does not matter. */
  readonly roleNames: Readonly<Record<Role, readonly string[]>>;
  /** As what this server is registered in the catalogue; access rules name it. */
  readonly serviceType: string;
  readonly log: Logger;
  readonly observe?: ObserveKeystone | undefined;
  /** Of the system, where left out. */
  readonly clock?: KeystoneClock | undefined;
}

/** What a request shows, and what it is. */
interface KeystoneCredentialsSent extends RuledRequest {
  readonly token: string;
  readonly serviceToken: string | undefined;
}

export interface Keystone extends Disposable {
  readonly publicUrl: string;
  /**
   * Undefined for what is no valid token. At once where everything is known.
   * @throws AppError FORBIDDEN for a good token that is for no project, or not for this request; IDENTITY_UNAVAILABLE; also
   * from the promise
   */
  readonly identify: (sent: KeystoneCredentialsSent) => Caller | undefined | Promise<Caller | undefined>;
}

/**
 * What can stand in a header and could be a token; anything else is none, and Keystone is not asked. A question has to fit into
 * the 4 KiB that uWSGI reads unless it is told otherwise: beyond, it hangs up, which would look like an outage to everybody.
 */
const tokenPattern = /^[\x21-\x7e]{1,3072}$/;

/** Logs in at once, in the background: what stands against it is told in the log, and nothing waits for it. */
export function openKeystone(options: KeystoneOptions): Keystone {
  const { clock = systemKeystoneClock, observe = () => undefined, log } = options;
  const http = createKeystoneHttp(options);
  const session = createKeystoneSession(http, options.credentials, clock);
  const find = createKeystoneCache({ ...options, clock, observe, validate: session.validate });
  const findSent = (secret: string, allowExpired: boolean) =>
    tokenPattern.test(secret) && !isOwnToken(secret) ? find(secret, allowExpired) : undefined;
  const toCaller = createCallers(options.roleNames);
  session.logIn().then(
    () => log.info({ url: options.url }, 'Keystone knows this server'),
    (error: unknown) =>
      log.warn({ err: error, url: options.url }, 'Keystone does not let this server in; its tokens are not taken until it does'),
  );

  const identifyBoth = async (sent: KeystoneCredentialsSent, serviceToken: string): Promise<Caller | undefined> => {
    const service = await findSent(serviceToken, false);
    if (service === undefined) return undefined;
    const isService = toCaller.hasServiceRole(service);
    const token = await findSent(sent.token, isService);
    return token === undefined ? undefined : toCaller.of(checked(token, sent, isService), isService ? service : undefined);
  };
  const checked = (token: KeystoneToken, sent: RuledRequest, isService: boolean): ProjectToken => {
    const { projectId, accessRules } = token;
    if (projectId === null) throw new AppError('FORBIDDEN', 'The token is for no project: ask Keystone for one that is.');
    // A service that speaks for a user goes on with what that user was allowed to begin.
    if (accessRules !== null && !isService && !isAllowedBy(accessRules, options.serviceType, sent)) {
      throw new AppError('FORBIDDEN', 'The access rules of the application credential do not allow this request.');
    }
    return token as ProjectToken;
  };
  return {
    publicUrl: options.publicUrl,
    identify: (sent) => {
      if (sent.serviceToken !== undefined) return identifyBoth(sent, sent.serviceToken);
      const found = findSent(sent.token, false);
      const toOwn = (token: KeystoneToken | undefined) =>
        token === undefined ? undefined : toCaller.of(checked(token, sent, false), undefined);
      return found instanceof Promise ? found.then(toOwn) : toOwn(found);
    },
    [Symbol.dispose]: () => http[Symbol.dispose](),
  };
}

interface ProjectToken extends KeystoneToken {
  readonly projectId: string;
}

/** One caller for one answer of Keystone, so that whoever remembers something of a caller finds it again. */
function createCallers(roleNames: Readonly<Record<Role, readonly string[]>>) {
  const rolesOf = (token: KeystoneToken): ReadonlySet<Role> => {
    const found = new Set(roles.filter((role) => roleNames[role].some((name) => token.roleNames.has(name.toLowerCase()))));
    // Where a cloud has a project for its administrators, the role means nothing more than a member's elsewhere.
    if (found.has('admin') && !token.isAdminProject) {
      found.delete('admin');
      found.add('member');
    }
    return found;
  };
  const alone = new WeakMap<KeystoneToken, Caller>();
  const beside = new WeakMap<KeystoneToken, WeakMap<KeystoneToken, Caller>>();
  const make = (token: ProjectToken, service: KeystoneToken | undefined): Caller =>
    createCaller(token.userId, token.projectId, rolesOf(token), {
      roleNames: token.roleNames,
      ...(service === undefined ? {} : { serviceRoles: rolesOf(service) }),
    });
  return {
    hasServiceRole: (token: KeystoneToken) => rolesOf(token).has('service'),
    of(token: ProjectToken, service: KeystoneToken | undefined): Caller {
      let callers = alone;
      if (service !== undefined) {
        callers = beside.get(service) ?? new WeakMap<KeystoneToken, Caller>();
        beside.set(service, callers);
      }
      const caller = callers.get(token) ?? make(token, service);
      callers.set(token, caller);
      return caller;
    },
  };
}
