/** The built-in rule: what a role may do, in whose project. Administrators may everything. */
import { AppError } from '#base/app-error.ts';
import type { Action, Caller, Policy, Resource, Role } from './policy.ts';

/** Whose resource an action may touch: anybody's that is visible, the caller's own project's, or a share with it. */
type Scope = 'any' | 'own' | 'shared-with' | 'own-or-shared-with' | 'nobody';

interface Rule {
  /** The least of the roles that contain each other. */
  readonly role: 'reader' | 'member';
  readonly scope: Scope;
  /** The service role may too, though it is no member. */
  readonly service?: true;
}

const rules: Readonly<Record<Action, Rule>> = {
  'artifact:create': { role: 'member', scope: 'own' },
  'artifact:read': { role: 'reader', scope: 'any', service: true },
  'artifact:list': { role: 'reader', scope: 'any', service: true },
  'artifact:update': { role: 'member', scope: 'own' },
  // Into another project: nobody but an administrator acts in both.
  'artifact:move': { role: 'member', scope: 'nobody' },
  'artifact:publish': { role: 'member', scope: 'own' },
  'artifact:delete': { role: 'member', scope: 'own' },
  'artifact:restore': { role: 'member', scope: 'own' },
  'artifact:deactivate': { role: 'member', scope: 'own' },
  'artifact:reactivate': { role: 'member', scope: 'own' },
  'artifact:yank': { role: 'member', scope: 'own' },
  'artifact:deprecate': { role: 'member', scope: 'own' },
  'artifact:protect': { role: 'member', scope: 'own' },
  // What everybody will see in their lists is an administrator's decision.
  'artifact:publicize': { role: 'member', scope: 'nobody' },
  'artifact:communitize': { role: 'member', scope: 'own' },
  'artifact:closure': { role: 'reader', scope: 'any', service: true },
  'artifact:dependents': { role: 'reader', scope: 'any', service: true },
  'family:read': { role: 'reader', scope: 'any', service: true },
  'family:update': { role: 'member', scope: 'own' },
  'blob:upload': { role: 'member', scope: 'own' },
  // A reader sees what there is; bytes leave for members only.
  'blob:download': { role: 'member', scope: 'any', service: true },
  'blob:remove': { role: 'member', scope: 'own' },
  'member:create': { role: 'member', scope: 'own' },
  'member:update': { role: 'member', scope: 'shared-with' },
  'member:remove': { role: 'member', scope: 'own-or-shared-with' },
  'member:list': { role: 'reader', scope: 'any', service: true },
  'token:create': { role: 'member', scope: 'own' },
  'token:list': { role: 'member', scope: 'own' },
  'token:revoke': { role: 'member', scope: 'own' },
  'type:list': { role: 'reader', scope: 'any', service: true },
  'instance:read': { role: 'reader', scope: 'any', service: true },
  // It stops everybody's writes: an administrator's decision.
  'instance:read-only': { role: 'member', scope: 'nobody' },
  // Jobs touch every project's artifacts.
  'job:list': { role: 'member', scope: 'nobody' },
  'job:run': { role: 'member', scope: 'nobody' },
};

export function createRolePolicy(): Policy {
  const allows = (caller: Caller, action: Action, resource: Resource): boolean =>
    caller.isAdmin || (hasRole(caller, rules[action]) && isInScope(caller, rules[action].scope, resource));
  return {
    allows,
    authorise: (caller, action, resource) => {
      if (allows(caller, action, resource)) return;
      throw new AppError('FORBIDDEN', `The caller may not do ${action} here.`, { details: { action } });
    },
  };
}

function hasRole(caller: Caller, rule: Rule): boolean {
  const needed: readonly Role[] = rule.role === 'reader' ? ['reader', 'member', 'admin'] : ['member', 'admin'];
  return needed.some((role) => caller.roles.has(role)) || (rule.service === true && caller.roles.has('service'));
}

function isInScope(caller: Caller, scope: Scope, resource: Resource): boolean {
  const isOwn = resource.project === caller.project;
  const isSharedWith = resource.memberProject === caller.project;
  switch (scope) {
    case 'any':
      return true;
    case 'own':
      return isOwn;
    case 'shared-with':
      return isSharedWith;
    case 'own-or-shared-with':
      return isOwn || isSharedWith;
    case 'nobody':
      return false;
  }
}
