/** Images with versions, as clients use them that know of none; and the same images in GraphQL. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { named } from './clients.ts';
import { openstackImages } from './openstack-images.ts';
import type { Stage } from './stage.ts';

interface Listed {
  readonly id: string;
  readonly os_vitrine_version: string;
}

export function describeVersions(stage: Stage): void {
  describe('images with versions', () => {
    const { create, show, ok } = openstackImages(stage);
    const list = async (filters: object): Promise<string[]> => {
      const found = await stage.clients.call<Listed[]>('glanceclient', stage.alice, 'images.list', named({ filters }));
      return found.map((image) => image.os_vitrine_version);
    };
    const graphql = async (query: string): Promise<unknown> => {
      const token = await stage.clients.openstack<{ id: string }>(stage.alice, 'token', 'issue');
      const response = await fetch(`${stage.cloud.vitrine.url}/graphql`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'X-Auth-Token': token.id },
        body: JSON.stringify({ query }),
      });
      return ((await response.json()) as { readonly data: unknown }).data;
    };

    it('are made by a property, listed as a family, found by range, and changed as any other', async () => {
      const file = join(stage.folder, 'versions.raw');
      const ids: string[] = [];
      for (const version of ['1.2.0', '1.10.0', '2.0.0-rc.1']) {
        await writeFile(file, `the image ${version}`);
        const image = await create(stage.alice, 'vs-base', '--file', file, '--property', `os_vitrine_version=${version}`);
        ids.push(image.id);
      }
      expect((await list({ name: 'vs-base' })).toSorted()).toEqual(['1.10.0', '1.2.0', '2.0.0-rc.1']);
      expect((await list({ name: 'vs-base', os_vitrine_version: '^1' })).toSorted()).toEqual(['1.10.0', '1.2.0']);
      expect(await list({ name: 'vs-base', os_vitrine_latest: 'true' })).toEqual(['1.10.0']);
      expect(await list({ os_vitrine_ref: 'vs-base@~1.2' })).toEqual(['1.2.0']);

      const [first = '', second = ''] = ids;
      await ok(stage.alice, 'set', '--min-ram', '64', '--tag', 'kept', first);
      expect(await show(stage.alice, first)).toMatchObject({
        min_ram: 64,
        tags: ['kept'],
        properties: { os_vitrine_version: '1.2.0' },
      });
      expect(await graphql('{ resolve(ref: "image/vs-base@^1") { artifact { id version state } } }')).toEqual({
        resolve: { artifact: { id: second, version: '1.10.0', state: 'active' } },
      });
      await ok(stage.alice, 'delete', ...ids);
    });

    it('and without are drafts of GraphQL too, whose data a client uploads', async () => {
      const properties = '{ disk_format: "raw", container_format: "bare" }';
      const input = `{ type: "image", name: "vs-draft", properties: ${properties} }`;
      const made = await graphql(
        `mutation { createArtifact(input: ${input}) { ... on ArtifactPayload { artifact { id state } } } }`,
      );
      expect(made).toMatchObject({ createArtifact: { artifact: { state: 'draft' } } });
      const { id } = await show(stage.alice, 'vs-draft');
      const file = join(stage.folder, 'draft.raw');
      await writeFile(file, 'late data');
      await stage.clients.print('glance', stage.alice, 'image-upload', '--file', file, id);
      const shown = (await graphql(`{ artifact(id: "${id}") { state } }`)) as { artifact: { state: string } };
      expect(shown.artifact.state).toBe('active');
      await ok(stage.alice, 'delete', id);
    });
  });
}
