import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Action, actions, type Caller, createCaller, loadPolicy, type Policy, type Resource } from '#policy/policy.ts';
import { createPolicyFolder } from './policy-folder.ts';

/** The shipped policies and these. */
async function policyOf(text: string, includeDefault = true): Promise<Policy> {
  using folder = createPolicyFolder(text);
  return await loadPolicy({ files: [folder.file], includeDefault });
}

const member = createCaller('alice', 'red', ['member']);
const admin = createCaller('root', 'ops', ['admin']);

const image: Resource & { readonly id: string } = {
  id: '0b8c5c3e-5b0e-4a6e-9d3c-1f2e3d4c5b6a',
  ...{ project: 'blue', type: 'image', name: 'cirros', version: null, state: 'active', visibility: 'public' },
  ...{ hidden: false, protected: false, tags: ['os', 'small'], properties: { os_distro: 'cirros', min_ram: 64, parts: ['a'] } },
};

const properties = (held: NonNullable<Resource['properties']>): Resource => ({ ...image, properties: held });

describe('a policy that forbids by a property', () => {
  const text = `@id("no-secrets")
    forbid (principal, action == Action::"blob:download", resource)
    when { resource.properties.hasTag("secret") && resource.properties.getTag("secret") == "true" }
    unless { principal in Role::"admin" || resource.project == principal.project };`;

  it('withholds what has it, and nothing else', async () => {
    const policy = await policyOf(text);
    const may = (caller: Caller, resource: Resource) => policy.allows(caller, 'blob:download', resource);
    expect(may(member, properties({ secret: 'true' }))).toBe(false);
    expect(may(member, properties({ secret: 'false' }))).toBe(true);
    expect(may(member, properties({}))).toBe(true);
    expect(may(member, { ...properties({ secret: 'true' }), project: 'red' })).toBe(true);
    expect(may(admin, properties({ secret: 'true' }))).toBe(true);
    expect(policy.allows(member, 'artifact:read', properties({ secret: 'true' }))).toBe(true);
  });

  it('sees booleans and numbers as text, lists and objects as canonical JSON, and no null', async () => {
    const policy = await policyOf(`forbid (principal, action == Action::"blob:download", resource) when {
      resource.properties.hasTag("p") && [${['true', '42', '1.5', '["b","a"]', '{"a":1,"b":null}'].map((value) => JSON.stringify(value)).join(', ')}]
        .contains(resource.properties.getTag("p")) };`);
    const may = (p: NonNullable<Resource['properties']>[string]) => policy.allows(member, 'blob:download', properties({ p }));
    for (const value of [true, 42, 1.5, ['b', 'a'], { b: null, a: 1 }]) expect(may(value), JSON.stringify(value)).toBe(false);
    for (const value of [false, 43, null, ['a', 'b'], {}, '']) expect(may(value), JSON.stringify(value)).toBe(true);
  });

  it('asks for properties where it looks at them, and only there', async () => {
    const policy = await policyOf(text);
    expect([...policy.reads('blob:download')]).toEqual(['properties']);
    expect(actions.filter((action) => policy.reads(action).size > 0)).toEqual(['blob:download']);
    const { properties: _, ...untold } = image;
    expect(() => policy.allows(member, 'blob:download', untold)).toThrow(/looks at the properties .* blob:download/);
    expect(policy.allows(member, 'artifact:read', { project: 'blue' })).toBe(true);
  });

  it('takes a property of any name, also one that JavaScript has a meaning for', async () => {
    const hostile = ['__proto__', 'constructor', '', '\u0000', '"', 'a.b', '__entity', '\u{1f600}'];
    for (const name of hostile) {
      const key = JSON.stringify(name).replaceAll('\\u0000', '\\0');
      const policy = await policyOf(`forbid (principal, action == Action::"blob:download", resource)
        when { resource.properties.hasTag(${key}) };`);
      const holds = Object.fromEntries([[name, 'x']]);
      expect(policy.allows(member, 'blob:download', properties(holds)), name).toBe(false);
      expect(policy.allows(member, 'blob:download', properties({ other: 'x' })), name).toBe(true);
    }
  });
});

