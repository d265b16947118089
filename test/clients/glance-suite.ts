/** What people do to images with the `glance` command, which validates each answer by the server's own schemas. */
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Account } from './clients.ts';
import { md5, type Stage, sha512 } from './stage.ts';

const raw = ['--disk-format', 'raw', '--container-format', 'bare'];

export function describeGlance(stage: Stage): void {
  describe('glance', () => {
    const content = randomBytes(200_000);
    let file: string;

    beforeAll(async () => {
      file = join(stage.folder, 'glance.raw');
      await writeFile(file, content);
    });

    const ok = (account: Account, ...args: readonly string[]): Promise<string> => stage.clients.print('glance', account, ...args);
    const refused = (account: Account, ...args: readonly string[]): Promise<string> =>
      stage.clients.complaint('glance', account, ...args);
    const table = async (account: Account, ...args: readonly string[]): Promise<Record<string, string>> =>
      readPairs(await ok(account, ...args));
    const create = (name: string, ...options: readonly string[]): Promise<Record<string, string>> =>
      table(stage.alice, 'image-create', '--name', name, ...raw, ...options);
    const names = async (account: Account, ...options: readonly string[]): Promise<string[]> =>
      readRows(await ok(account, 'image-list', '--sort', 'name:asc', ...options)).map((row) => row[1] ?? '');

    it('creates an image from a file, shows it, and downloads it with its checksum verified', async () => {
      const options = ['--property', 'os_distro=debian', '--min-ram', '64', '--tags', 'golden', '--visibility', 'private'];
      const created = await create('gl-first', '--file', file, ...options);
      const base = {
        name: 'gl-first',
        status: 'active',
        visibility: 'private',
        owner: stage.cloud.projects.alpha,
        size: String(content.length),
        checksum: md5(content),
        os_hash_algo: 'sha512',
        os_distro: 'debian',
        min_ram: '64',
        protected: 'False',
        os_hidden: 'False',
      };
      expect(created).toMatchObject(base);
      const { id = '' } = created;
      const shown = await table(stage.alice, 'image-show', '--max-column-width', '200', id);
      expect(shown).toMatchObject({ ...base, os_hash_value: sha512(content) });
      const saved = join(stage.folder, 'gl-saved.raw');
      await ok(stage.alice, 'image-download', '--file', saved, id);
      expect(await readFile(saved)).toEqual(content);
      await ok(stage.alice, 'image-delete', id);
      expect(await refused(stage.alice, 'image-show', id)).toMatch(/404|not found|no image/i);
    });

    it('creates one from standard input', async () => {
      const args = ['image-create', '--name', 'gl-piped', ...raw];
      const { code, stdout, stderr } = await stage.clients.run('glance', stage.alice, args, file);
      expect(code, stderr).toBe(0);
      const { id = '', ...created } = readPairs(stdout);
      expect(created).toMatchObject({ status: 'active', size: String(content.length) });
      await ok(stage.alice, 'image-delete', id);
    });

    it('creates one first and uploads its data later', async () => {
      const { id = '', status } = await create('gl-later');
      expect(status).toBe('queued');
      expect(await refused(stage.alice, 'image-download', '--file', join(stage.folder, 'nothing'), id)).toMatch(/no data/i);
      await ok(stage.alice, 'image-upload', '--file', file, '--size', String(content.length), id);
      expect(await table(stage.alice, 'image-show', id)).toMatchObject({ status: 'active', size: String(content.length) });
      expect(await refused(stage.alice, 'image-upload', '--file', file, id)).toMatch(/409|Conflict/);
      await ok(stage.alice, 'image-delete', id);
    });

    it('lists all pages of any size, by tag, property, visibility, checksum and hidden', async () => {
      for (const number of [1, 2, 3, 4, 5]) {
        const odd = number % 2 === 1 ? ['--tags', 'odd', 'listed'] : ['--tags', 'listed'];
        await create(`gl-list-${number}`, '--property', `number=${number}`, ...odd);
      }
      const all = ['gl-list-1', 'gl-list-2', 'gl-list-3', 'gl-list-4', 'gl-list-5'];
      expect(await names(stage.alice, '--tag', 'listed')).toEqual(all);
      expect(await names(stage.alice, '--tag', 'listed', '--page-size', '2')).toEqual(all);
      // Both tags, on each page.
      const odd = ['gl-list-1', 'gl-list-3', 'gl-list-5'];
      expect(await names(stage.alice, '--tag', 'listed', '--tag', 'odd', '--page-size', '1')).toEqual(odd);
      expect(await names(stage.alice, '--tag', 'listed', '--limit', '4', '--page-size', '3')).toEqual(all.slice(0, 4));
      expect(await names(stage.alice, '--property-filter', 'number=4', '--tag', 'listed')).toEqual(['gl-list-4']);
      expect(await names(stage.alice, '--property-filter', 'name=in:gl-list-2,gl-list-5')).toEqual(['gl-list-2', 'gl-list-5']);
      expect(await names(stage.alice, '--tag', 'listed', '--visibility', 'private')).toEqual([]);
      expect(await names(stage.alice, '--checksum', '0'.repeat(32))).toEqual([]);
      expect(await names(stage.alice, '--hash', '0'.repeat(128))).toEqual([]);
      expect(await refused(stage.alice, 'image-list', '--property-filter', 'size_min=many')).toMatch(/400|size_min/);
      const rows = readRows(await ok(stage.alice, 'image-list', '--tag', 'listed'));
      await ok(stage.alice, 'image-update', '--hidden', 'True', rows[0]?.[0] ?? '');
      expect(await names(stage.alice, '--tag', 'listed')).toHaveLength(4);
      expect(await names(stage.alice, '--tag', 'listed', '--hidden', 'True')).toHaveLength(1);
      await ok(stage.alice, 'image-delete', ...rows.map((row) => row[0] ?? ''));
    });

    it('updates names, sizes and properties, and removes properties', async () => {
      const { id = '' } = await create('gl-change', '--property', 'keep=this', '--property', 'drop=that');
      const options = ['--name', 'gl-changed', '--property', 'added=now', '--remove-property', 'drop', '--min-disk', '3'];
      const updated = await table(stage.alice, 'image-update', ...options, '--protected', 'True', id);
      expect(updated).toMatchObject({ name: 'gl-changed', keep: 'this', added: 'now', min_disk: '3', protected: 'True' });
      expect(updated).not.toHaveProperty('drop');
      expect(await refused(stage.alice, 'image-delete', id)).toMatch(/protected|not permitted/);
      await ok(stage.alice, 'image-update', '--protected', 'False', id);
      await ok(stage.alice, 'image-tag-update', id, 'one');
      await ok(stage.alice, 'image-tag-update', id, 'two');
      await ok(stage.alice, 'image-tag-delete', id, 'one');
      expect(await table(stage.alice, 'image-show', id)).toMatchObject({ tags: '["two"]' });
      expect(await refused(stage.alice, 'image-tag-delete', id, 'one')).toMatch(/404|not found/i);
      await ok(stage.alice, 'image-delete', id);
    });

    it('shares an image by its members', async () => {
      const { id = '' } = await create('gl-shared', '--file', file);
      const { beta } = stage.cloud.projects;
      await ok(stage.alice, 'member-create', id, beta);
      expect(await names(stage.bob, '--member-status', 'pending')).toEqual(['gl-shared']);
      await ok(stage.bob, 'member-update', id, beta, 'accepted');
      expect(await names(stage.bob, '--visibility', 'shared')).toContain('gl-shared');
      expect(readRows(await ok(stage.alice, 'member-list', '--image-id', id))).toEqual([[id, beta, 'accepted']]);
      expect(await table(stage.bob, 'member-get', id, beta)).toMatchObject({ member_id: beta, status: 'accepted' });
      expect(await refused(stage.alice, 'member-update', id, beta, 'rejected')).toMatch(/403|[Ff]orbidden/);
      await ok(stage.alice, 'member-delete', id, beta);
      expect(await refused(stage.bob, 'image-show', id)).toMatch(/404|no image/i);
      await ok(stage.alice, 'image-delete', id);
    });

    it('deactivates and reactivates', async () => {
      const { id = '' } = await create('gl-withdrawn', '--file', file);
      await ok(stage.alice, 'image-deactivate', id);
      expect(await refused(stage.alice, 'image-download', '--file', join(stage.folder, 'nothing'), id)).toMatch(
        /403|deactivated/i,
      );
      await ok(stage.alice, 'image-reactivate', id);
      await ok(stage.alice, 'image-download', '--file', join(stage.folder, 'gl-again.raw'), id);
      await ok(stage.alice, 'image-delete', id);
    });

    it('reads what the server says of itself: schemas, stores, import methods, usage', async () => {
      expect(await ok(stage.alice, 'explain', 'image')).toContain('os_hash_value');
      expect(await ok(stage.alice, 'explain', 'member')).toContain('member_id');
      expect(await ok(stage.alice, 'stores-info')).toMatch(/default.*true/);
      expect(await ok(stage.operator, 'stores-info', '--detail')).toContain('weight');
      expect(await ok(stage.alice, 'import-info')).toContain('import-methods');
      expect(await ok(stage.alice, 'usage')).toMatch(/Quota|image_/);
    });
  });
}

/** The two columns of a table that shows one thing. */
function readPairs(printed: string): Record<string, string> {
  return Object.fromEntries(readRows(printed).map(([key = '', value = '']) => [key, value]));
}

/** The cells of a printed table, without its head. */
function readRows(printed: string): string[][] {
  const lines = printed.split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(1).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}
