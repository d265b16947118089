/** What people do to images with the `openstack` command, in the order in which they learn it. */
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { run } from '#test/support/vitrine-process.ts';
import { openstackImages, rawFormats } from './openstack-images.ts';
import { md5, type Stage, sha512 } from './stage.ts';

export function describeOpenstack(stage: Stage): void {
  describe('openstack', () => {
    const content = randomBytes(300_000);
    let file: string;

    beforeAll(async () => {
      file = join(stage.folder, 'openstack.raw');
      await writeFile(file, content);
    });

    const { create, show, names, ok, refused } = openstackImages(stage);

    it('creates an image from a file and saves it byte for byte', async () => {
      const options = ['--property', 'os_distro=debian', '--property', 'hw_disk_bus=scsi', '--tag', 'golden', '--tag', 'x86'];
      const { id } = await create(stage.alice, 'os-first', '--file', file, '--min-disk', '1', '--min-ram', '64', ...options);
      const shown = await show(stage.alice, id);
      expect(shown).toMatchObject({
        name: 'os-first',
        status: 'active',
        visibility: 'shared',
        protected: false,
        owner: stage.cloud.projects.alpha,
        size: content.length,
        checksum: md5(content),
        disk_format: 'raw',
        container_format: 'bare',
        min_disk: 1,
        min_ram: 64,
        properties: { os_distro: 'debian', hw_disk_bus: 'scsi', os_hash_algo: 'sha512', os_hash_value: sha512(content) },
      });
      expect(shown.tags.toSorted()).toEqual(['golden', 'x86']);
      const saved = join(stage.folder, 'saved.raw');
      await ok(stage.alice, 'save', '--file', saved, 'os-first');
      expect(await readFile(saved)).toEqual(content);
    });

    it('creates one from standard input', async () => {
      const args = ['image', 'create', 'os-piped', ...rawFormats, '-f', 'json'];
      const { code, stdout, stderr } = await stage.clients.run('openstack', stage.alice, args, file);
      expect(code, stderr).toBe(0);
      const { id } = JSON.parse(stdout) as { id: string };
      expect(await show(stage.alice, id)).toMatchObject({ status: 'active', size: content.length, checksum: md5(content) });
    });

    it('creates one without data, which waits for them', async () => {
      const created = await create(stage.alice, 'os-queued');
      expect(created.status).toBe('queued');
      expect(created.size ?? null).toBeNull();
      await ok(stage.alice, 'delete', 'os-queued');
    });

    it('creates one of a real disk, whose virtual size is found', async () => {
      const disk = join(stage.folder, 'disk.qcow2');
      expect((await run('qemu-img', ['create', '-f', 'qcow2', disk, '64M'])).code).toBe(0);
      const created = await create(stage.alice, 'os-disk', '--disk-format', 'qcow2', '--file', disk);
      const shown = await show(stage.alice, created.id);
      expect(shown).toMatchObject({ status: 'active', disk_format: 'qcow2' });
      expect(shown.virtual_size ?? shown.properties['virtual_size']).toBe(64 * 2 ** 20);
    });

    it('is told that the data are not what they were said to be, and no image stays behind', async () => {
      const said = await refused(stage.alice, 'create', 'os-liar', '--disk-format', 'qcow2', '--file', file);
      expect(said).toMatch(/415|qcow2/);
      expect(await names(stage.alice, '--name', 'os-liar')).toEqual([]);
    });

    it('finds an image by name and by id', async () => {
      const byName = await show(stage.alice, 'os-first');
      expect(await show(stage.alice, byName.id)).toEqual(byName);
      expect(await refused(stage.alice, 'show', 'os-nowhere')).toContain('os-nowhere');
    });

    it('lists by name, status, tags, property and visibility, in the order asked for, page by page', async () => {
      for (const number of [1, 2, 3]) {
        const even = number % 2 === 0 ? ['--tag', 'even'] : [];
        await create(stage.alice, `os-list-${number}`, '--tag', 'listed', ...even, '--property', `number=${number}`, '--private');
      }
      const listed = ['--tag', 'listed'];
      expect(await names(stage.alice, ...listed)).toEqual(['os-list-1', 'os-list-2', 'os-list-3']);
      expect(await names(stage.alice, ...listed, '--sort', 'name:desc')).toEqual(['os-list-3', 'os-list-2', 'os-list-1']);
      expect(await names(stage.alice, ...listed, '--tag', 'even')).toEqual(['os-list-2']);
      expect(await names(stage.alice, ...listed, '--property', 'number=3')).toEqual(['os-list-3']);
      expect(await names(stage.alice, '--name', 'os-list-1')).toEqual(['os-list-1']);
      expect(await names(stage.alice, ...listed, '--status', 'queued', '--private')).toHaveLength(3);
      expect(await names(stage.alice, ...listed, '--status', 'active')).toEqual([]);
      expect(await names(stage.alice, ...listed, '--shared')).toEqual([]);
      const [newest] = await names(stage.alice, ...listed, '--limit', '1');
      expect(newest).toBe('os-list-3');
      const rest = await names(stage.alice, ...listed, '--marker', 'os-list-3');
      expect(rest).toEqual(['os-list-1', 'os-list-2']);
      const [long] = await stage.clients.openstack<object[]>(stage.alice, 'image', 'list', '--long', '--name', 'os-first');
      expect(long).toMatchObject({ Name: 'os-first', Size: content.length, Checksum: md5(content), Visibility: 'shared' });
      await ok(stage.alice, 'delete', 'os-list-1', 'os-list-2', 'os-list-3');
      expect(await names(stage.alice, ...listed)).toEqual([]);
    });

    it('sets and unsets names, properties, sizes and tags', async () => {
      const { id } = await create(stage.alice, 'os-change', '--property', 'keep=this', '--property', 'drop=that', '--tag', 'old');
      const changes = ['--name', 'os-changed', '--property', 'added=now', '--min-disk', '4', '--min-ram', '512', '--tag', 'new'];
      await ok(stage.alice, 'set', ...changes, '--os-distro', 'debian', '--architecture', 'x86_64', id);
      await ok(stage.alice, 'unset', '--property', 'drop', '--tag', 'old', id);
      const shown = await show(stage.alice, 'os-changed');
      expect(shown).toMatchObject({ id, min_disk: 4, min_ram: 512, tags: ['new'] });
      expect(shown.properties).toMatchObject({ keep: 'this', added: 'now', os_distro: 'debian', architecture: 'x86_64' });
      expect(shown.properties).not.toHaveProperty('drop');
      await ok(stage.alice, 'delete', id);
    });
  });
}
