import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Artifact } from '#core/artifact.ts';
import { compareCodeUnits } from '#core/canonical-json.ts';
import { addMember } from '#ops/add-member.ts';
import { type CreateArtifactInput, createArtifact } from '#ops/create-artifact.ts';
import { deactivateArtifact } from '#ops/deactivate-artifact.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { updateArtifact } from '#ops/update-artifact.ts';
import { updateMember } from '#ops/update-member.ts';
import { uploadBlob } from '#ops/upload-blob.ts';
import { testSettings } from '#test/support/operations.ts';
import { startTestServer, type TestServer } from '#test/support/server.ts';

interface Image {
  readonly id: string;
  readonly name: string | null;
  readonly status: string;
  readonly owner: string;
  readonly visibility: string;
  readonly disk_format: string | null;
  readonly container_format: string | null;
  readonly size: number | null;
  readonly created_at: string;
  readonly updated_at: string;
  readonly [name: string]: unknown;
}

interface List {
  readonly images: readonly Image[];
  readonly first: string;
  readonly next?: string;
  readonly schema: string;
}

let server: TestServer;
let blue: Record<string, string>;
let red: Record<string, string>;
let admin: Record<string, string>;
const made = new Map<string, Artifact>();
const bytes = { small: randomBytes(100), large: randomBytes(5_000) };

beforeAll(async () => {
  // What the bytes are does not matter here.
  server = await startTestServer({ settings: { image: { ...testSettings.image, formatMatch: 'log' } } });
  [blue, red, admin] = await Promise.all([
    server.tokenFor('blue', 'member'),
    server.tokenFor('red', 'member'),
    server.tokenFor('ops', 'admin'),
  ]);
  // Each a little later than the one before, so that every order by time is one order.
  await make('own-private', {
    visibility: 'private',
    tags: ['a', 'b'],
    properties: { disk_format: 'qcow2', min_ram: 64, hw: 'x' },
  });
  await make('own-shared', { visibility: 'shared', tags: ['a'], properties: { disk_format: 'raw', container_format: 'bare' } });
  await make('own-community', { visibility: 'community', tags: ['b'], properties: { disk_format: 'iso', os_distro: 'debian' } });
  await make('own-public', { visibility: 'public', tags: ['a', 'b', 'c'], properties: { disk_format: 'qcow2' } }, bytes.large);
  await make('ubuntu:22.04', { visibility: 'private', properties: { disk_format: 'raw', hw: 'y' } });
  await make('a, "b"', { visibility: 'private', properties: { disk_format: 'vdi' } });
  await make('red-private', { project: 'red', visibility: 'private' });
  await make('red-community', { project: 'red', visibility: 'community' });
  await make('red-public', { project: 'red', visibility: 'public' });
  for (const status of ['pending', 'accepted', 'rejected'] as const) await share(`red-${status}`, status);
  const draft = { type: 'image', properties: { disk_format: 'raw' }, visibility: 'shared' } as const;
  made.set('queued', await createArtifact(server.actAs('blue'), { ...draft, name: 'queued' }));
  made.set(
    'red-queued',
    await createArtifact(server.actAs('red', 'admin'), { ...draft, visibility: 'public', name: 'red-queued' }),
  );
  await deactivateArtifact(server.actAs('ops', 'admin'), { id: idOf('own-shared') });
  await make('hidden', { visibility: 'private' });
  await updateArtifact(server.actAs('blue'), { id: idOf('hidden'), hidden: true });
  await updateArtifact(server.actAs('blue'), { id: idOf('own-community'), protected: true });
  await createArtifact(server.actAs('blue'), { type: 'kit', name: 'no image' });
});
afterAll(() => server[Symbol.asyncDispose]());

async function make(name: string, input: Partial<CreateArtifactInput>, data: Buffer = bytes.small): Promise<Artifact> {
  const context = server.actAs(input.project ?? 'blue', 'admin');
  const draft = await createArtifact(context, { type: 'image', name, properties: { disk_format: 'raw' }, ...input });
  await uploadBlob(context, { artifactId: draft.id, slot: 'data', source: Readable.from([data]) });
  const artifact = await publishArtifact(context, { id: draft.id });
  made.set(name, artifact);
  return artifact;
}

