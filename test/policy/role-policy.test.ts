import { describe, expect, it } from 'vitest';
import { type Action, actions, createCaller, createRolePolicy, mayGrant, type Role, roles } from '#policy/policy.ts';

/** Who may: r reader, m member, s service, a admin; by whose resource it is. */
const table: Readonly<Record<Action, { own: string; foreign: string; sharedWith: string }>> = {
  'artifact:create': { own: 'ma', foreign: 'a', sharedWith: 'a' },
  'artifact:read': { own: 'rmsa', foreign: 'rmsa', sharedWith: 'rmsa' },
  'artifact:list': { own: 'rmsa', foreign: 'rmsa', sharedWith: 'rmsa' },
  'artifact:update': { own: 'ma', foreign: 'a', sharedWith: 'a' },
  'artifact:move': { own: 'a', foreign: 'a', sharedWith: 'a' },
  'artifact:publish': { own: 'ma', foreign: 'a', sharedWith: 'a' },
  'artifact:delete': { own: 'ma', foreign: 'a', sharedWith: 'a' },
  'artifact:restore': { own: 'ma', foreign: 'a', sharedWith: 'a' },
  'artifact:deactivate': { own: 'ma', foreign: 'a', sharedWith: 'a' },
  'artifact:reactivate': { own: 'ma', foreign: 'a', sharedWith: 'a' },
  'artifact:yank': { own: 'ma', foreign: 'a', sharedWith: 'a' },
  'artifact:deprecate': { own: 'ma', foreign: 'a', sharedWith: 'a' },
  'artifact:protect': { own: 'ma', foreign: 'a', sharedWith: 'a' },
  'artifact:publicize': { own: 'a', foreign: 'a', sharedWith: 'a' },
  'artifact:communitize': { own: 'ma', foreign: 'a', sharedWith: 'a' },
  'artifact:closure': { own: 'rmsa', foreign: 'rmsa', sharedWith: 'rmsa' },
  'artifact:dependents': { own: 'rmsa', foreign: 'rmsa', sharedWith: 'rmsa' },
  'family:read': { own: 'rmsa', foreign: 'rmsa', sharedWith: 'rmsa' },
  'family:update': { own: 'ma', foreign: 'a', sharedWith: 'a' },
  'blob:upload': { own: 'ma', foreign: 'a', sharedWith: 'a' },
  'blob:download': { own: 'msa', foreign: 'msa', sharedWith: 'msa' },
  'blob:remove': { own: 'ma', foreign: 'a', sharedWith: 'a' },
  'member:create': { own: 'ma', foreign: 'a', sharedWith: 'a' },
  'member:update': { own: 'a', foreign: 'a', sharedWith: 'ma' },
  'member:remove': { own: 'ma', foreign: 'a', sharedWith: 'ma' },
  'member:list': { own: 'rmsa', foreign: 'rmsa', sharedWith: 'rmsa' },
  'token:create': { own: 'ma', foreign: 'a', sharedWith: 'a' },
  'token:list': { own: 'ma', foreign: 'a', sharedWith: 'a' },
  'token:revoke': { own: 'ma', foreign: 'a', sharedWith: 'a' },
  'type:list': { own: 'rmsa', foreign: 'rmsa', sharedWith: 'rmsa' },
  'instance:read': { own: 'rmsa', foreign: 'rmsa', sharedWith: 'rmsa' },
  'instance:read-only': { own: 'a', foreign: 'a', sharedWith: 'a' },
  'job:list': { own: 'a', foreign: 'a', sharedWith: 'a' },
  'job:run': { own: 'a', foreign: 'a', sharedWith: 'a' },
};

const resources = {
  own: { project: 'p' },
  foreign: { project: 'other', memberProject: 'third' },
  sharedWith: { project: 'other', memberProject: 'p' },
};

describe('the built-in policy', () => {
  const policy = createRolePolicy();

  it.each(actions)('allows %s to exactly the roles of the table', (action) => {
    for (const [whose, resource] of Object.entries(resources)) {
      const allowed = (['reader', 'member', 'service', 'admin'] as const)
        .filter((role) => policy.allows(createCaller('c', 'p', [role]), action, resource))
        .map((role) => role[0])
        .join('');
      expect(`${whose}: ${allowed}`).toBe(`${whose}: ${table[action][whose as keyof typeof resources]}`);
    }
  });

  it('allows nothing to a caller without roles', () => {
    const nobody = createCaller('c', 'p', []);
    expect(actions.filter((action) => policy.allows(nobody, action, resources.own))).toEqual([]);
  });

  it('denies with the action, and with nothing about the rule', () => {
    const denied = expect.objectContaining({ code: 'FORBIDDEN', details: { action: 'artifact:delete' } });
    expect(() => policy.authorise(createCaller('c', 'p', ['reader']), 'artifact:delete', resources.own)).toThrow(denied);
  });
});

describe('handing on roles', () => {
  it.each<[Role, readonly Role[]]>([
    ['reader', ['reader']],
    ['member', ['reader', 'member']],
    ['service', ['service']],
    ['admin', ['reader', 'member', 'admin', 'service']],
  ])('lets %s grant %j', (role, granted) => {
    const caller = createCaller('c', 'p', [role]);
    expect(roles.filter((given) => mayGrant(caller, given))).toEqual(granted);
  });
});
