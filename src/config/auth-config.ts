/** What the settings of `auth` come to: which strategies are in force, and as whom Keystone is asked. */
import type { SchemaConfig } from './config-schema.ts';
import { isLoopback } from './loopback.ts';

type AuthSettings = SchemaConfig['auth'];
type KeystoneSettings = AuthSettings['keystone'];
type Strategy = 'token' | 'keystone' | 'dev';

export interface AuthConfig {
  /** Whether `dev` is among the strategies. */
  readonly dev: boolean;
  readonly strategies: readonly Strategy[];
  /** Undefined where it is not in force. */
  readonly keystone: KeystoneConfig | undefined;
}

type Named = { readonly id: string } | { readonly name: string; readonly domain: string };

interface KeystoneConfig extends Pick<KeystoneSettings, 'timeoutMs' | 'cacheMs' | 'outageMs' | 'cacheTokens' | 'caFile'> {
  readonly url: string;
  readonly publicUrl: string;
  readonly credentials:
    | { readonly kind: 'password'; readonly user: Named; readonly password: string; readonly project: Named }
    | { readonly kind: 'application-credential'; readonly id: string; readonly secret: string };
  readonly roleNames: Readonly<Record<'reader' | 'member' | 'admin' | 'service', readonly string[]>>;
}

/** @param refuse is told of each fault, with the setting it is in */
export function toAuthConfig(auth: AuthSettings, host: string, refuse: (setting: string, message: string) => void): AuthConfig {
  const isLocal = isLoopback(host);
  const hasKeystone = auth.keystone.url !== undefined;
  // Beside Keystone there are others: what a proxy on this machine passes on must not be its administrator by oversight.
  const dev = auth.strategies?.includes('dev') ?? auth.dev ?? (isLocal && !hasKeystone);
  const found: readonly Strategy[] = ['token', ...(hasKeystone ? ['keystone' as const] : []), ...(dev ? ['dev' as const] : [])];
  const strategies = auth.strategies ?? found;
  if (dev && !isLocal) refuse('auth.dev', `auth.dev needs a loopback host, not ${host}`);
  if (auth.dev !== undefined && auth.dev !== dev) refuse('auth.dev', 'auth.dev and auth.strategies do not say the same');
  if (!strategies.includes('keystone')) return { dev, strategies, keystone: undefined };
  const keystone = toKeystoneConfig(auth.keystone, refuse);
  return { dev, strategies, keystone };
}

function toKeystoneConfig(settings: KeystoneSettings, refuse: (setting: string, message: string) => void) {
  const { url, publicUrl, timeoutMs, cacheMs, outageMs, cacheTokens, caFile } = settings;
  const lack = (setting: string) => refuse(`auth.keystone.${setting}`, `auth.keystone needs ${setting}`);
  if (url === undefined) lack('url');
  const credentials = toCredentials(settings, lack);
  if (url === undefined || credentials === undefined) return undefined;
  const { readerRoles: reader, memberRoles: member, adminRoles: admin, serviceRoles: service } = settings;
  const roleNames = { reader, member, admin, service };
  const bounds = { timeoutMs, cacheMs, outageMs, cacheTokens, caFile };
  return { url, publicUrl: publicUrl ?? url, credentials, roleNames, ...bounds } satisfies KeystoneConfig;
}

function toCredentials(settings: KeystoneSettings, lack: (setting: string) => void): KeystoneConfig['credentials'] | undefined {
  const { applicationCredentialId: id, applicationCredentialSecret: secret, password } = settings;
  if (id !== undefined || secret !== undefined) {
    if (id === undefined) lack('applicationCredentialId');
    if (secret === undefined) lack('applicationCredentialSecret');
    return id === undefined || secret === undefined ? undefined : { kind: 'application-credential', id, secret };
  }
  const user = toNamed(settings.userId, settings.username, settings.userDomain);
  const project = toNamed(settings.projectId, settings.project, settings.projectDomain);
  if (user === undefined) lack('username');
  if (password === undefined) lack('password');
  if (project === undefined) lack('project');
  if (user === undefined || password === undefined || project === undefined) return undefined;
  return { kind: 'password', user, password, project };
}

function toNamed(id: string | undefined, name: string | undefined, domain: string): Named | undefined {
  if (id !== undefined) return { id };
  return name === undefined ? undefined : { name, domain };
}