async function share(name: string, status: 'pending' | 'accepted' | 'rejected'): Promise<void> {
  const { id } = await make(name, { project: 'red', visibility: 'shared' });
  await addMember(server.actAs('red'), { artifactId: id, project: 'blue' });
  if (status !== 'pending') await updateMember(server.actAs('blue'), { artifactId: id, project: 'blue', status });
}

function idOf(name: string): string {
  return made.get(name)?.id ?? '';
}

const ask = (path: string, headers = blue): Promise<Response> => fetch(`${server.url}${path}`, { headers });

async function list(query: string, headers = blue): Promise<List> {
  const response = await ask(query.startsWith('/') ? query : `/v2/images${query}`, headers);
  const body = await response.json();
  expect(response.status, JSON.stringify(body)).toBe(200);
  return body as List;
}

function sortedNames(images: readonly Image[]): (string | null)[] {
  return images.map(({ name }) => name).toSorted((a, b) => compareCodeUnits(a ?? '', b ?? ''));
}

async function names(query: string, headers = blue): Promise<(string | null)[]> {
  return sortedNames((await list(query, headers)).images);
}

/** All pages of a list, by the links between them. */
async function walk(query: string, headers = blue): Promise<Image[]> {
  const images: Image[] = [];
  let page = await list(query, headers);
  for (let turns = 0; turns < 50; turns += 1) {
    images.push(...page.images);
    if (page.next === undefined) return images;
    page = await list(page.next, headers);
  }
  throw new Error('the list does not end');
}

const own = ['a, "b"', 'own-community', 'own-private', 'own-public', 'own-shared', 'queued', 'ubuntu:22.04'];

