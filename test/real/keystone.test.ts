import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type KeystoneServer, missingForKeystone, startKeystone } from '#test/support/keystone.ts';
import { type KeystoneCloud, type KeystoneUser, openKeystoneCloud } from '#test/support/keystone-cloud.ts';
import { mustSkip } from '#test/support/suites.ts';
import { startVitrine, type VitrineProcess } from '#test/support/vitrine-process.ts';

describe.skipIf(mustSkip('keystone', missingForKeystone))(
  'a Vitrine whose callers are those of a real Keystone',
  { timeout: 120_000 },
  () => {
    const stack = new AsyncDisposableStack();
    let keystone: KeystoneServer;
    let cloud: KeystoneCloud;
    let vitrine: VitrineProcess;
    let service: KeystoneUser;
    let nova: KeystoneUser;
    let alice: KeystoneUser;
    let bob: KeystoneUser;
    let reader: KeystoneUser;

    beforeAll(async () => {
      keystone = stack.use(await startKeystone());
      cloud = await openKeystoneCloud(keystone);
      // Of Keystone's own defaults, the role `service` is enough to ask about others' tokens.
      service = await cloud.createUser('vitrine', 'service', 'service');
      nova = await cloud.createUser('nova', 'service', 'service');
      alice = await cloud.createUser('alice', 'red', 'member');
      bob = await cloud.createUser('bob', 'blue', 'member');
      reader = await cloud.createUser('rita', 'red', 'reader');
      const folder = await mkdtemp(join(tmpdir(), 'vitrine-secret-'));
      stack.defer(() => rm(folder, { recursive: true }));
      await writeFile(join(folder, 'password'), `${service.password}\n`);
      vitrine = stack.use(
        await startVitrine({
          env: {
            VITRINE_AUTH_KEYSTONE_URL: keystone.url,
            VITRINE_AUTH_KEYSTONE_PUBLIC_URL: 'https://cloud.example/identity',
            VITRINE_AUTH_KEYSTONE_USERNAME: service.name,
            VITRINE_AUTH_KEYSTONE_PASSWORD_FILE: join(folder, 'password'),
            VITRINE_AUTH_KEYSTONE_PROJECT: 'service',
            VITRINE_AUTH_KEYSTONE_CACHE_MS: '1000',
          },
        }),
      );
    }, 240_000);

    afterAll(() => stack.disposeAsync(), 60_000);

    const send = (path: string, headers: Readonly<Record<string, string>> = {}, method = 'GET', body?: unknown) =>
      fetch(`${vitrine.url}${path}`, {
        method,
        headers: { ...headers, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    const as = (token: string, serviceToken?: string) => ({
      'X-Auth-Token': token,
      ...(serviceToken === undefined ? {} : { 'X-Service-Token': serviceToken }),
    });
    const statusAs = async (token: string, path = '/v2/images', serviceToken?: string): Promise<number> =>
      (await send(path, as(token, serviceToken))).status;
    const createImage = async (token: string): Promise<{ readonly id: string; readonly owner: string }> => {
      const response = await send('/v2/images', as(token), 'POST', { name: 'i', visibility: 'private' });
      expect(response.status).toBe(201);
      return (await response.json()) as { readonly id: string; readonly owner: string };
    };

    it('says in a 401 where tokens are to be had, and takes no caller for `dev`', async () => {
      for (const headers of [{}, as('gAAAAABforged'), as(''), { Authorization: 'Basic YTpi' }]) {
        const response = await send('/v2/images', headers);
        expect(response.status).toBe(401);
        expect(response.headers.get('www-authenticate')).toBe(
          'Keystone uri="https://cloud.example/identity", Bearer realm="vitrine"',
        );
      }
    });

    it('knows users, their projects and their roles', async () => {
      const image = await createImage(await cloud.tokenOf(alice));
      expect(image.owner).toBe(alice.projectId);
      expect(await statusAs(await cloud.tokenOf(bob), `/v2/images/${image.id}`)).toBe(404);
      expect(await statusAs(await cloud.tokenOf(reader), `/v2/images/${image.id}`)).toBe(200);
      const refused = await send('/v2/images', as(await cloud.tokenOf(reader)), 'POST', { name: 'i' });
      expect(refused.status).toBe(403);
      expect(await statusAs(cloud.adminToken, `/v2/images/${image.id}`)).toBe(200);
    });

    it('knows them on every plane, as bearers too', async () => {
      const token = await cloud.tokenOf(alice);
      const { id } = await createImage(token);
      const body = { query: `{ artifact(id: "${id}") { project } }` };
      for (const headers of [as(token), { Authorization: `Bearer ${token}` }]) {
        const answer = await send('/graphql', headers, 'POST', body);
        expect(answer.status).toBe(200);
        expect(await answer.json()).toEqual({ data: { artifact: { project: alice.projectId } } });
      }
    });

    it('takes their tokens from the command line', async () => {
      const listed = await vitrine.cli(['list', '--json'], { VITRINE_TOKEN: await cloud.tokenOf(alice) });
      expect(listed, listed.stderr).toMatchObject({ code: 0 });
      const refused = await vitrine.cli(['list'], { VITRINE_TOKEN: 'gAAAAABforged' });
      expect(refused.code).toBe(4);
    });

    it('forbids what is for no project: unscoped, for a domain, for the system', async () => {
      await cloud.grantDomainRole(alice.id, 'admin');
      await cloud.grantSystemRole(alice.id, 'admin');
      for (const scope of [null, { domain: 'default' }, { system: 'all' }] as const) {
        expect(await statusAs(await cloud.tokenOf(alice, scope))).toBe(403);
      }
    });

    it('hears of a revoked token, and of a disabled user, within the age', async () => {
      const [token, kept] = [await cloud.tokenOf(bob), await cloud.tokenOf(bob)];
      expect([await statusAs(token), await statusAs(kept)]).toEqual([200, 200]);
      await cloud.revoke(token);
      await expect.poll(() => statusAs(token), { timeout: 30_000 }).toBe(401);
      expect(await statusAs(kept)).toBe(200);
      const carol = await cloud.createUser('carol', 'blue', 'member');
      const hers = await cloud.tokenOf(carol);
      expect(await statusAs(hers)).toBe(200);
      await cloud.disableUser(carol.id);
      await expect.poll(() => statusAs(hers), { timeout: 30_000 }).toBe(401);
    });

    it('takes application credentials, and keeps their access rules', async () => {
      const free = await cloud.tokenOfCredential(await cloud.createApplicationCredential(alice));
      const { id } = await createImage(free);
      const access_rules = [{ service: 'image', method: 'GET', path: '/v2/images/{image_id}' }];
      const limited = await cloud.tokenOfCredential(await cloud.createApplicationCredential(alice, { access_rules }));
      expect(await statusAs(limited, `/v2/images/${id}`)).toBe(200);
      expect(await statusAs(limited)).toBe(403);
      expect((await send(`/v2/images/${id}`, as(limited), 'DELETE')).status).toBe(403);
      expect(await statusAs(limited, '/v2/images', await cloud.tokenOf(nova))).toBe(200);
      expect((await send(`/v2/images/${id}`, as(free), 'DELETE')).status).toBe(204);
    });

    it('logs in again when its own token is revoked', async () => {
      await cloud.call('PATCH', `/users/${service.id}`, { user: { enabled: false } });
      await cloud.call('PATCH', `/users/${service.id}`, { user: { enabled: true } });
      const token = await cloud.tokenOf(alice);
      // Keystone counts in seconds: what is issued in the second of a revocation is revoked too.
      await expect.poll(() => statusAs(token), { timeout: 30_000 }).toBe(200);
    });

    it('goes on with who is known while Keystone is away, and sends others to wait', async () => {
      const [known, unknown] = [await cloud.tokenOf(alice), await cloud.tokenOf(alice)];
      expect(await statusAs(known)).toBe(200);
      await keystone.kill();
      const response = await send('/v2/images', as(unknown));
      expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
      expect(await statusAs(known)).toBe(200);
      expect((await send('/v2/images')).status).toBe(401);
      await keystone.restart({ tokenSeconds: 3 });
      await expect.poll(() => statusAs(unknown), { timeout: 30_000 }).toBe(200);
    });

    it('ends a token at its end, unless a service goes on with it for the user', async () => {
      const token = await cloud.tokenOf(alice);
      await expect.poll(() => statusAs(token), { timeout: 30_000 }).toBe(401);
      await keystone.restart();
      const long = await cloud.tokenOf(nova);
      expect(await statusAs(token, '/v2/images', long)).toBe(200);
      expect(await statusAs(token, '/v2/images', await cloud.tokenOf(bob))).toBe(401);
      expect(await statusAs(token, '/v2/images', 'forged')).toBe(401);
      expect(await statusAs(token)).toBe(401);
    });

    it('counts what Keystone said', async () => {
      const metrics = await (await send('/metrics')).text();
      for (const outcome of ['confirmed', 'refused', 'unanswered']) {
        expect(metrics).toMatch(new RegExp(`^vitrine_keystone_validation_seconds_count\\{outcome="${outcome}"\\} [1-9]`, 'm'));
      }
    });

    it('lets no secret into its log', async () => {
      const secrets = [service.password, cloud.adminToken];
      expect(secrets.filter((secret) => vitrine.output().includes(secret))).toEqual([]);
      expect(vitrine.output()).toContain('Keystone knows this server');
    });
  },
);
