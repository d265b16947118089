import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Action,
  actions,
  createCaller,
  createDefaultPolicy,
  loadPolicy,
  mayGrant,
  type Resource,
  type Role,
  roles,
} from '#policy/policy.ts';
import { whoMay } from '#test/support/who-may.ts';
import { forbidNothing } from './policy-folder.ts';

const resources = { own: 'p', foreign: 'other', sharedWith: 'other' } as const;

/** Actions on a share are told whose it is; all others are about a project only. */
function resourceOf(action: Action, whose: keyof typeof resources): Resource {
  const project = resources[whose];
  if (!action.startsWith('member:')) return { project };
  return { project, memberProject: whose === 'sharedWith' ? 'p' : 'third' };
}

describe('the shipped policies', () => {
  const policy = createDefaultPolicy();

  it.each(actions)('allow %s to exactly the roles of the table', (action) => {
    for (const whose of ['own', 'foreign', 'sharedWith'] as const) {
      const allowed = (['reader', 'member', 'service', 'admin'] as const)
        .filter((role) => policy.allows(createCaller('c', 'p', [role]), action, resourceOf(action, whose)))
        .map((role) => role[0])
        .join('');
      expect(`${whose}: ${allowed}`).toBe(`${whose}: ${whoMay[action][whose]}`);
    }
  });

  it('allow nothing to a caller without roles', () => {
    const nobody = createCaller('c', 'p', []);
    expect(actions.filter((action) => policy.allows(nobody, action, resourceOf(action, 'own')))).toEqual([]);
  });

  it('deny with the action, and with nothing about the rule', () => {
    const denied = expect.objectContaining({ code: 'FORBIDDEN', details: { action: 'artifact:delete' } });
    expect(() => policy.authorise(createCaller('c', 'p', ['reader']), 'artifact:delete', { project: 'p' })).toThrow(denied);
  });

  it('look at nothing but roles and projects, whatever they are called', () => {
    expect(actions.filter((action) => policy.reads(action).size > 0)).toEqual([]);
    const member = createCaller('c', 'own+self', ['member']);
    expect(policy.allows(member, 'artifact:update', { project: 'own+self' })).toBe(true);
    expect(policy.allows(member, 'artifact:update', { project: 'own' })).toBe(false);
    expect(policy.allows(member, 'artifact:update', { project: '' })).toBe(false);
  });

  it('answer from their table as Cedar answers, for every role set, project and share', async () => {
    using folder = forbidNothing();
    const cedar = await loadPolicy({ files: [folder.file], includeDefault: true });
    const projects = fc.constantFrom('a', 'b', 'c', 'own', 'rm own', '');
    fc.assert(
      fc.property(
        fc.constantFrom(...actions),
        fc.subarray([...roles]),
        fc.tuple(projects, projects, projects),
        (action, given, [mine, project, memberProject]) => {
          const resource = action.startsWith('member:') ? { project, memberProject } : { project };
          const caller = createCaller('c', mine, given);
          expect(policy.allows(caller, action, resource)).toBe(cedar.allows(caller, action, resource));
        },
      ),
      { numRuns: 2000 },
    );
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