describe('the list of images', () => {
  it('is what is owned, what is public and what was accepted, newest first, each as it is shown alone', async () => {
    const { images, ...rest } = await list('');
    expect(sortedNames(images)).toEqual([...own, 'red-accepted', 'red-public'].toSorted());
    expect(images.map(({ id }) => id)).toEqual(
      images
        .toSorted(
          (left, right) => made.get(right.name ?? '')?.createdAt.localeCompare(made.get(left.name ?? '')?.createdAt ?? '') ?? 0,
        )
        .map(({ id }) => id),
    );
    for (const image of images) expect(await (await ask(`/v2/images/${image.id}`)).json()).toEqual(image);
    expect(rest).toEqual({ first: '/v2/images', schema: '/v2/schemas/images' });
  });

  it('is everything to an administrator, whatever project it is of', async () => {
    const all = [...made.keys()].filter((name) => name !== 'hidden').toSorted();
    expect(await names('', admin)).toEqual(all);
    expect(await names('?owner=red&visibility=private', admin)).toEqual(['red-private']);
    expect(await names('?status=queued', admin)).toEqual(['queued', 'red-queued']);
  });

  it('refuses a body, and a caller without a token', async () => {
    const response = await fetch(`${server.url}/v2/images`, { headers: { 'x-forwarded-for': '192.0.2.1' } });
    expect(response.status).toBe(401);
    expect((await ask('/v2/images', { ...blue, 'content-type': 'application/json' })).status).toBe(200);
  });

  it.each([
    ['visibility=private', ['a, "b"', 'own-private', 'ubuntu:22.04']],
    ['visibility=public', ['own-public', 'red-public']],
    ['visibility=shared', ['own-shared', 'queued', 'red-accepted']],
    ['visibility=community', ['own-community', 'red-community']],
    ['visibility=all', [...own, 'red-accepted', 'red-community', 'red-public']],
    ['visibility=shared&member_status=pending', ['own-shared', 'queued', 'red-pending']],
    ['visibility=shared&member_status=rejected', ['own-shared', 'queued', 'red-rejected']],
    ['owner=red&member_status=all', ['red-accepted', 'red-community', 'red-pending', 'red-public', 'red-rejected']],
    ['owner=red', ['red-accepted', 'red-community', 'red-public']],
    ['owner=blue', own],
    ['owner=nobody', []],
    ['os_hidden=True', ['hidden']],
    ['os_hidden=false&name=hidden', []],
    ['protected=true', ['own-community']],
    ['protected=FALSE&visibility=community', ['red-community']],
    ['name=own-private', ['own-private']],
    ['name=ubuntu:22.04', ['ubuntu:22.04']],
    ['name=eq:ubuntu:22.04', ['ubuntu:22.04']],
    ['name=in:own-private,own-public,nothing', ['own-private', 'own-public']],
    [`name=${encodeURIComponent('in:"a, \\"b\\"",own-public')}`, ['a, "b"', 'own-public']],
    ['name=in:', []],
    ['status=active&visibility=shared', ['red-accepted']],
    ['status=deactivated', ['own-shared']],
    ['status=queued', ['queued']],
    ['status=saving', []],
    ['status=in:queued,deactivated', ['own-shared', 'queued']],
    ['status=in:queued,saving', ['queued']],
    ['status=killed', []],
    ['status=deleted', []],
    ['disk_format=qcow2', ['own-private', 'own-public']],
    ['disk_format=in:iso,vdi', ['a, "b"', 'own-community']],
    ['container_format=bare', ['own-shared']],
    ['min_ram=64', ['own-private']],
    ['min_ram=0&disk_format=qcow2', ['own-public']],
    ['size_min=101', ['own-public']],
    ['size_min=100&size_max=100&owner=blue&status=deactivated', ['own-shared']],
    ['size=5000', ['own-public']],
    ['size_max=99999999999999999999999&size_min=5000', ['own-public']],
    ['tag=a', ['own-private', 'own-public', 'own-shared']],
    ['tag=a&tag=b', ['own-private', 'own-public']],
    ['tag=a&tag=nothing', []],
    ['hw=x', ['own-private']],
    ['os_distro=debian', ['own-community']],
    ['foo_min=1', []],
    ['is_public=true', []],
    ['deleted=true&name=queued', ['queued']],
    ['name=own-private&name=own-public', ['own-public']],
  ])('is narrowed by %s', async (query, expected) => {
    expect(await names(`?${query}`)).toEqual(expected.toSorted());
  });

  it('is narrowed by an id, a checksum, a hash and its algorithm', async () => {
    const id = idOf('own-public');
    const [image] = (await list(`?id=${id}`)).images;
    const checksum = image?.['checksum'] as string;
    const hash = image?.['os_hash_value'] as string;
    expect(await names(`?id=in:${id},${idOf('own-private')},x`)).toEqual(['own-private', 'own-public']);
    expect(await names(`?id=${id.toUpperCase()}`)).toEqual(['own-public']);
    expect(await names(`?checksum=${checksum}`)).toEqual(['own-public']);
    expect(await names(`?os_hash_value=${hash}`)).toEqual(['own-public']);
    expect(await names('?checksum=0')).toEqual([]);
    expect(await names('?os_hash_algo=sha512&owner=blue')).toEqual(own.filter((name) => name !== 'queued'));
    expect(await names('?os_hash_algo=sha256')).toEqual([]);
  });

  it('compares times by the second, as they are shown', async () => {
    const { images } = await list('');
    const middle = images[3]?.created_at ?? '';
    const matching = (keep: (at: string) => boolean) => images.filter((image) => keep(image.created_at)).map(({ id }) => id);
    const found = async (query: string) => (await list(`?created_at=${query}`)).images.map(({ id }) => id);
    expect(await found(`gt:${middle}`)).toEqual(matching((at) => at > middle));
    expect(await found(`gte:${middle}`)).toEqual(matching((at) => at >= middle));
    expect(await found(`lt:${middle}`)).toEqual(matching((at) => at < middle));
    expect(await found(`lte:${middle}`)).toEqual(matching((at) => at <= middle));
    expect(await found(middle)).toEqual(matching((at) => at === middle));
    expect(await found(`eq:${middle}`)).toEqual(matching((at) => at === middle));
    expect(await found(`neq:${middle}`)).toEqual(matching((at) => at !== middle));
    // Without a zone it is UTC, and a plus that was not escaped is one all the same.
    for (const same of [middle.slice(0, -1), `${middle.slice(0, -1)}+00:00`, `${middle.slice(0, -1)}%2B0000`])
      expect(await found(`gte:${same}`)).toEqual(matching((at) => at >= middle));
    expect(await names('?updated_at=gte:2026-01-01')).toHaveLength(images.length);
    expect(await names('?updated_at=lt:2001-01-01T00:00Z')).toEqual([]);
  });

  it('keeps saving apart from queued', async () => {
    const draft = await createArtifact(server.actAs('blue'), {
      type: 'image',
      name: 'coming',
      properties: { disk_format: 'raw' },
    });
    const source = new Readable({ read: () => {} });
    source.push('some');
    const upload = uploadBlob(server.actAs('blue'), { artifactId: draft.id, slot: 'data', source });
    try {
      await expect.poll(() => names('?status=saving')).toEqual(['coming']);
      expect(await names('?status=queued')).toEqual(['queued']);
      expect(await names('?status=in:saving,deactivated')).toEqual(['coming', 'own-shared']);
      expect((await list('?name=coming')).images[0]?.status).toBe('saving');
    } finally {
      source.push(null);
      await upload;
    }
    expect(await names('?status=queued')).toEqual(['coming', 'queued']);
  });
});

