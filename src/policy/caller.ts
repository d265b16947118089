/** Makes callers: an id, a project and roles, and what follows from the roles. */
import type { Caller, Role } from './policy.ts';

export const roles = ['reader', 'member', 'admin', 'service'] as const satisfies readonly Role[];

export function isRole(text: string): text is Role {
  return (roles as readonly string[]).includes(text);
}

const none: ReadonlySet<never> = new Set();

export function createCaller(
  id: string,
  project: string,
  given: Iterable<Role>,
  beside: Partial<Pick<Caller, 'roleNames' | 'serviceRoles'>> = {},
): Caller {
  const own: ReadonlySet<Role> = new Set(given);
  return { id, project, roles: own, isAdmin: own.has('admin'), roleNames: own, serviceRoles: none, ...beside };
}

/** True when a caller may hand on the role: no role above the own ones; `service` only by who has it, or an administrator. */
export function mayGrant(caller: Caller, role: Role): boolean {
  if (caller.isAdmin) return true;
  switch (role) {
    case 'reader':
      return caller.roles.has('reader') || caller.roles.has('member');
    case 'member':
      return caller.roles.has('member');
    case 'service':
      return caller.roles.has('service');
    case 'admin':
      return false;
  }
}
