import { beforeEach, describe, expect, it } from 'vitest';
import type { Caller } from '#policy/policy.ts';
import { second, startedAt, useKeystoneStage } from '#test/support/keystone-stage.ts';

const stage = useKeystoneStage();
const { identify, open, refusal, validations } = stage;

describe('a token that Keystone confirms', () => {
  it('is its user, in its project, with the roles that mean something here', async () => {
    stage.fake.tokens.set('t', { userId: 'u1', projectId: 'p1', roles: ['Member', 'cook'] });
    const caller = await identify('t');
    expect(caller).toMatchObject({ id: 'u1', project: 'p1', isAdmin: false });
    expect([...(caller as Caller).roles]).toEqual(['member']);
    expect([...(caller as Caller).roleNames]).toEqual(['member', 'cook']);
    expect([...(caller as Caller).serviceRoles]).toEqual([]);
  });

  it('has the roles that the operator gave names', async () => {
    const names = { reader: ['auditor'], member: ['member', 'Cook'], admin: ['cloud_admin'], service: [] };
    const by = open({ roleNames: names });
    stage.fake.tokens.set('t', { roles: ['COOK', 'admin', 'service'] });
    stage.fake.tokens.set('a', { roles: ['Cloud_Admin', 'auditor'] });
    expect([...((await identify('t', { by })) as Caller).roles]).toEqual(['member']);
    const admin = (await identify('a', { by })) as Caller;
    expect([...admin.roles]).toEqual(['reader', 'admin']);
    expect(admin.isAdmin).toBe(true);
  });

  it('is no administrator where the cloud keeps those in a project of their own', async () => {
    stage.fake.tokens.set('t', { roles: ['admin'], extra: { is_admin_project: false } });
    stage.fake.tokens.set('a', { roles: ['admin'], extra: { is_admin_project: true } });
    expect(await identify('t')).toMatchObject({ isAdmin: false, roles: new Set(['member']) });
    expect(await identify('a')).toMatchObject({ isAdmin: true });
  });

  it.each([
    ['unscoped', { projectId: null, roles: [] }],
    ['for a domain', { projectId: null, extra: { domain: { id: 'default' } } }],
    ['for the whole system', { projectId: null, roles: ['admin'], extra: { system: { all: true } } }],
  ])('is forbidden when it is %s', async (_kind, token) => {
    stage.fake.tokens.set('t', token);
    expect(await refusal('t')).toBe('FORBIDDEN');
    expect(await refusal('t')).toBe('FORBIDDEN');
  });
});

describe('a service that speaks for a user', () => {
  beforeEach(() => {
    stage.fake.tokens.set('nova', { userId: 'nova', projectId: 'service', roles: ['service'] });
    stage.fake.tokens.set('cron', { userId: 'cron', projectId: 'service', roles: ['member'] });
    stage.fake.tokens.set('t', { roles: ['member'], expiresAt: startedAt + 10 * second });
  });

  it('is told beside the user, and gives the user no role', async () => {
    const caller = (await identify('t', { service: 'nova' })) as Caller;
    expect([...caller.roles]).toEqual(['member']);
    expect([...caller.serviceRoles]).toEqual(['service']);
    expect(await identify('t', { service: 'nova' })).toBe(caller);
    expect([...((await identify('t')) as Caller).serviceRoles]).toEqual([]);
  });

  it('goes on with a token that is over, which alone is nobody', async () => {
    stage.elapsed += 20 * second;
    expect(await refusal('t')).toBe('nobody');
    expect(await refusal('t', { service: 'nova' })).toBe('somebody');
    expect(await refusal('t', { service: 'nova' })).toBe('somebody');
    stage.elapsed += 3 * second;
    expect(await refusal('t')).toBe('nobody');
    expect(await refusal('t', { service: 'nova' })).toBe('somebody');
    expect(validations().filter((line) => line.includes('allow_expired'))).toHaveLength(1);
  });

  it('counts for nothing without the role', async () => {
    expect([...((await identify('t', { service: 'cron' })) as Caller).serviceRoles]).toEqual([]);
    stage.elapsed += 20 * second;
    expect(await refusal('t', { service: 'cron' })).toBe('nobody');
  });

  it('makes the request nobody’s when its own token is no good', async () => {
    expect(await refusal('t', { service: 'forged' })).toBe('nobody');
    expect(await refusal('t', { service: 'a b' })).toBe('nobody');
    expect(await refusal('forged', { service: 'nova' })).toBe('nobody');
  });

  it('is not shown to Keystone when its token is one of Vitrine’s own', async () => {
    expect(await refusal('t', { service: 'vtr_secret' })).toBe('nobody');
    expect(stage.fake.asked.join()).not.toContain('vtr_');
  });
});

describe('an application credential with access rules', () => {
  const limited = (rules: unknown) => ({ extra: { application_credential: { id: 'c', access_rules: rules } } });

  it('is for the requests it names, and those of a service that speaks for it', async () => {
    stage.fake.tokens.set('t', limited([{ id: 'r', service: 'image', method: 'GET', path: '/v2/images/*' }]));
    stage.fake.tokens.set('nova', { roles: ['service'] });
    expect(await refusal('t', { path: '/v2/images/i' })).toBe('somebody');
    expect(await refusal('t', { path: '/v2/images' })).toBe('FORBIDDEN');
    expect(await refusal('t', { path: '/v2/images/i', method: 'DELETE' })).toBe('FORBIDDEN');
    expect(await refusal('t', { path: '/v2/images/i', method: 'DELETE', service: 'nova' })).toBe('somebody');
  });

  it('without one is for nothing, and with none told for everything', async () => {
    stage.fake.tokens.set('t', limited([]));
    stage.fake.tokens.set('u', limited(undefined));
    stage.fake.tokens.set('v', limited(null));
    expect(await refusal('t')).toBe('FORBIDDEN');
    expect(await refusal('u')).toBe('somebody');
    expect(await refusal('v')).toBe('somebody');
  });

  it('whose rules cannot be read is not taken for one without', async () => {
    for (const [index, rules] of ['all', [1], [{ service: 'image', method: 'GET' }]].entries()) {
      stage.fake.tokens.set(`t${index}`, limited(rules));
      expect(await refusal(`t${index}`)).toBe('IDENTITY_UNAVAILABLE');
      stage.elapsed += 2 * second;
    }
  });
});
