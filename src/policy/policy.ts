/** The policy door: who is calling, and may they. Every operation asks `authorise` once, with an action of its own. */
import type { JsonObject } from '#base/json.ts';
import type { ArtifactState, Visibility } from '#core/artifact.ts';

export { createCaller, isRole, mayGrant, roles } from './caller.ts';
export { renderSchema } from './cedar-schema.ts';
export { createDefaultPolicy } from './default-policy.ts';
export { identifyDev, isLoopbackAddress } from './dev-identity.ts';
export { type Keystone, type KeystoneOptions, openKeystone } from './keystone.ts';
export type { ObserveKeystone } from './keystone-cache.ts';
export { loadPolicy } from './load-policy.ts';
export { createTokenSecret, hashTokenSecret, isOwnToken, isTokenSecret } from './token-secret.ts';

/** Roles contain each other: admin > member > reader. `service` stands beside them. */
export type Role = 'reader' | 'member' | 'admin' | 'service';

/** Whoever calls. Ids are opaque. */
export interface Caller {
  readonly id: string;
  readonly project: string;
  readonly roles: ReadonlySet<Role>;
  /** Sees and may change every project's artifacts. */
  readonly isAdmin: boolean;
  /** All roles under the names that whoever vouches for the caller gives them, in lower case; those we know are in `roles`. */
  readonly roleNames: ReadonlySet<string>;
  /** Of a service that passes the caller's request on; none where the caller is here in person. */
  readonly serviceRoles: ReadonlySet<Role>;
}

export const actions = [
  'artifact:create',
  'artifact:read',
  'artifact:list',
  'artifact:update',
  'artifact:move',
  'artifact:publish',
  'artifact:delete',
  'artifact:restore',
  'artifact:deactivate',
  'artifact:reactivate',
  'artifact:yank',
  'artifact:deprecate',
  'artifact:protect',
  'artifact:publicize',
  'artifact:communitize',
  'artifact:closure',
  'artifact:dependents',
  'family:read',
  'family:update',
  'blob:upload',
  'blob:download',
  'blob:remove',
  'upload:part',
  'member:create',
  'member:update',
  'member:remove',
  'member:list',
  'token:create',
  'token:list',
  'token:revoke',
  'type:list',
  'store:list',
  'store:detail',
  'usage:read',
  'instance:read',
  'instance:read-only',
  'job:list',
  'job:run',
] as const;
export type Action = (typeof actions)[number];

/** What is acted on, as far as policies may look at it. Undefined: not told; null: there is none. */
export interface Resource {
  readonly project: string;
  readonly id?: string | undefined;
  readonly type?: string | undefined;
  readonly name?: string | null | undefined;
  readonly version?: string | null | undefined;
  readonly state?: ArtifactState | undefined;
  readonly visibility?: Visibility | undefined;
  readonly hidden?: boolean | undefined;
  readonly protected?: boolean | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly properties?: JsonObject | undefined;
  /** For member actions: the project the share is with. */
  readonly memberProject?: string | undefined;
}

export interface Decision {
  readonly isAllowed: boolean;
  /** Ids of the policies that made it so, where they are known; none where nothing permits. */
  readonly policies: readonly string[];
  /** One of them could not be evaluated; that denies. */
  readonly isFailed: boolean;
}

export interface Policy {
  /** @throws AppError FORBIDDEN, with the action that was denied in its details */
  authorise(caller: Caller, action: Action, resource: Resource): void;
  /** The same question without the throw. */
  allows(caller: Caller, action: Action, resource: Resource): boolean;
  /** The same with its reason. */
  decide(caller: Caller, action: Action, resource: Resource): Decision;
  /** What of a resource, beside its project, answers to this action depend on: only that need be told. */
  reads(action: Action): ReadonlySet<keyof Resource>;
}
