import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { debianClients, missingClients, todaysClients } from '#test/clients/client-generations.ts';
import { type ImageCloud, startImageCloud } from '#test/clients/image-cloud.ts';
import { bootImage, makeBootImage, missingForBoot } from '#test/support/boot-machine.ts';
import { missingForKeystone } from '#test/support/keystone.ts';
import { mustSkip } from '#test/support/suites.ts';
import { run } from '#test/support/vitrine-process.ts';

const generations = [debianClients, todaysClients];
const missingClientsOfAll = (await Promise.all(generations.map(missingClients))).flat();
const missing = [...missingForBoot, ...missingForKeystone, ...missingClientsOfAll];

describe.skipIf(mustSkip('boot', missing))(
  'a bootable image in a cloud',
  () => {
    let folder: string;
    let cloud: ImageCloud;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'vitrine-boot-cloud-'));
      cloud = await startImageCloud();
    }, 180_000);

    afterAll(async () => {
      await cloud[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    });

    it.each(generations)(
      'uploaded and saved by the openstack command of $name boots with the nonce of this run',
      async ({ programs }) => {
        const openstack = async (...args: readonly string[]): Promise<string> => {
          const result = await run(join(programs, 'openstack'), args, { HOME: folder, ...cloud.accounts.alice });
          expect(result.code, result.stderr).toBe(0);
          return result.stdout;
        };
        const nonce = `VITRINE-${randomUUID()}`;
        const iso = await makeBootImage(folder, nonce);
        const formats = ['--disk-format', 'iso', '--container-format', 'bare'];
        const id = await openstack('image', 'create', nonce, ...formats, '--file', iso, '-f', 'value', '-c', 'id');
        const saved = join(folder, `${nonce}.iso`);
        await openstack('image', 'save', '--file', saved, id.trim());
        expect((await readFile(saved)).equals(await readFile(iso))).toBe(true);
        expect(await bootImage(saved, 60)).toContain(nonce);
        await openstack('image', 'delete', nonce);
      },
    );
  },
  180_000,
);