describe('pages of the list of images', () => {
  it('may have no image, and at most a thousand', async () => {
    expect((await list('?limit=0')).images).toEqual([]);
    expect((await list('?limit=99999')).images).toHaveLength((await list('')).images.length);
  });

  it('repeat each filter in their links, every tag of several too', async () => {
    const page = await list('?tag=a&tag=b&limit=1&sort_key=name&sort_dir=asc');
    const last = page.images[0]?.id;
    expect(page.first).toBe('/v2/images?tag=a&tag=b&limit=1&sort_key=name&sort_dir=asc');
    expect(page.next).toBe(`/v2/images?tag=a&tag=b&limit=1&sort_key=name&sort_dir=asc&marker=${last}`);
    const next = await list(page.next ?? '');
    expect(next.images.map(({ name }) => name)).toEqual(['own-public']);
    expect(next.first).toBe(page.first);
    expect(next).not.toHaveProperty('next');
  });

  it.each([
    'limit=-1',
    'limit=x',
    'limit=',
    'limit=1.5',
    'marker=x',
    'marker=',
    `marker=${crypto.randomUUID()}`,
    'sort_key=owner',
  ])('refuse %s', async (query) => expect((await ask(`/v2/images?${query}`)).status).toBe(400));

  it('do not begin at what the caller cannot see, or what is no image', async () => {
    expect((await ask(`/v2/images?marker=${idOf('red-private')}`)).status).toBe(400);
    expect((await ask(`/v2/images?marker=${idOf('red-private')}`, red)).status).toBe(200);
  });

  it.each([
    ...[
      'sort_dir=up',
      'sort=name:asc&sort_key=name',
      'sort=name:asc:x',
      'sort=name,',
      'sort_key=name&sort_dir=asc&sort_dir=desc',
    ],
    ...['sort_key=__proto__', 'visibility=none', 'member_status=x', 'os_hidden=maybe', 'protected=', 'size_min=-1', 'size_max=x'],
    ...['created_at=yesterday', 'created_at=near:2026-01-01', 'updated_at=2026-13-01', 'created_at=gt:', 'status=ne:active'],
    ...[
      'disk_format=like:raw',
      'name=gt:a',
      'name=in:"a',
      'name=in:"a"b',
      'changes-since=2026-01-01',
      'locations=x',
      'min_ram=x',
    ],
    ...['os_vitrine_version=not-a-range', 'os_vitrine_ref=@', 'os_vitrine_latest=2'],
  ])('refuse %s, and nothing fails', async (query) => {
    expect((await ask(`/v2/images?${query}`)).status).toBe(400);
  });

  it('take anything for a property, and whatever a value holds', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'binary', maxLength: 40 }),
        fc.string({ unit: 'binary', maxLength: 40 }),
        async (name, value) => {
          const query = new URLSearchParams([
            [`p${name}`, value],
            ['tag', value],
            ['owner', value],
            ['checksum', value],
          ]);
          expect((await list(`?${query}`)).images).toEqual([]);
        },
      ),
      { numRuns: 60 },
    );
    expect((await list(`?${encodeURIComponent("a'\\\0b")}=x`)).images).toEqual([]);
    expect((await list(`?${'n'.repeat(300)}=${'v'.repeat(300)}`)).images).toEqual([]);
  });

  it('refuse more conditions than a statement should have', async () => {
    const query = Array.from({ length: 150 }, (_, index) => `p${index}=x`).join('&');
    expect((await ask(`/v2/images?${query}`)).status).toBe(400);
    expect((await ask(`/v2/images?${Array.from({ length: 300 }, (_, index) => `tag=t${index}`).join('&')}`)).status).toBe(400);
  });

  const keys = [
    'name',
    'status',
    'container_format',
    'disk_format',
    'size',
    'id',
    'created_at',
    'updated_at',
    'os_vitrine_version',
  ];
  const way = fc.constantFrom('asc', 'desc');

  it('are, put together, the whole list in its order, by whatever keys', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom(...keys), way), { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1, max: 6 }),
        async (sorts, limit) => {
          const sort = sorts.map(([key, direction]) => `${key}:${direction}`).join();
          for (const headers of [blue, admin]) {
            const whole = (await list(`?sort=${sort}`, headers)).images;
            const paged = await walk(`?sort=${sort}&limit=${limit}`, headers);
            expect(paged.map(({ id }) => id)).toEqual(whole.map(({ id }) => id));
            expectSorted(whole, sorts);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('take one direction for all keys, or one for each', async () => {
    const order = async (query: string) => (await list(query)).images.map(({ id }) => id);
    expect(await order('?sort_key=disk_format&sort_key=name&sort_dir=asc')).toEqual(
      await order('?sort=disk_format:asc,name:asc,created_at:asc,id:asc'),
    );
    expect(await order('?sort_key=disk_format&sort_key=name&sort_dir=asc&sort_dir=desc')).toEqual(
      await order('?sort=disk_format:asc,name:desc'),
    );
    expect(await order('?sort=name')).toEqual(await order('?sort_key=name'));
    expect(await order('?sort_dir=asc')).toEqual((await order('')).toReversed());
  });
});

