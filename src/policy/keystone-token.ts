/** What Keystone says of a token it confirms, as far as Vitrine goes by it. */
import { isJsonObject, type Json, type JsonObject } from '#base/json.ts';
import type { AccessRule } from './access-rules.ts';

export interface KeystoneToken {
  readonly userId: string;
  /** Null for a token that is for no project: unscoped, or for a domain or the whole system. */
  readonly projectId: string | null;
  /** In lower case: Keystone's policies do not tell them apart by case either. */
  readonly roleNames: ReadonlySet<string>;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
  /** False where the cloud has a project of its administrators, and this is another one. */
  readonly isAdminProject: boolean;
  /** Of an application credential that is limited to some requests; null where it is not. */
  readonly accessRules: readonly AccessRule[] | null;
}

/** The body of `GET /v3/auth/tokens`; undefined for what is not one. */
export function parseKeystoneToken(body: unknown): KeystoneToken | undefined {
  const token = isJsonObject(body) ? body['token'] : undefined;
  if (!isJsonObject(token)) return undefined;
  const userId = idOf(token['user']);
  const expiresAt = parseTime(token['expires_at']);
  const roleNames = parseRoleNames(token['roles']);
  const accessRules = parseAccessRules(token['application_credential']);
  if (userId === undefined || expiresAt === undefined || roleNames === undefined || accessRules === undefined) return undefined;
  const { project } = token;
  const projectId = project === undefined ? null : idOf(project);
  if (projectId === undefined) return undefined;
  const isAdminProject = token['is_admin_project'] !== false;
  return { userId, projectId, roleNames, expiresAt, isAdminProject, accessRules };
}

/** Of what is left of a lifetime; undefined for what is no time. */
export function parseTime(value: Json | undefined): number | undefined {
  const time = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
}

function idOf(value: Json | undefined): string | undefined {
  const id = isJsonObject(value) ? value['id'] : undefined;
  return typeof id === 'string' && id !== '' ? id : undefined;
}

/** A token that is for nothing has no roles. */
function parseRoleNames(value: Json | undefined): ReadonlySet<string> | undefined {
  if (value === undefined) return new Set();
  if (!Array.isArray(value)) return undefined;
  const names = (value as readonly Json[]).map((role) => (isJsonObject(role) ? role['name'] : undefined));
  return names.every((name) => typeof name === 'string') ? new Set(names.map((name) => name.toLowerCase())) : undefined;
}

/** Undefined for rules that cannot be read: what limits a token must not get lost. */
function parseAccessRules(credential: Json | undefined): readonly AccessRule[] | null | undefined {
  const rules = isJsonObject(credential) ? credential['access_rules'] : undefined;
  if (rules === undefined || rules === null) return null;
  if (!Array.isArray(rules)) return undefined;
  const read = (rules as readonly Json[]).map((rule) => (isJsonObject(rule) ? parseAccessRule(rule) : undefined));
  return read.every((rule) => rule !== undefined) ? read : undefined;
}

function parseAccessRule({ service, method, path }: JsonObject): AccessRule | undefined {
  const isRule = typeof service === 'string' && typeof method === 'string' && typeof path === 'string';
  return isRule ? { service, method, path } : undefined;
}