describe('a policy may look at', () => {
  const own = (condition: string) => `forbid (principal, action == Action::"artifact:read", resource) when { ${condition} };`;
  it.each<[string, Partial<Resource>, Partial<Resource>]>([
    ['resource.type == "image"', { type: 'image' }, { type: 'bundle' }],
    ['resource has name && resource.name like "cir*"', { name: 'cirros' }, { name: null }],
    ['resource has version', { version: '1.0.0' }, { version: null }],
    ['resource.state == "deactivated"', { state: 'deactivated' }, { state: 'active' }],
    ['resource.visibility == "community"', { visibility: 'community' }, { visibility: 'public' }],
    ['resource.hidden', { hidden: true }, { hidden: false }],
    ['resource.protected', { protected: true }, { protected: false }],
    ['resource.tags.contains("os")', { tags: ['x', 'os'] }, { tags: [] }],
    ['resource.tags.containsAny(["a", "b"])', { tags: ['b'] }, { tags: ['c'] }],
    [`resource == Artifact::"${image.id}"`, {}, { id: '1b8c5c3e-5b0e-4a6e-9d3c-1f2e3d4c5b6a' }],
    ['resource.project == "blue"', { project: 'blue' }, { project: 'green' }],
    ['[resource.project].contains("blue")', { project: 'blue' }, { project: 'green' }],
    ['resource.project != principal.project', { project: 'blue' }, { project: 'red' }],
    ['(if resource.hidden then resource else resource).project == "blue"', { project: 'blue' }, { project: 'green' }],
  ])('%s', async (condition, denied, allowed) => {
    const policy = await policyOf(own(condition));
    expect(policy.allows(member, 'artifact:read', { ...image, ...denied })).toBe(false);
    expect(policy.allows(member, 'artifact:read', { ...image, ...allowed })).toBe(true);
  });

  it('who is calling, by id, by project and by role', async () => {
    const policy = await policyOf(`
      @id("alice") forbid (principal == Caller::"alice", action == Action::"artifact:update", resource);
      @id("red") forbid (principal, action == Action::"artifact:delete", resource) when { principal.project == "red" };
      @id("roles") forbid (principal, action == Action::"artifact:yank", resource) unless { principal in [Role::"admin", Role::"service"] };`);
    const bob = createCaller('bob', 'red', ['member']);
    const at = (caller: Caller, action: Action) => policy.allows(caller, action, { ...image, project: caller.project });
    expect([at(member, 'artifact:update'), at(bob, 'artifact:update')]).toEqual([false, true]);
    expect([at(bob, 'artifact:delete'), at(createCaller('bob', 'blue', ['member']), 'artifact:delete')]).toEqual([false, true]);
    expect([at(bob, 'artifact:yank'), at(admin, 'artifact:yank')]).toEqual([false, true]);
  });

  it('all roles of a caller by their names, and those of a service that passes the request on', async () => {
    const policy = await policyOf(`
      forbid (principal, action == Action::"artifact:update", resource) unless { principal.roleNames.contains("image_editor") };
      forbid (principal, action == Action::"artifact:delete", resource) unless { principal.serviceRoles.contains("service") };`);
    const mine = { ...image, project: 'red' };
    const editor = createCaller('e', 'red', ['member'], { roleNames: new Set(['member', 'image_editor']) });
    const served = createCaller('e', 'red', ['member'], { serviceRoles: new Set(['service']) });
    const may = (action: Action) => [member, editor, served].map((caller) => policy.allows(caller, action, mine));
    expect(may('artifact:update')).toEqual([false, true, false]);
    expect(may('artifact:delete')).toEqual([false, false, true]);
  });

  it('whose share it is', async () => {
    const policy = await policyOf(`forbid (principal, action in [Action::"member:create", Action::"member:remove"], resource)
      when { context has memberProject && context.memberProject == "enemy" };`);
    const mine = { ...image, project: 'red' };
    expect(policy.allows(member, 'member:remove', { ...mine, memberProject: 'enemy' })).toBe(false);
    expect(policy.allows(member, 'member:remove', { ...mine, memberProject: 'friend' })).toBe(true);
    expect(policy.allows(member, 'member:create', mine)).toBe(true);
  });
});

