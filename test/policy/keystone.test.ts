import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isAppError } from '#base/app-error.ts';
import { type Caller, type Keystone, type KeystoneOptions, openKeystone } from '#policy/policy.ts';
import { answerJson, type FakeKeystone, startFakeKeystone } from '#test/support/fake-keystone.ts';

const second = 1_000;
const startedAt = Date.parse('2026-01-01T00:00:00Z');

let fake: FakeKeystone;
let elapsed: number;
let keystone: Keystone;
let logged: Record<string, unknown>[];
const opened: Keystone[] = [];

const roleNames = { reader: ['reader'], member: ['member'], admin: ['admin'], service: ['service'] };
const credentials = {
  kind: 'password',
  user: { name: 'vitrine', domain: 'Default' },
  password: 'secret-of-the-service-user',
  project: { name: 'service', domain: 'Default' },
} as const;
const now = () => startedAt + elapsed;

function open(options: Partial<KeystoneOptions> = {}): Keystone {
  const made = openKeystone({
    ...{ url: fake.url, publicUrl: fake.url, credentials, serviceType: 'image', roleNames },
    ...{ cacheMs: 60 * second, outageMs: 300 * second, cacheTokens: 100, timeoutMs: 500 },
    log: pino({ level: 'debug' }, { write: (line: string) => logged.push(JSON.parse(line)) }),
    clock: { now, elapsed: () => elapsed },
    ...options,
  });
  opened.push(made);
  return made;
}

beforeEach(async () => {
  elapsed = 0;
  logged = [];
  fake = await startFakeKeystone(now);
  keystone = open();
  await expect.poll(() => logged.length).toBe(1);
});

afterEach(async () => {
  for (const made of opened.splice(0)) made[Symbol.dispose]();
  await fake[Symbol.asyncDispose]();
});

interface Sent {
  readonly service?: string;
  readonly method?: string;
  readonly path?: string;
  readonly by?: Keystone;
}

const identify = async (token: string, { service, method = 'GET', path = '/v2/images', by = keystone }: Sent = {}) =>
  by.identify({ token, serviceToken: service, method, path });

/** The code with which it is refused. */
const refusal = (token: string, sent?: Sent): Promise<string> =>
  identify(token, sent).then(
    (caller) => (caller === undefined ? 'nobody' : 'somebody'),
    (error: unknown) => (isAppError(error) ? error.code : String(error)),
  );

const validations = () => fake.asked.filter((line) => line.startsWith('GET'));
const down = (): void => {
  fake.instead = (request) => request.socket.destroy();
};

describe('a token that Keystone confirms', () => {
  it('is its user, in its project, with the roles that mean something here', async () => {
    fake.tokens.set('t', { userId: 'u1', projectId: 'p1', roles: ['Member', 'cook'] });
    const caller = await identify('t');
    expect(caller).toMatchObject({ id: 'u1', project: 'p1', isAdmin: false });
    expect([...(caller as Caller).roles]).toEqual(['member']);
    expect([...(caller as Caller).roleNames]).toEqual(['member', 'cook']);
    expect([...(caller as Caller).serviceRoles]).toEqual([]);
  });

  it('has the roles that the operator gave names', async () => {
    const names = { reader: ['auditor'], member: ['member', 'Cook'], admin: ['cloud_admin'], service: [] };
    const by = open({ roleNames: names });
    fake.tokens.set('t', { roles: ['COOK', 'admin', 'service'] });
    fake.tokens.set('a', { roles: ['Cloud_Admin', 'auditor'] });
    expect([...((await identify('t', { by })) as Caller).roles]).toEqual(['member']);
    const admin = (await identify('a', { by })) as Caller;
    expect([...admin.roles]).toEqual(['reader', 'admin']);
    expect(admin.isAdmin).toBe(true);
  });

  it('is no administrator where the cloud keeps those in a project of their own', async () => {
    fake.tokens.set('t', { roles: ['admin'], extra: { is_admin_project: false } });
    fake.tokens.set('a', { roles: ['admin'], extra: { is_admin_project: true } });
    expect(await identify('t')).toMatchObject({ isAdmin: false, roles: new Set(['member']) });
    expect(await identify('a')).toMatchObject({ isAdmin: true });
  });

  it.each([
    ['unscoped', { projectId: null, roles: [] }],
    ['for a domain', { projectId: null, extra: { domain: { id: 'default' } } }],
    ['for the whole system', { projectId: null, roles: ['admin'], extra: { system: { all: true } } }],
  ])('is forbidden when it is %s', async (_kind, token) => {
    fake.tokens.set('t', token);
    expect(await refusal('t')).toBe('FORBIDDEN');
    expect(await refusal('t')).toBe('FORBIDDEN');
  });
});

