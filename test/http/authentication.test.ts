import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '#base/app-error.ts';
import { type Caller, createCaller, type Keystone } from '#policy/policy.ts';
import { startTestServer, type TestServer } from '#test/support/server.ts';

type Sent = Parameters<Keystone['identify']>[0];

let server: TestServer;
let shown: Sent[];
let answer: () => ReturnType<Keystone['identify']>;

const keystone: Keystone = {
  publicUrl: 'http://keystone.example/v3',
  identify: (sent) => {
    shown.push(sent);
    return answer();
  },
  [Symbol.dispose]: () => undefined,
};

beforeAll(async () => {
  server = await startTestServer({ http: { keystone, dev: false } });
});

afterAll(() => server[Symbol.asyncDispose]());

beforeEach(() => {
  shown = [];
  answer = () => createCaller('u', 'p', ['member']);
});

const path = '/v2/images/00000000-0000-4000-8000-000000000000';
const get = (headers: Readonly<Record<string, string>>, query = '') => fetch(`${server.url}${path}${query}`, { headers });
const statusOf = async (headers: Readonly<Record<string, string>>) => (await get(headers)).status;

describe('a request’s token', () => {
  it('goes to Keystone when it is none of ours, with what the request is', async () => {
    expect(await statusOf({ 'X-Auth-Token': 'gAAAAA' })).toBe(404);
    expect((await get({ Authorization: 'Bearer gAAAAA', 'X-Service-Token': 's' }, '?a=b')).status).toBe(404);
    expect(shown).toEqual([
      { token: 'gAAAAA', serviceToken: undefined, method: 'GET', path },
      { token: 'gAAAAA', serviceToken: 's', method: 'GET', path },
    ]);
  });

  it('goes to Keystone with the method that is meant beside the one that was sent', async () => {
    expect(await statusOf({ 'X-Auth-Token': 'gAAAAA', 'X-HTTP-Method-Override': 'delete' })).toBe(404);
    expect(shown).toEqual([{ token: 'gAAAAA', serviceToken: undefined, method: 'GET', meantMethod: 'DELETE', path }]);
  });

  it('is never shown to Keystone when it is ours, or was meant to be', async () => {
    expect(await statusOf(await server.tokenFor('p', 'member'))).toBe(404);
    for (const token of ['vtr_', 'vtr_cut-short', `vtr_${'a'.repeat(43)}`])
      expect(await statusOf({ 'X-Auth-Token': token })).toBe(401);
    expect(shown).toEqual([]);
  });

  it('is waited for, and everything said of it is answered', async () => {
    const answers: [() => ReturnType<Keystone['identify']>, number][] = [
      [() => Promise.resolve(createCaller('u', 'p', ['member'])), 404],
      [() => Promise.resolve(undefined), 401],
      [() => undefined, 401],
      [() => Promise.reject(new AppError('FORBIDDEN')), 403],
      [() => Promise.reject(new AppError('IDENTITY_UNAVAILABLE')), 503],
    ];
    for (const [given, status] of answers) {
      answer = given;
      expect(await statusOf({ 'X-Auth-Token': 't' })).toBe(status);
    }
  });
});

describe('a refusal', () => {
  it('of an unknown caller says both ways to come back; that of a good token for something else says none', async () => {
    answer = () => undefined;
    const challenge = 'Keystone uri="http://keystone.example/v3", Bearer realm="vitrine"';
    for (const url of [path, '/api/v1/closure?ref=a', '/graphql']) {
      const response = await fetch(`${server.url}${url}`, { headers: { 'X-Auth-Token': 't' } });
      expect([url, response.status, response.headers.get('www-authenticate')]).toEqual([url, 401, challenge]);
    }
    answer = () => Promise.reject(new AppError('FORBIDDEN'));
    expect((await get({ 'X-Auth-Token': 't' })).headers.get('www-authenticate')).toBe(null);
  });

  it('while nobody can say who it is asks to come back soon', async () => {
    answer = () => Promise.reject(new AppError('IDENTITY_UNAVAILABLE', undefined, { cause: new Error('the password is x') }));
    const response = await get({ 'X-Auth-Token': 't' });
    expect(response.headers.get('retry-after')).toBe('1');
    expect(await response.text()).not.toContain('password');
  });

  it('is all there is without Keystone and without tokens of ours', async () => {
    await using bare = await startTestServer({ http: { authenticateToken: undefined, dev: false } });
    const { authorization } = await bare.tokenFor('p', 'member');
    for (const token of [authorization, 'Bearer gAAAAA']) {
      const response = await fetch(`${bare.url}${path}`, { headers: { authorization: token } });
      expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="vitrine"']);
    }
  });
});

describe('a caller', () => {
  it('is the same to whoever remembers it, and carries what the service beside it is', async () => {
    const caller: Caller = createCaller('u', 'p', ['member'], { serviceRoles: new Set(['service']) });
    expect([caller.serviceRoles.has('service'), caller.roles.has('service'), caller.isAdmin]).toEqual([true, false, false]);
    expect(createCaller('u', 'p', ['admin'])).toMatchObject({ isAdmin: true, roleNames: new Set(['admin']) });
  });
});
