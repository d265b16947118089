import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { authenticateToken } from '#ops/authenticate-token.ts';
import type { OpContext } from '#ops/context.ts';
import { createToken } from '#ops/create-token.ts';
import { listTokens } from '#ops/list-tokens.ts';
import { revokeToken } from '#ops/revoke-token.ts';
import { actAs, createTestNode, type Node, outcome } from '#test/support/operations.ts';

let node: Node;
let own: OpContext;
let admin: OpContext;

beforeAll(async () => {
  node = await createTestNode();
  own = actAs(node.services, 'own');
  admin = actAs(node.services, 'ops', 'admin');
});
afterAll(() => node[Symbol.asyncDispose]());

describe('a token', () => {
  it('stands for its subject, project and roles, and is kept as a hash only', async () => {
    const { token, secret } = await createToken(own, { subject: 'ci', roles: ['member', 'reader'], description: 'for CI' });
    expect(token).toMatchObject({
      subject: 'ci',
      project: 'own',
      roles: ['member', 'reader'],
      createdBy: 'user-of-own',
      expiresAt: null,
    });
    const caller = await authenticateToken(node.services, secret);
    expect(caller).toMatchObject({ id: 'ci', project: 'own', roles: new Set(['member', 'reader']), isAdmin: false });
    const rows = await node.services.db.query({
      text: `SELECT api_token::text AS text FROM api_token UNION ALL SELECT event::text FROM event WHERE subject_type = 'token'
          UNION ALL SELECT audit::text FROM audit WHERE subject_type = 'token'`,
    });
    expect(rows.length).toBeGreaterThanOrEqual(3);
    expect(JSON.stringify(rows)).not.toContain(secret.slice(4));
  });

  it('of an administrator is one', async () => {
    const { secret } = await createToken(admin, { subject: 'root', project: 'any', roles: ['admin'] });
    expect(await authenticateToken(node.services, secret)).toMatchObject({ isAdmin: true, project: 'any' });
  });

  it.each(['', 'vtr_', `vtr_${'a'.repeat(43)}`, 'Bearer x', `vtr_${'\u0000'.repeat(43)}`])(
    'that is not one is nobody: %j',
    async (secret) => {
      expect(await authenticateToken(node.services, secret)).toBeUndefined();
    },
  );

  it('of one instance key is nobody under another', async () => {
    const { secret } = await createToken(own, { subject: 'keyed', roles: ['reader'] });
    const settings = { ...node.services.settings, instanceKey: new Uint8Array(32) };
    expect(await authenticateToken({ ...node.services, settings }, secret)).toBeUndefined();
  });

  it('ends when it expires, also where it was remembered', async () => {
    const { token, secret } = await createToken(own, { subject: 'short', roles: ['reader'], expiresInMs: 150 });
    expect(Date.parse(token.expiresAt ?? '') - Date.parse(token.createdAt)).toBe(150);
    expect(await authenticateToken(node.services, secret)).toBeDefined();
    await sleep(200);
    expect(await authenticateToken(node.services, secret)).toBeUndefined();
  });

  it('ends when it is revoked: here at once, on another node within five seconds', async () => {
    const second = await node.second();
    const { token, secret } = await createToken(own, { subject: 'revoked', roles: ['reader'] });
    expect(await authenticateToken(node.services, secret)).toBeDefined();
    expect(await authenticateToken(second, secret)).toBeDefined();
    const revoked = await revokeToken(own, { id: token.id });
    expect(revoked.revokedAt).not.toBeNull();
    expect(await authenticateToken(node.services, secret)).toBeUndefined();
    expect((await revokeToken(own, { id: token.id })).revokedAt).toBe(revoked.revokedAt);
    const kinds = await node.services.db.query({ text: 'SELECT kind FROM event WHERE subject_id = $1 ORDER BY id' }, [token.id]);
    expect(kinds).toEqual([{ kind: 'token.created' }, { kind: 'token.revoked' }]);
    await expect.poll(() => authenticateToken(second, secret), { timeout: 5000, interval: 250 }).toBeUndefined();
  });
});

describe('making tokens', () => {
  it('is bounded by the own roles and the own project', async () => {
    expect(await outcome(createToken(own, { subject: 's', roles: ['admin'] }))).toBe('FORBIDDEN');
    expect(await outcome(createToken(own, { subject: 's', roles: ['service'] }))).toBe('FORBIDDEN');
    expect(await outcome(createToken(own, { subject: 's', roles: ['reader'], project: 'other' }))).toBe('FORBIDDEN');
    expect(await outcome(createToken(actAs(node.services, 'own', 'reader'), { subject: 's', roles: ['reader'] }))).toBe(
      'FORBIDDEN',
    );
    expect(await outcome(createToken(admin, { subject: 's', roles: ['service', 'reader'], project: 'other' }))).toBe('ok');
  });

  it.each([
    [{ subject: '', roles: ['reader'] }, 'NAME_INVALID'],
    [{ subject: 's', roles: [] }, 'INPUT_INVALID'],
    [{ subject: 's', roles: ['owner'] }, 'INPUT_INVALID'],
    [{ subject: 's', roles: ['__proto__'] }, 'INPUT_INVALID'],
    [{ subject: 's', roles: ['reader'], expiresInMs: 0 }, 'INPUT_INVALID'],
    [{ subject: 's', roles: ['reader'], expiresInMs: 1e300 }, 'INPUT_INVALID'],
    [{ subject: 's', roles: ['reader'], expiresInMs: Number.NaN }, 'INPUT_INVALID'],
    [{ subject: 's', roles: ['reader'], description: 'a\u0000' }, 'INPUT_INVALID'],
    [{ subject: 's', roles: ['reader'], project: 'a\u202e' }, 'NAME_INVALID'],
  ])('refuses %j', async (input, code) => {
    expect(await outcome(createToken(own, input))).toBe(code);
  });
});

describe('the list of tokens', () => {
  it("is the project's, and every project's for administrators", async () => {
    const other = actAs(node.services, 'other-project');
    const { token } = await createToken(other, { subject: 'theirs', roles: ['reader'] });
    expect((await listTokens(other)).map(({ id }) => id)).toEqual([token.id]);
    expect((await listTokens(own)).map(({ id }) => id)).not.toContain(token.id);
    expect((await listTokens(admin)).map(({ id }) => id)).toContain(token.id);
    expect(await outcome(listTokens(actAs(node.services, 'own', 'reader')))).toBe('FORBIDDEN');
  });

  it("tells nothing of another project's token when it is revoked", async () => {
    const { token } = await createToken(own, { subject: 'mine', roles: ['reader'] });
    const other = actAs(node.services, 'other-project');
    for (const id of [token.id, '00000000-0000-4000-8000-000000000000', 'x', '\u0000']) {
      expect(await outcome(revokeToken(other, { id }))).toBe('TOKEN_NOT_FOUND');
    }
    expect(await outcome(revokeToken(admin, { id: token.id.toUpperCase() }))).toBe('ok');
  });
});