describe('asking', () => {
  it('logs in once, in the words of the API, and asks without the catalogue', async () => {
    fake.tokens.set('t', {});
    await identify('t');
    expect(fake.logins).toEqual([
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
    expect(fake.asked).toEqual(['POST /v3/auth/tokens?nocatalog', 'GET /v3/auth/tokens?nocatalog t']);
  });

  it('logs in by an application credential, or by ids, where it is told so', async () => {
    open({ credentials: { kind: 'application-credential', id: 'c', secret: 's' } });
    await expect.poll(() => fake.logins.length).toBe(2);
    expect(fake.logins[1]).toEqual({
      auth: { identity: { methods: ['application_credential'], application_credential: { id: 'c', secret: 's' } } },
    });
    open({ credentials: { ...credentials, user: { id: 'u' }, project: { id: 'p' } } });
    await expect.poll(() => fake.logins.length).toBe(3);
    expect(fake.logins[2]).toMatchObject({
      auth: { identity: { password: { user: { id: 'u' } } }, scope: { project: { id: 'p' } } },
    });
  });

  it('happens once for many requests at once, and not again within the age', async () => {
    fake.tokens.set('t', {});
    const callers = await Promise.all(Array.from({ length: 50 }, () => identify('t')));
    elapsed += 44 * second;
    callers.push(await identify('t'));
    expect(new Set(callers).size).toBe(1);
    expect(validations()).toHaveLength(1);
  });

  it('answers at once, without a promise, what is known', async () => {
    fake.tokens.set('t', {});
    await identify('t');
    expect(keystone.identify({ token: 't', serviceToken: undefined, method: 'GET', path: '/' })).toMatchObject({ id: 'u' });
  });

  it('happens again beside a request near the end of the age, and instead of one after it', async () => {
    fake.tokens.set('t', { roles: ['member'] });
    await identify('t');
    fake.tokens.set('t', { roles: ['admin'] });
    elapsed += 46 * second;
    expect(await identify('t')).toMatchObject({ isAdmin: false });
    await expect.poll(async () => (await identify('t'))?.isAdmin).toBe(true);
    expect(validations()).toHaveLength(2);
    fake.tokens.set('t', { roles: ['member'] });
    elapsed += 61 * second;
    expect(await identify('t')).toMatchObject({ isAdmin: false });
  });

  it('remembers as many tokens as it is told, the latest used', async () => {
    const by = open({ cacheTokens: 2 });
    for (const token of ['a', 'b', 'c']) {
      fake.tokens.set(token, {});
      await identify(token, { by });
    }
    await identify('c', { by });
    await identify('b', { by });
    expect(validations()).toHaveLength(3);
    await identify('a', { by });
    expect(validations()).toHaveLength(4);
  });

  it.each([
    ['with a blank', 'a b'],
    ['with a line end', 'a\r\nX-Subject-Token: t'],
    ['that is empty', ''],
    ['that is longer than any', 'a'.repeat(8_193)],
    ['beyond ASCII', 'tökén'],
  ])('does not happen for a text %s', async (_what, token) => {
    expect(await refusal(token)).toBe('nobody');
    expect(validations()).toEqual([]);
  });
});

describe('a token that Keystone refuses', () => {
  it('is nobody, and not asked about again for a moment only', async () => {
    expect(await refusal('t')).toBe('nobody');
    expect(await refusal('t')).toBe('nobody');
    expect(validations()).toHaveLength(1);
    fake.tokens.set('t', {});
    elapsed += 2 * second;
    expect(await refusal('t')).toBe('somebody');
  });

  it('is nobody within the age of what was said before, when it was revoked', async () => {
    fake.tokens.set('t', {});
    await identify('t');
    fake.tokens.delete('t');
    elapsed += 59 * second;
    await refusal('t');
    elapsed += 2 * second;
    expect(await refusal('t')).toBe('nobody');
  });

  it('pushes no good one out', async () => {
    const by = open({ cacheTokens: 1 });
    fake.tokens.set('t', {});
    await identify('t', { by });
    for (let guess = 0; guess < 20; guess += 1) await refusal(`guess-${guess}`, { by });
    const before = validations().length;
    expect(await refusal('t', { by })).toBe('somebody');
    expect(validations()).toHaveLength(before);
  });

  it('is over at its end, also when it is remembered', async () => {
    fake.tokens.set('t', { expiresAt: startedAt + 10 * second });
    expect(await refusal('t')).toBe('somebody');
    elapsed += 10 * second;
    expect(await refusal('t')).toBe('nobody');
  });

  it('is Keystone’s to judge where our clock says that it is over', async () => {
    fake.tokens.set('t', { extra: { expires_at: new Date(startedAt - second).toISOString() } });
    expect(await refusal('t')).toBe('somebody');
    expect(await refusal('t')).toBe('somebody');
    expect(validations()).toHaveLength(2);
  });
});

describe('a service that speaks for a user', () => {
  beforeEach(() => {
    fake.tokens.set('nova', { userId: 'nova', projectId: 'service', roles: ['service'] });
    fake.tokens.set('cron', { userId: 'cron', projectId: 'service', roles: ['member'] });
    fake.tokens.set('t', { roles: ['member'], expiresAt: startedAt + 10 * second });
  });

  it('is told beside the user, and gives the user no role', async () => {
    const caller = (await identify('t', { service: 'nova' })) as Caller;
    expect([...caller.roles]).toEqual(['member']);
    expect([...caller.serviceRoles]).toEqual(['service']);
    expect(await identify('t', { service: 'nova' })).toBe(caller);
    expect([...((await identify('t')) as Caller).serviceRoles]).toEqual([]);
  });

  it('goes on with a token that is over, which alone is nobody', async () => {
    elapsed += 20 * second;
    expect(await refusal('t')).toBe('nobody');
    expect(await refusal('t', { service: 'nova' })).toBe('somebody');
    expect(await refusal('t', { service: 'nova' })).toBe('somebody');
    expect(await refusal('t')).toBe('nobody');
    expect(validations().filter((line) => line.includes('allow_expired'))).toHaveLength(1);
  });

  it('counts for nothing without the role', async () => {
    expect([...((await identify('t', { service: 'cron' })) as Caller).serviceRoles]).toEqual([]);
    elapsed += 20 * second;
    expect(await refusal('t', { service: 'cron' })).toBe('nobody');
  });

  it('makes the request nobody’s when its own token is no good', async () => {
    expect(await refusal('t', { service: 'forged' })).toBe('nobody');
    expect(await refusal('t', { service: 'a b' })).toBe('nobody');
    expect(await refusal('forged', { service: 'nova' })).toBe('nobody');
  });
});

describe('an application credential with access rules', () => {
  const limited = (rules: unknown) => ({ extra: { application_credential: { id: 'c', access_rules: rules } } });

  it('is for the requests it names, and those of a service that speaks for it', async () => {
    fake.tokens.set('t', limited([{ id: 'r', service: 'image', method: 'GET', path: '/v2/images/*' }]));
    fake.tokens.set('nova', { roles: ['service'] });
    expect(await refusal('t', { path: '/v2/images/i' })).toBe('somebody');
    expect(await refusal('t', { path: '/v2/images' })).toBe('FORBIDDEN');
    expect(await refusal('t', { path: '/v2/images/i', method: 'DELETE' })).toBe('FORBIDDEN');
    expect(await refusal('t', { path: '/v2/images/i', method: 'DELETE', service: 'nova' })).toBe('somebody');
  });

  it('without one is for nothing, and with none told for everything', async () => {
    fake.tokens.set('t', limited([]));
    fake.tokens.set('u', limited(undefined));
    fake.tokens.set('v', limited(null));
    expect(await refusal('t')).toBe('FORBIDDEN');
    expect(await refusal('u')).toBe('somebody');
    expect(await refusal('v')).toBe('somebody');
  });

  it('whose rules cannot be read is not taken for one without', async () => {
    for (const [index, rules] of ['all', [1], [{ service: 'image', method: 'GET' }]].entries()) {
      fake.tokens.set(`t${index}`, limited(rules));
      expect(await refusal(`t${index}`)).toBe('IDENTITY_UNAVAILABLE');
      elapsed += 2 * second;
    }
  });
});

describe('Vitrine’s own token', () => {
  it('is renewed when Keystone does not know it any more, once for all who wait', async () => {
    for (const token of ['a', 'b', 'c']) fake.tokens.set(token, {});
    fake.own.clear();
    expect(await Promise.all(['a', 'b', 'c'].map((token) => refusal(token)))).toEqual(['somebody', 'somebody', 'somebody']);
    expect(fake.logins).toHaveLength(2);
  });

  it('is renewed before its end', async () => {
    fake.tokens.set('t', {});
    elapsed += 3_600 * second - 61 * second;
    await identify('t');
    expect(fake.logins).toHaveLength(1);
    elapsed += 2 * second;
    fake.tokens.set('u', {});
    await identify('u');
    expect(fake.logins).toHaveLength(2);
  });

  it.each([401, 403, 404])(
    'that is not given (%i) is an outage to callers, told in the log without the password',
    async (status) => {
      fake.instead = (_request, response) => answerJson(response, status, { error: { code: status } });
      const by = open();
      await expect.poll(() => logged.filter(({ level }) => level === 40).length).toBe(1);
      expect(await refusal('t', { by })).toBe('IDENTITY_UNAVAILABLE');
      expect(JSON.stringify(logged)).not.toContain('secret-of-the-service-user');
    },
  );

  it('that is refused is not asked for again at once: Keystone may lock out who tries on', async () => {
    fake.own.clear();
    fake.instead = (_request, response) => answerJson(response, 401, { error: { code: 401 } });
    const logins = () => fake.asked.filter((line) => line.startsWith('POST')).length;
    await refusal('t');
    const before = logins();
    for (let step = 0; step < 8; step += 1) {
      elapsed += 1.1 * second;
      expect(await refusal('t')).toBe('IDENTITY_UNAVAILABLE');
    }
    expect(logins()).toBe(before);
    elapsed += 2 * second;
    fake.instead = undefined;
    expect(await refusal('t')).toBe('nobody');
  });

  it('that may not ask about others is an outage to callers, not a refusal of theirs', async () => {
    for (const status of [401, 403]) {
      fake.instead = (request, response) => {
        if (request.method === 'GET') answerJson(response, status, { error: { code: status } });
        else
          answerJson(response, 201, { token: { expires_at: new Date(now() + 1e6).toISOString() } }, { 'X-Subject-Token': 's' });
      };
      expect(await refusal('t')).toBe('IDENTITY_UNAVAILABLE');
      elapsed += 2 * second;
    }
  });
});

describe('while Keystone is away', () => {
  it('known tokens go on past their age, for as long as is set', async () => {
    fake.tokens.set('t', {});
    await identify('t');
    down();
    for (const at of [50, 61, 120, 359]) {
      elapsed = at * second;
      expect(await refusal('t')).toBe('somebody');
    }
    elapsed = 361 * second;
    expect(await refusal('t')).toBe('IDENTITY_UNAVAILABLE');
  });

  it('known tokens do not go on past their end', async () => {
    fake.tokens.set('t', { expiresAt: startedAt + 90 * second });
    await identify('t');
    down();
    elapsed = 89 * second;
    expect(await refusal('t')).toBe('somebody');
    elapsed = 91 * second;
    expect(await refusal('t')).toBe('IDENTITY_UNAVAILABLE');
  });

  it('others are told to come back, and it is not asked for each of them', async () => {
    down();
    expect(await refusal('a')).toBe('IDENTITY_UNAVAILABLE');
    const before = fake.asked.length;
    for (let guess = 0; guess < 20; guess += 1) expect(await refusal(`t${guess}`)).toBe('IDENTITY_UNAVAILABLE');
    expect(fake.asked).toHaveLength(before);
    elapsed += second;
    await refusal('a');
    expect(fake.asked.length).toBeGreaterThan(before);
  });

  it('known tokens do not wait for it', async () => {
    fake.tokens.set('t', {});
    await identify('t');
    fake.instead = () => undefined;
    elapsed = 61 * second;
    await identify('t');
    elapsed = 70 * second;
    expect(keystone.identify({ token: 't', serviceToken: undefined, method: 'GET', path: '/' })).not.toBeInstanceOf(Promise);
  });

  it('nothing stays of it once it is back', async () => {
    fake.tokens.set('t', {});
    await identify('t');
    down();
    elapsed = 61 * second;
    await refusal('t');
    fake.instead = undefined;
    fake.tokens.delete('t');
    elapsed = 63 * second;
    await refusal('t');
    await expect.poll(() => refusal('t')).toBe('nobody');
  });

  it.each<[string, FakeKeystone['instead']]>([
    ['hangs', () => undefined],
    ['ends the connection', (request) => void request.socket.destroy()],
    ['answers 500', (_request, response) => answerJson(response, 500, {})],
    ['answers 429', (_request, response) => answerJson(response, 429, {})],
    ['answers 300', (_request, response) => answerJson(response, 300, { versions: {} })],
    ['answers with HTML', (_request, response) => void response.end('<html>')],
    ['answers with nothing', (_request, response) => void response.end()],
    ['answers with another object', (_request, response) => answerJson(response, 200, { token: { user: { id: 'u' } } })],
    [
      'answers with a token without a user',
      (_request, response) => answerJson(response, 200, { token: { expires_at: '2030-01-01' } }),
    ],
    ['answers with a list', (_request, response) => answerJson(response, 200, [])],
    ['stops in the middle', (_request, response) => void response.writeHead(200, { 'Content-Length': 100 }).write('{"token"')],
    [
      'does not end',
      (_request, response) => {
        response.writeHead(200);
        for (let index = 0; index < 20; index += 1) response.write(' '.repeat(100_000));
      },
    ],
  ])('which is also when it %s', async (_how, instead) => {
    fake.instead = instead;
    expect(await refusal('t')).toBe('IDENTITY_UNAVAILABLE');
  });

  it('a connection that it closed meanwhile is no outage', async () => {
    fake.tokens.set('t', {});
    let count = 0;
    await identify('t');
    fake.instead = (request, response) => {
      count += 1;
      if (count === 1) request.socket.destroy();
      else answerJson(response, 404, {});
    };
    expect(await refusal('u')).toBe('nobody');
    expect(count).toBe(2);
  });
});

describe('each question', () => {
  it('is told to whoever measures, with what came of it', async () => {
    const told: string[] = [];
    const by = open({ observe: (outcome) => told.push(outcome) });
    fake.tokens.set('t', {});
    for (const token of ['t', 't', 'forged']) await refusal(token, { by });
    down();
    await refusal('u', { by });
    expect(told).toEqual(['confirmed', 'refused', 'unanswered']);
  });
});

describe('a Keystone behind TLS', () => {
  it('whose file of authorities is not there stops the start', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'vitrine-ca-'));
    expect(() => open({ url: 'https://127.0.0.1:1', caFile: join(folder, 'ca.pem') })).toThrow(/caFile cannot be read/);
    await writeFile(join(folder, 'ca.pem'), '');
    expect(await refusal('t', { by: open({ url: 'https://127.0.0.1:1', caFile: join(folder, 'ca.pem') }) })).toBe(
      'IDENTITY_UNAVAILABLE',
    );
    await rm(folder, { recursive: true });
  });
});
