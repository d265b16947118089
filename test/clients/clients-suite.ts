/** Everything that one generation of OpenStack clients does to a Vitrine that a real Keystone names as the image service. */
import { afterAll, beforeAll, describe } from 'vitest';
import { missingForKeystone } from '#test/support/keystone.ts';
import { findExecutable, mustSkip } from '#test/support/suites.ts';
import { type ClientGeneration, missingClients } from './client-generations.ts';
import { describeGlance } from './glance-suite.ts';
import { describeLibraries } from './library-suite.ts';
import { describeOpenstackSharing } from './openstack-sharing-suite.ts';
import { describeOpenstack } from './openstack-suite.ts';
import { openStage, type Stage } from './stage.ts';
import { describeTokens } from './token-suite.ts';
import { describeVersions } from './version-suite.ts';

const missingTools = ['qemu-img'].filter((tool) => findExecutable(tool) === undefined);

export async function describeClients(generation: ClientGeneration): Promise<void> {
  const missing = [...missingForKeystone, ...missingTools, ...(await missingClients(generation))];
  describe.skipIf(mustSkip('clients', missing))(
    generation.name,
    () => {
      // The suites are described before it is there: it is filled in before they play.
      const stage = {} as Stage;
      const opened = new AsyncDisposableStack();
      beforeAll(async () => void Object.assign(stage, opened.use(await openStage(generation))), 180_000);
      afterAll(() => opened.disposeAsync());

      describeOpenstack(stage);
      describeOpenstackSharing(stage);
      describeGlance(stage);
      describeLibraries(stage, generation);
      describeVersions(stage);
      describeTokens(stage);
    },
    300_000,
  );
}
