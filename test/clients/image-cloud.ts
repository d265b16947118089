/** A small cloud: a Keystone with two projects and their people, and a running Vitrine that its catalogue names as the image service. */
import { startKeystone } from '#test/support/keystone.ts';
import { type KeystoneCloud, type KeystoneUser, openKeystoneCloud } from '#test/support/keystone-cloud.ts';
import { startVitrine, type VitrineProcess } from '#test/support/vitrine-process.ts';
import type { Account } from './clients.ts';

/** How long Vitrine goes by what Keystone said of a token: a moment, so that tests see it forget. */
export const tokenCacheMs = 1_000;

export interface ImageCloud extends AsyncDisposable {
  readonly keystone: KeystoneCloud;
  readonly vitrine: VitrineProcess;
  /** Ids of projects. */
  readonly projects: { readonly alpha: string; readonly beta: string };
  readonly accounts: Readonly<Record<'alice' | 'rita' | 'bob' | 'operator', Account>>;
}

export async function startImageCloud(): Promise<ImageCloud> {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await startKeystone());
  const keystone = await openKeystoneCloud(server);
  const alice = await keystone.createUser('alice', 'alpha', 'member');
  const rita = await keystone.createUser('rita', 'alpha', 'reader');
  const bob = await keystone.createUser('bob', 'beta', 'member');
  const service = await keystone.createUser('vitrine', 'service', 'service');
  const vitrine = stack.use(await startVitrine({ env: settingsFor(server.url, service) }));
  await keystone.registerImageEndpoint(vitrine.url);
  const kept = stack.move();
  const { environmentOf } = keystone;
  return {
    keystone,
    vitrine,
    projects: { alpha: alice.projectId, beta: bob.projectId },
    accounts: {
      alice: environmentOf(alice),
      rita: environmentOf(rita),
      bob: environmentOf(bob),
      operator: environmentOf(keystone.admin),
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

function settingsFor(url: string, service: KeystoneUser): Record<string, string> {
  return {
    VITRINE_AUTH_KEYSTONE_URL: url,
    VITRINE_AUTH_KEYSTONE_USERNAME: service.name,
    VITRINE_AUTH_KEYSTONE_PASSWORD: service.password,
    VITRINE_AUTH_KEYSTONE_PROJECT: service.projectName,
    VITRINE_AUTH_KEYSTONE_CACHE_MS: String(tokenCacheMs),
  };
}
