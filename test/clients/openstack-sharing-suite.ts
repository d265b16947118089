/** What people let others do to their images, with the `openstack` command; and what they are refused. */
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { openstackImages } from './openstack-images.ts';
import { notSaved, type Stage } from './stage.ts';

interface Member {
  readonly member_id: string;
  readonly image_id: string;
  readonly status: string;
}

/** What `openstack image delete` says of an image that is not there: newer releases blame stores. */
const notFound = /No Image found|Multi Backend support not enabled/;

export function describeOpenstackSharing(stage: Stage): void {
  describe('openstack, between projects', () => {
    const content = randomBytes(300_000);
    let file: string;

    beforeAll(async () => {
      file = join(stage.folder, 'sharing.raw');
      await writeFile(file, content);
    });

    const { create, show, names, ok, refused } = openstackImages(stage);

    it('shares an image with a project, which accepts it, rejects it, and is left out again', async () => {
      const { id } = await create(stage.alice, 'os-shared', '--file', file, '--shared');
      const { alpha, beta } = stage.cloud.projects;
      expect(await refused(stage.bob, 'show', id)).toContain(id);
      const added = await stage.clients.openstack<Member>(stage.alice, 'image', 'add', 'project', id, beta);
      expect(added).toMatchObject({ member_id: beta, image_id: id, status: 'pending' });
      expect(await names(stage.bob, '--shared')).not.toContain('os-shared');
      expect(await names(stage.bob, '--shared', '--member-status', 'pending')).toEqual(['os-shared']);
      expect(await show(stage.bob, id)).toMatchObject({ id, owner: alpha });

      await ok(stage.bob, 'set', '--accept', id);
      expect(await names(stage.bob)).toContain('os-shared');
      const saved = join(stage.folder, 'shared.raw');
      await ok(stage.bob, 'save', '--file', saved, id);
      expect(await readFile(saved)).toEqual(content);
      expect(await refused(stage.bob, 'set', '--name', 'mine', id)).toMatch(/403|[Ff]orbidden/);

      await ok(stage.bob, 'set', '--reject', id);
      expect(await names(stage.bob)).not.toContain('os-shared');
      const members = await stage.clients.openstack<object[]>(stage.alice, 'image', 'member', 'list', id);
      expect(members).toEqual([{ 'Image ID': id, 'Member ID': beta, Status: 'rejected' }]);
      await ok(stage.alice, 'remove', 'project', id, beta);
      expect(await refused(stage.bob, 'show', id)).toContain(id);
      await ok(stage.alice, 'add', 'project', id, beta);
      // A project that has no use for a share may leave it.
      await ok(stage.bob, 'remove', 'project', id, beta);
      expect(await refused(stage.bob, 'show', id)).toContain(id);
      await ok(stage.alice, 'delete', id);
    });

    it('offers an image to the community, whose lists show it when asked', async () => {
      const { id } = await create(stage.alice, 'os-community', '--file', file, '--community');
      expect(await names(stage.bob)).not.toContain('os-community');
      expect(await names(stage.bob, '--community')).toEqual(['os-community']);
      expect(await show(stage.bob, id)).toMatchObject({ visibility: 'community' });
      await ok(stage.alice, 'set', '--private', id);
      expect(await refused(stage.bob, 'show', id)).toContain(id);
      await ok(stage.alice, 'delete', id);
    });

    it('lets an operator publish an image for everybody, and hide it from lists', async () => {
      const { id } = await create(stage.operator, 'os-public', '--file', file, '--public');
      expect(await names(stage.bob, '--public')).toEqual(['os-public']);
      await ok(stage.operator, 'set', '--hidden', id);
      expect(await names(stage.bob)).not.toContain('os-public');
      expect(await names(stage.bob, '--hidden')).toEqual(['os-public']);
      expect(await show(stage.bob, 'os-public')).toMatchObject({ id });
      await ok(stage.operator, 'set', '--unhidden', id);
      expect(await names(stage.bob)).toContain('os-public');
      await ok(stage.operator, 'delete', id);
      expect(await refused(stage.alice, 'create', 'os-mine', '--public')).toMatch(/403|[Ff]orbidden/);
    });

    it('refuses to delete what is protected until it is not', async () => {
      const { id } = await create(stage.alice, 'os-protected', '--file', file, '--protected');
      expect(await refused(stage.alice, 'delete', id)).toMatch(/protected/);
      expect(await show(stage.alice, id)).toMatchObject({ protected: true });
      await ok(stage.alice, 'set', '--unprotected', id);
      await ok(stage.alice, 'delete', id);
      expect(await refused(stage.alice, 'show', id)).toContain(id);
    });

    it('gives out the data of a deactivated image to operators only, until it is active again', async () => {
      const { id } = await create(stage.alice, 'os-withdrawn', '--file', file);
      await ok(stage.alice, 'set', '--deactivate', id);
      expect(await show(stage.alice, id)).toMatchObject({ status: 'deactivated' });
      expect(await refused(stage.alice, 'save', '--file', join(stage.folder, 'nothing'), id)).toMatch(notSaved);
      const saved = join(stage.folder, 'withdrawn.raw');
      await ok(stage.operator, 'save', '--file', saved, id);
      expect(await readFile(saved)).toEqual(content);
      await ok(stage.alice, 'set', '--activate', id);
      await ok(stage.alice, 'save', '--file', saved, id);
      await ok(stage.alice, 'delete', id);
    });

    it('says why not: a taken id, a reader who writes, an owner that is not ours, a delete of what is not there', async () => {
      const first = await create(stage.alice, 'os-ours', '--file', file);
      expect(await refused(stage.bob, 'create', 'os-again', '--id', first.id)).toMatch(/409|Conflict/);
      expect(await refused(stage.rita, 'create', 'os-reader')).toMatch(/403|[Ff]orbidden/);
      expect(await names(stage.rita, '--name', 'os-ours')).toEqual(['os-ours']);
      expect(await refused(stage.rita, 'save', '--file', join(stage.folder, 'nothing'), first.id)).toMatch(notSaved);
      expect(await refused(stage.alice, 'set', '--project', stage.cloud.projects.beta, first.id)).toMatch(/403|[Ff]orbidden/);
      expect(await refused(stage.bob, 'delete', first.id)).toMatch(notFound);
      expect(await refused(stage.alice, 'delete', 'os-ours', 'os-nowhere')).toMatch(notFound);
      expect(await names(stage.alice, '--name', 'os-ours')).toEqual([]);
    });

    it('lets an operator give an image to another project', async () => {
      const { id } = await create(stage.operator, 'os-given', '--file', file);
      await ok(stage.operator, 'set', '--project', stage.cloud.projects.beta, id);
      expect(await show(stage.bob, id)).toMatchObject({ owner: stage.cloud.projects.beta });
      await ok(stage.bob, 'delete', id);
    });
  });
}