/** By each key in turn; a missing value, and what a draft holds so far, come first. Times are kept more exactly than they are shown, so that no key decides after one. */
function expectSorted(images: readonly Image[], sorts: readonly (readonly [string, string])[]): void {
  const text = (image: Image, key: string): string =>
    key === 'size'
      ? String(image.status === 'queued' ? 0 : (image.size ?? -1) + 1).padStart(12, '0')
      : key === 'id'
        ? image.id
        : String((image[key] as string | null) ?? '');
  for (const [index, image] of images.entries()) {
    const next = images[index + 1];
    if (next === undefined) continue;
    const deciding = sorts.find(([key]) => key.endsWith('_at') || text(image, key) !== text(next, key));
    if (deciding === undefined) continue;
    const [key, direction] = deciding;
    if (text(image, key) === text(next, key)) continue;
    expect(text(image, key) < text(next, key), `${key} ${direction}: ${text(image, key)}, ${text(next, key)}`).toBe(
      direction === 'asc',
    );
  }
}

describe('versions in the list of images', () => {
  beforeAll(async () => {
    for (const version of ['1.0.0', '1.10.0', '1.9.0', '2.0.0-rc.1']) await make('debian', { version, visibility: 'private' });
    await make('debian-red', { project: 'red', version: '3.0.0', visibility: 'public' });
  });

  const versions = async (query: string) => (await list(query)).images.map((image) => image['os_vitrine_version']);

  it('narrow it by a range, and order it', async () => {
    expect(await versions('?name=debian&os_vitrine_version=*&sort=os_vitrine_version:desc')).toEqual([
      '1.10.0',
      '1.9.0',
      '1.0.0',
    ]);
    expect(await versions('?os_vitrine_version=~1.9')).toEqual(['1.9.0']);
    expect(await versions('?os_vitrine_version=%5E1.5&sort=os_vitrine_version:desc&limit=1')).toEqual(['1.10.0']);
    expect(await versions('?name=debian&os_vitrine_latest=true')).toEqual(['1.10.0']);
  });

  it('are found by a reference, as everywhere', async () => {
    expect(await versions('?os_vitrine_ref=debian')).toEqual(['1.10.0']);
    expect(await versions('?os_vitrine_ref=debian@~1.9')).toEqual(['1.9.0']);
    expect(await versions('?os_vitrine_ref=debian@2.0.0-rc.1')).toEqual(['2.0.0-rc.1']);
    expect(await versions('?os_vitrine_ref=red/debian-red@3')).toEqual(['3.0.0']);
    expect(await versions('?os_vitrine_ref=debian@9')).toEqual([]);
    expect(await versions('?os_vitrine_ref=debian@1&visibility=public')).toEqual([]);
    expect(await versions('?os_vitrine_ref=nothing')).toEqual([]);
  });
});
