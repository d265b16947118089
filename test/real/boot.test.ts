import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bootImage, makeBootImage, missingForBoot } from '#test/support/boot-machine.ts';
import { findExecutable, mustSkip } from '#test/support/suites.ts';
import { run, startVitrine, type VitrineProcess } from '#test/support/vitrine-process.ts';

const isoFiles = ['/usr/lib/ipxe/ipxe.iso', '/usr/lib/grub-rescue/grub-rescue-cdrom.iso'];
const tools = ['qemu-img', 'curl', 'sha256sum'].filter((tool) => findExecutable(tool) === undefined);
const missing = [...missingForBoot, ...tools, ...isoFiles.filter((path) => !existsSync(path))];

interface Shown {
  readonly id: string;
  readonly version: string;
  readonly slots: readonly {
    readonly slot: string;
    readonly path: string;
    readonly size: number;
    readonly sha256: string;
    readonly url: string;
  }[];
}

describe.skipIf(mustSkip('boot', missing))(
  'bootable images from Debian packages',
  () => {
    let folder: string;
    let vitrine: VitrineProcess;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'vitrine-boot-'));
      vitrine = await startVitrine();
    });

    afterAll(async () => {
      await vitrine[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    });

    async function push(name: string, version: string, format: string, file: string): Promise<void> {
      const properties = ['--property', `disk_format=${format}`, '--property', 'container_format=bare'];
      const result = await vitrine.cli([
        'push',
        '--type',
        'image',
        '--name',
        name,
        '--version',
        version,
        ...properties,
        '--slot',
        `data=${file}`,
        '--publish',
        '--json',
      ]);
      expect(result, result.stderr).toMatchObject({ code: 0 });
    }

    async function show(ref: string): Promise<Shown> {
      const result = await vitrine.cli(['show', ref, '--json']);
      expect(result, result.stderr).toMatchObject({ code: 0 });
      return JSON.parse(result.stdout) as Shown;
    }

    async function sha256sum(file: string): Promise<string> {
      return (await run('sha256sum', [file])).stdout.split(' ')[0] ?? '';
    }

    it('come back byte for byte through the boot path, found by range, in several versions and formats', async () => {
      const [ipxe = '', grub = ''] = isoFiles;
      const qcow2 = join(folder, 'ipxe.qcow2');
      const vmdk = join(folder, 'grub.vmdk');
      expect((await run('qemu-img', ['convert', '-O', 'qcow2', ipxe, qcow2])).code).toBe(0);
      expect((await run('qemu-img', ['convert', '-O', 'vmdk', '-o', 'subformat=streamOptimized', grub, vmdk])).code).toBe(0);
      await push('rescue', '1.0.0', 'iso', ipxe);
      await push('rescue', '1.10.0', 'iso', grub);
      await push('rescue', '1.9.0', 'qcow2', qcow2);
      await push('rescue', '2.0.0-rc.1', 'vmdk', vmdk);

      for (const [range, version, file] of [
        ['^1', '1.10.0', grub],
        ['<1.9', '1.0.0', ipxe],
        ['~1.9', '1.9.0', qcow2],
        ['2.0.0-rc.1', '2.0.0-rc.1', vmdk],
      ] as const) {
        const shown = await show(`image/rescue@${range}`);
        expect(shown.version).toBe(version);
        const fetched = join(folder, `fetched-${version}`);
        const curl = await run('curl', ['-sS', '--fail', '-o', fetched, '-D', '-', `${vitrine.url}/v2/images/${shown.id}/file`]);
        expect(curl, curl.stderr).toMatchObject({ code: 0 });
        expect(curl.stdout.toLowerCase()).toContain('content-type: application/octet-stream');
        expect(await sha256sum(fetched)).toBe(await sha256sum(file));
        expect(shown.slots).toMatchObject([{ slot: 'data', sha256: await sha256sum(file) }]);
      }
    });

    it('answer resumed and partial transfers of curl', async () => {
      const shown = await show('image/rescue@1.0.0');
      const target = join(folder, 'resumed');
      const url = `${vitrine.url}/v2/images/${shown.id}/file`;
      await run('curl', ['-sS', '--fail', '-r', '0-99999', '-o', target, url]);
      const rest = await run('curl', ['-sS', '--fail', '-C', '-', '-o', target, url]);
      expect(rest, rest.stderr).toMatchObject({ code: 0 });
      expect(await sha256sum(target)).toBe(await sha256sum(isoFiles[0] ?? ''));
    });

    it('boot: the nonce of this run, pushed and pulled, is printed by its own boot code', async () => {
      const nonce = `VITRINE-${randomUUID()}`;
      const iso = await makeBootImage(folder, nonce);
      await push('nonce', '1.0.0', 'iso', iso);

      const shown = await show('image/nonce@^1');
      const fetched = join(folder, 'fetched-nonce.iso');
      await run('curl', ['-sS', '--fail', '-o', fetched, `${vitrine.url}/v2/images/${shown.id}/file`]);
      expect(await bootImage(fetched, 60)).toContain(nonce);

      // The same check on a disk with nothing on it: it must not find the nonce.
      const empty = join(folder, 'empty.img');
      await writeFile(empty, '');
      await truncate(empty, (await readFile(iso)).length);
      expect(await bootImage(empty, 10)).not.toContain(nonce);
    });
  },
  180_000,
);
