/** Tokens as clients come to have them: revoked, expired, of another project, of an application, for nothing, of nobody. */
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import type { CommandResult } from '#test/support/vitrine-process.ts';
import type { Account } from './clients.ts';
import { tokenCacheMs } from './image-cloud.ts';
import type { Stage } from './stage.ts';

export function describeTokens(stage: Stage): void {
  describe('tokens', () => {
    let id: string;

    beforeAll(async () => {
      const args = ['image', 'create', 'tk-private', '--private', '--disk-format', 'raw', '--container-format', 'bare'];
      id = (await stage.clients.openstack<{ id: string }>(stage.alice, ...args)).id;
    });

    const issue = async (account: Account): Promise<string> =>
      (await stage.clients.openstack<{ id: string }>(account, 'token', 'issue')).id;
    /** As scripts do that were handed a token: straight to the image service. */
    const show = (token: string): Promise<CommandResult> => {
      const args = ['--os-image-url', stage.cloud.vitrine.url, '--os-auth-token', token, 'image-show', id];
      return stage.clients.run('glance', { OS_AUTH_URL: stage.alice['OS_AUTH_URL'] ?? '' }, args);
    };
    const ask = async (token: string): Promise<Response> => {
      const response = await fetch(`${stage.cloud.vitrine.url}/v2/images/${id}`, { headers: { 'X-Auth-Token': token } });
      await response.arrayBuffer();
      return response;
    };
    /** What is asked again until it is refused, or for so long that it should have been. */
    const refusalWithin = async (token: string, withinMs: number): Promise<number> => {
      const deadline = Date.now() + withinMs;
      for (;;) {
        const { status } = await ask(token);
        if (status !== 200 || Date.now() > deadline) return status;
        await sleep(100);
      }
    };
    const expectUnauthorised = async (token: string): Promise<void> => {
      const response = await ask(token);
      expect(response.status).toBe(401);
      expect(response.headers.get('www-authenticate')).toMatch(/^Keystone uri="http:/);
      const shown = await show(token);
      expect(shown.code, shown.stdout).toBe(1);
      expect(shown.stderr).toMatch(/401|[Aa]uthenticat|[Uu]nauthori[sz]ed|[Aa]uthori[sz]ation|credentials/);
    };
    // Its age, and time for the two servers to answer on a busy machine.
    const forgottenMs = tokenCacheMs + 20_000;

    it('are as good as a password, until they are revoked', async () => {
      const token = await issue(stage.alice);
      expect(await show(token)).toMatchObject({ code: 0 });
      await stage.clients.print('openstack', stage.alice, 'token', 'revoke', token);
      expect(await refusalWithin(token, forgottenMs)).toBe(401);
      await expectUnauthorised(token);
    });

    it('end with their user, and when they expire', async () => {
      const { keystone } = stage.cloud;
      const user = await keystone.createUser('leaver', 'alpha', 'member');
      const token = await keystone.tokenOf(user);
      const expires_at = new Date(Date.now() + 10_000).toISOString();
      const brief = await keystone.tokenOfCredential(await keystone.createApplicationCredential(user, { expires_at }));
      expect((await ask(brief)).status).toBe(200);
      expect(await refusalWithin(brief, 10_000 + forgottenMs)).toBe(401);
      await expectUnauthorised(brief);
      expect(await show(token)).toMatchObject({ code: 0 });
      await keystone.disableUser(user.id);
      expect(await refusalWithin(token, forgottenMs)).toBe(401);
      await expectUnauthorised(token);
    });

    it('of another project see nothing of what is private', async () => {
      const token = await issue(stage.bob);
      const shown = await show(token);
      expect(shown.code).toBe(1);
      expect(shown.stderr).toMatch(/404|no image|[Nn]ot [Ff]ound/);
      const rows = await stage.clients.openstack<{ ID: string }[]>(stage.bob, 'image', 'list', '--all');
      expect(rows.map((row) => row.ID)).not.toContain(id);
    });

    it('come from application credentials too', async () => {
      const { keystone } = stage.cloud;
      const user = await keystone.createUser('application', 'alpha', 'member');
      const credential = await keystone.createApplicationCredential(user);
      const account = {
        OS_AUTH_TYPE: 'v3applicationcredential',
        OS_AUTH_URL: stage.alice['OS_AUTH_URL'] ?? '',
        OS_IDENTITY_API_VERSION: '3',
        OS_REGION_NAME: stage.alice['OS_REGION_NAME'] ?? '',
        OS_APPLICATION_CREDENTIAL_ID: credential.id,
        OS_APPLICATION_CREDENTIAL_SECRET: credential.secret,
      };
      expect(await stage.clients.openstack(account, 'image', 'show', id)).toMatchObject({ name: 'tk-private' });
    });

    it('for no project, and what is no token, open nothing', async () => {
      const { keystone } = stage.cloud;
      const user = await keystone.createUser('nowhere', 'alpha', 'member');
      expect((await ask(await keystone.tokenOf(user, null))).status).toBe(403);
      await expectUnauthorised('gAAAAABnothing-that-was-ever-issued');
      await expectUnauthorised('vtr_nothing-that-was-ever-issued');
    });
  });
}
