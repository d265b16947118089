import { describe, expect, it } from 'vitest';
import { answerJson } from '#test/support/fake-keystone.ts';
import { second, serviceUser, useKeystoneStage } from '#test/support/keystone-stage.ts';

const stage = useKeystoneStage();
const { identify, open, refusal } = stage;

describe('Vitrine’s login', () => {
  it('logs in once, in the words of the API, and asks without the catalogue', async () => {
    stage.fake.tokens.set('t', {});
    await identify('t');
    expect(stage.fake.logins).toEqual([
      {
        auth: {
          identity: {
            methods: ['password'],
            password: { user: { name: 'vitrine', domain: { name: 'Default' }, password: 'secret-of-the-service-user' } },
          },
          scope: { project: { name: 'service', domain: { name: 'Default' } } },
        },
      },
    ]);
    expect(stage.fake.asked).toEqual(['POST /v3/auth/tokens?nocatalog', 'GET /v3/auth/tokens?nocatalog t']);
  });

  it('logs in by an application credential, or by ids, where it is told so', async () => {
    open({ credentials: { kind: 'application-credential', id: 'c', secret: 's' } });
    await expect.poll(() => stage.fake.logins.length).toBe(2);
    expect(stage.fake.logins[1]).toEqual({
      auth: { identity: { methods: ['application_credential'], application_credential: { id: 'c', secret: 's' } } },
    });
    open({ credentials: { ...serviceUser, user: { id: 'u' }, project: { id: 'p' } } });
    await expect.poll(() => stage.fake.logins.length).toBe(3);
    expect(stage.fake.logins[2]).toMatchObject({
      auth: { identity: { password: { user: { id: 'u' } } }, scope: { project: { id: 'p' } } },
    });
  });
});

describe('Vitrine’s own token', () => {
  it('is renewed when Keystone does not know it any more, once for all who wait', async () => {
    for (const token of ['a', 'b', 'c']) stage.fake.tokens.set(token, {});
    stage.fake.own.clear();
    expect(await Promise.all(['a', 'b', 'c'].map((token) => refusal(token)))).toEqual(['somebody', 'somebody', 'somebody']);
    expect(stage.fake.logins).toHaveLength(2);
  });

  it('is renewed before its end', async () => {
    stage.fake.tokens.set('t', {});
    stage.elapsed += 3_600 * second - 61 * second;
    await identify('t');
    expect(stage.fake.logins).toHaveLength(1);
    stage.elapsed += 2 * second;
    stage.fake.tokens.set('u', {});
    await identify('u');
    expect(stage.fake.logins).toHaveLength(2);
  });

  it.each([401, 403, 404])(
    'that is not given (%i) is an outage to callers, told in the log without the password',
    async (status) => {
      stage.fake.instead = (_request, response) => answerJson(response, status, { error: { code: status } });
      const by = open();
      await expect.poll(() => stage.logged.filter(({ level }) => level === 40).length).toBe(1);
      expect(await refusal('t', { by })).toBe('IDENTITY_UNAVAILABLE');
      expect(JSON.stringify(stage.logged)).not.toContain('secret-of-the-service-user');
    },
  );

  it('that is refused is not asked for again at once: Keystone may lock out who tries on', async () => {
    stage.fake.own.clear();
    stage.fake.instead = (_request, response) => answerJson(response, 401, { error: { code: 401 } });
    const logins = () => stage.fake.asked.filter((line) => line.startsWith('POST')).length;
    await refusal('t');
    const before = logins();
    for (let step = 0; step < 8; step += 1) {
      stage.elapsed += 1.1 * second;
      expect(await refusal('t')).toBe('IDENTITY_UNAVAILABLE');
    }
    expect(logins()).toBe(before);
    stage.elapsed += 2 * second;
    stage.fake.instead = undefined;
    expect(await refusal('t')).toBe('nobody');
  });

  it('that may not ask about others is an outage to callers, not a refusal of theirs', async () => {
    const expires_at = new Date(stage.now() + 3_600 * second).toISOString();
    for (const status of [401, 403]) {
      stage.fake.instead = ({ method }, response) => {
        if (method === 'GET') answerJson(response, status, { error: { code: status } });
        else answerJson(response, 201, { token: { expires_at } }, { 'X-Subject-Token': 's' });
      };
      expect(await refusal('t')).toBe('IDENTITY_UNAVAILABLE');
      stage.elapsed += 2 * second;
    }
  });
});