describe('policies of an operator', () => {
  it('may forbid what administrators do, which tells them which policy it was', async () => {
    const policy = await policyOf('@id("keep") forbid (principal, action == Action::"artifact:delete", resource);');
    const denied = { code: 'FORBIDDEN', details: { action: 'artifact:delete', policies: ['keep'] } };
    expect(() => policy.authorise(admin, 'artifact:delete', image)).toThrow(expect.objectContaining(denied));
    const terse = { code: 'FORBIDDEN', details: { action: 'artifact:delete' } };
    expect(() => policy.authorise(member, 'artifact:delete', image)).toThrow(expect.objectContaining(terse));
  });

  it('may stand instead of the shipped ones', async () => {
    const policy = await policyOf('permit (principal in Role::"reader", action == Action::"artifact:read", resource);', false);
    const may = actions.filter((action) => policy.allows(admin, action, { ...image, memberProject: 'red' }));
    expect(may).toEqual(['artifact:read']);
    expect(policy.decide(admin, 'artifact:list', image)).toEqual({ isAllowed: false, policies: [], isFailed: false });
  });

  it('deny where one of them cannot be evaluated, and the operator is told once', async () => {
    using folder = createPolicyFolder(`@id("overflow") forbid (principal, action == Action::"blob:download", resource)
      when { if resource.tags.contains("big") then 9223372036854775807 + 1 > 0 else false };`);
    const told: unknown[] = [];
    const onFailure = (...failure: readonly unknown[]) => told.push(failure);
    const policy = await loadPolicy({ files: [folder.file], includeDefault: true, onFailure });
    const big = { ...image, tags: ['big'] };
    expect([1, 2].map(() => policy.allows(member, 'blob:download', big))).toEqual([false, false]);
    expect(told).toEqual([['blob:download', ['overflow']]]);
    expect(policy.allows(member, 'blob:download', image)).toBe(true);
  });

  it('have the same answer when asked again, whatever was asked in between', async () => {
    const policy = await policyOf(`
      forbid (principal, action == Action::"blob:download", resource) when { resource.properties.hasTag("level") &&
        ["2", "3"].contains(resource.properties.getTag("level")) && resource.project != principal.project && principal.project != "blue" };
      forbid (principal, action == Action::"artifact:update", resource) when { resource.tags.contains("frozen") };`);
    const word = fc.constantFrom('red', 'blue', 'green');
    const question = fc.record({
      project: word,
      mine: word,
      action: fc.constantFrom<Action>('blob:download', 'artifact:update', 'artifact:read'),
      roles: fc.subarray(['reader', 'member', 'admin', 'service'] as const),
      level: fc.constantFrom('1', '2', '3', 'x'.repeat(500)),
      tags: fc.subarray(['frozen', 'other']),
    });
    fc.assert(
      fc.property(question, ({ project, mine, action, roles, level, tags }) => {
        const caller = createCaller('c', mine, roles);
        const isAdmin = roles.includes('admin');
        const isMember = isAdmin || roles.includes('member');
        const expected = {
          'artifact:read': roles.length > 0,
          'artifact:update': (isAdmin || (isMember && mine === project)) && !tags.includes('frozen'),
          'blob:download':
            (isMember || roles.includes('service')) && !(['2', '3'].includes(level) && project !== mine && mine !== 'blue'),
        }[action as 'artifact:read'];
        expect(policy.allows(caller, action, { ...image, project, tags, properties: { level } })).toBe(expected);
      }),
      { numRuns: 1500 },
    );
  });
});
