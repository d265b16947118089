/** What programs do to images through their libraries: openstacksdk, and python-glanceclient as the other services of a cloud use it. */
import { createHash, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ClientGeneration } from './client-generations.ts';
import { type Account, type Failure, named } from './clients.ts';
import { md5, notSaved, type Stage, sha512 } from './stage.ts';

interface Image {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly [field: string]: unknown;
}

interface Digest {
  readonly bytes: number;
  readonly sha256: string;
}

const raw = { disk_format: 'raw', container_format: 'bare' } as const;

export function describeLibraries(stage: Stage, { tellsSize }: ClientGeneration): void {
  const content = randomBytes(150_000);
  const digest: Digest = { bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') };
  const fileOf = (): string => join(stage.folder, 'library.raw');
  beforeAll(() => writeFile(fileOf(), content));

  describe('openstacksdk', () => {
    const sdk = <Result>(method: string, ...args: readonly unknown[]): Promise<Result> => sdkAs(stage.alice, method, ...args);
    const sdkAs = <Result>(account: Account, method: string, ...args: readonly unknown[]): Promise<Result> =>
      stage.clients.call<Result>('openstacksdk', account, `image.${method}`, ...args);
    const failure = (account: Account, method: string, ...args: readonly unknown[]): Promise<Failure> =>
      stage.clients.failure('openstacksdk', account, `image.${method}`, ...args);
    const names = async (options: object): Promise<string[]> =>
      (await sdk<Image[]>('images', named({ ...options }))).map((image) => image.name);

    it('creates, finds, downloads and deletes', async () => {
      const options = { filename: fileOf(), ...raw, tags: ['sdk'], validate_checksum: true, wait: true, os_distro: 'debian' };
      const { id } = await sdk<Image>('create_image', 'sdk-first', named(options));
      const found = await sdk<Image>('find_image', 'sdk-first');
      expect(found).toMatchObject({ id, status: 'active', size: content.length, checksum: md5(content), os_distro: 'debian' });
      expect(found).toMatchObject({ hash_algo: 'sha512', hash_value: sha512(content), owner: stage.cloud.projects.alpha });
      // What it made is up to date: it makes no second one.
      expect(await sdk('create_image', 'sdk-first', named({ ...options, wait: false }))).toMatchObject({ id });
      expect(await sdk('download_image', id)).toMatchObject({ status: 200, ...digest });
      expect(await sdk('download_image', id, named({ stream: true }))).toMatchObject({ status: 200, ...digest });
      const output = join(stage.folder, 'sdk.raw');
      await sdk('download_image', id, named({ output }));
      expect(await readFile(output)).toEqual(content);
      await sdk('delete_image', id, named({ ignore_missing: false }));
      expect(await sdk('find_image', 'sdk-first')).toBeNull();
      expect(await failure(stage.alice, 'get_image', id)).toMatchObject({ status: 404 });
    });

    it('walks all pages of a list, with filters', async () => {
      for (const number of [1, 2, 3])
        await sdk('create_image', `sdk-list-${number}`, named({ ...raw, tags: ['walk', `n${number}`] }));
      expect(await names({ tag: 'walk', limit: 1, sort: 'name:asc' })).toEqual(['sdk-list-1', 'sdk-list-2', 'sdk-list-3']);
      expect(await names({ tag: ['walk', 'n2'] })).toEqual(['sdk-list-2']);
      expect(await names({ name: 'sdk-list-3', status: 'queued' })).toEqual(['sdk-list-3']);
      expect(await names({ tag: 'walk', is_hidden: true })).toEqual([]);
      expect(await names({ tag: 'walk', created_at: 'gt:2100-01-01T00:00:00Z' })).toEqual([]);
      for (const image of await sdk<Image[]>('images', named({ tag: 'walk' }))) await sdk('delete_image', image.id);
    });

    it('updates fields, properties, tags and visibility', async () => {
      const { id } = await sdk<Image>('create_image', 'sdk-change', named({ ...raw, flavour: 'plain' }));
      const changes = { name: 'sdk-changed', min_disk: 2, is_protected: true, flavour: 'rich', colour: 'red' };
      expect(await sdk('update_image', id, named(changes))).toMatchObject({
        name: 'sdk-changed',
        min_disk: 2,
        is_protected: true,
      });
      expect(await sdk('get_image', id)).toMatchObject({ properties: { flavour: 'rich', colour: 'red' } });
      await sdk('add_tag', id, 'first');
      await sdk('add_tag', id, 'second');
      await sdk('remove_tag', id, 'first');
      expect(await sdk('get_image', id)).toMatchObject({ tags: ['second'] });
      expect(await failure(stage.alice, 'delete_image', id)).toMatchObject({ status: 403 });
      expect(await failure(stage.alice, 'update_image', id, named({ visibility: 'public' }))).toMatchObject({ status: 403 });
      expect(await sdk('update_image', id, named({ visibility: 'private', is_protected: false }))).toMatchObject({
        visibility: 'private',
      });
      await sdk('delete_image', id);
    });

    it('shares with members', async () => {
      const { id } = await sdk<Image>('create_image', 'sdk-shared', named({ filename: fileOf(), ...raw }));
      const { beta } = stage.cloud.projects;
      expect(await sdk('add_member', id, named({ member_id: beta }))).toMatchObject({ member_id: beta, status: 'pending' });
      expect(await failure(stage.alice, 'add_member', id, named({ member_id: beta }))).toMatchObject({ status: 409 });
      await sdkAs(stage.bob, 'update_member', beta, id, named({ status: 'accepted' }));
      expect(await sdk('members', id)).toMatchObject([{ member_id: beta, status: 'accepted' }]);
      expect(await sdkAs(stage.bob, 'download_image', id)).toMatchObject(digest);
      await sdk('remove_member', beta, id);
      expect(await failure(stage.bob, 'get_image', id)).toMatchObject({ status: 404 });
      await sdk('delete_image', id);
    });

    it('deactivates, reactivates, and reads schemas and stores', async () => {
      const { id } = await sdk<Image>('create_image', 'sdk-off', named({ filename: fileOf(), ...raw }));
      await sdk('deactivate_image', id);
      expect(await sdk('get_image', id)).toMatchObject({ status: 'deactivated' });
      expect((await failure(stage.alice, 'download_image', id)).message).toMatch(notSaved);
      await sdk('reactivate_image', id);
      expect(await sdk('download_image', id)).toMatchObject(digest);
      expect(await sdk('get_image_schema')).toMatchObject({ properties: { os_hidden: { type: 'boolean' } } });
      expect(await sdk('get_members_schema')).toMatchObject({ properties: { members: { type: 'array' } } });
      expect(await sdk<unknown[]>('stores')).not.toEqual([]);
      await sdk('delete_image', id);
    });
  });

  describe('python-glanceclient', () => {
    const glance = <Result>(method: string, ...args: readonly unknown[]): Promise<Result> =>
      stage.clients.call<Result>('glanceclient', stage.alice, method, ...args);
    const failure = (account: Account, method: string, ...args: readonly unknown[]): Promise<Failure> =>
      stage.clients.failure('glanceclient', account, method, ...args);

    it('snapshots as Nova does: formats from the schema, properties, data in chunks without a length', async () => {
      const schema = await glance<{ raw: () => unknown }>('schemas.get', 'image').catch(() => undefined);
      expect(schema).toBeDefined();
      const properties = { base_image_ref: '', image_type: 'snapshot', instance_uuid: '0b0f8f4a-6c5f-4a3f-9f44-0f0a1d6f0a11' };
      const { id } = await glance<Image>('images.create', named({ name: 'gc-snapshot', visibility: 'private', ...properties }));
      await glance('images.update', id, named({ ...raw, architecture: 'x86_64' }));
      await glance('images.upload', id, { $file: fileOf() });
      const shown = await glance<Image>('images.get', id);
      expect(shown).toMatchObject({ status: 'active', size: content.length, checksum: md5(content), ...properties, ...raw });
      expect(await glance('images.data', id)).toEqual(digest);
      expect(await glance('images.data', id, named({ do_checksum: false }))).toEqual(digest);
      await glance('images.delete', id);
      expect(await failure(stage.alice, 'images.get', id)).toMatchObject({ type: 'HTTPNotFound' });
      expect(await failure(stage.alice, 'images.delete', id)).toMatchObject({ type: 'HTTPNotFound' });
    });

    it('uploads nothing at all for a snapshot whose data are volumes', async () => {
      const { id } = await glance<Image>(
        'images.create',
        named({ name: 'gc-volumes', ...raw, block_device_mapping: '[{"boot_index": 0}]' }),
      );
      await glance('images.upload', id, { $bytes: '' }, 0);
      expect(await glance('images.get', id)).toMatchObject({ status: 'active', size: 0 });
      await glance('images.delete', id);
    });

    it('uploads once', async () => {
      const { id } = await glance<Image>('images.create', named({ name: 'gc-once', ...raw }));
      await glance('images.upload', id, { $file: fileOf() }, content.length);
      expect(await failure(stage.alice, 'images.upload', id, { $file: fileOf() })).toMatchObject({ type: 'HTTPConflict' });
      await glance('images.delete', id);
    });

    if (tellsSize) {
      it('is refused data of another size than it told', async () => {
        const { id } = await glance<Image>('images.create', named({ name: 'gc-sized', ...raw }));
        expect(await failure(stage.alice, 'images.upload', id, { $file: fileOf() }, 7)).toMatchObject({ type: 'HTTPBadRequest' });
        expect(await glance('images.get', id)).toMatchObject({ status: 'queued', size: null });
        await glance('images.delete', id);
      });
    }

    it('lists and filters, knows an image without data, and updates with removals', async () => {
      const { id } = await glance<Image>('images.create', named({ name: 'gc-list', ...raw, drop: 'me', tags: ['gc'] }));
      expect(await glance('images.data', id)).toBeNull();
      const listed = await glance<Image[]>('images.list', named({ filters: { tag: ['gc'], name: 'gc-list' }, page_size: 1 }));
      expect(listed).toMatchObject([{ id, drop: 'me' }]);
      const updated = await glance<Image>('images.update', id, ['drop'], named({ kept: 'yes', tags: ['gc', 'more'] }));
      expect(updated).not.toHaveProperty('drop');
      expect(updated).toMatchObject({ kept: 'yes' });
      await glance('image_tags.update', id, 'tagged');
      await glance('image_tags.delete', id, 'gc');
      expect((await glance<{ tags: string[] }>('images.get', id)).tags.toSorted()).toEqual(['more', 'tagged']);
      await glance('images.deactivate', id).catch(() => undefined);
      await glance('images.delete', id);
    });

    it('raises what its callers look for', async () => {
      const { id } = await glance<Image>('images.create', named({ name: 'gc-errors', ...raw }));
      expect(await failure(stage.bob, 'images.create', named({ name: 'gc-again', id }))).toMatchObject({ type: 'HTTPConflict' });
      expect(await failure(stage.bob, 'images.get', id)).toMatchObject({ type: 'HTTPNotFound' });
      expect(await failure(stage.rita, 'images.delete', id)).toMatchObject({ type: 'HTTPForbidden' });
      expect(await failure(stage.alice, 'images.update', id, named({ visibility: 'public' }))).toMatchObject({
        type: 'HTTPForbidden',
      });
      expect(await failure(stage.alice, 'images.deactivate', id)).toMatchObject({ type: 'HTTPForbidden' });
      expect(await failure(stage.alice, 'image_members.create', id, '')).toMatchObject({ type: 'HTTPBadRequest' });
      expect(await failure(stage.alice, 'images.list', named({ limit: -1, filters: { created_at: 'gt:never' } }))).toMatchObject({
        type: 'HTTPBadRequest',
      });
      await glance('images.delete', id);
    });
  });
}
