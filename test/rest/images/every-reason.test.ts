import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ask, formats, octets, openWorld, type World } from '#test/support/every-code-world.ts';
import { createOpenApiChecker, type SeenAnswer } from '#test/support/openapi-checker.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const checker = createOpenApiChecker();
const patchType = 'application/openstack-images-v2.1-json-patch';
const long = 'x'.repeat(256);
/** Of an image that was, before the tests. */
const deleted = randomUUID();

type Reason = readonly [operation: string, status: number, reason: string, provoke: () => Promise<SeenAnswer>];

const create = (reason: string, status: number, body: NonNullable<Ask['body']>, ask: Ask = {}): Reason => {
  return ['POST /v2/images', status, reason, () => world.ask('POST', '/v2/images', { body, ...ask })];
};

const list = (reason: string, query: string): Reason => {
  return ['GET /v2/images', 400, reason, () => world.ask('GET', `/v2/images?${query}`)];
};

/** Of an active image, unless another is made. */
const patch = (reason: string, status: number, change: unknown, make = () => world.active()): Reason => {
  const ask = async (): Promise<SeenAnswer> =>
    world.ask('PATCH', `/v2/images/${await make()}`, { headers: { 'content-type': patchType }, body: JSON.stringify(change) });
  return ['PATCH /v2/images/{id}', status, reason, ask];
};

const set = (path: string, value: unknown) => [{ op: 'replace', path, value }];

const upload = (reason: string, status: number, headers: NonNullable<Ask['headers']>, make = () => world.queued()): Reason => {
  const ask = async (): Promise<SeenAnswer> =>
    world.ask('PUT', `/v2/images/${await make()}/file`, { headers: { ...octets, ...headers }, body: 'four' });
  return ['PUT /v2/images/{id}/file', status, reason, ask];
};

/** The reasons that the API's documents give for codes, beyond the one of each that every-code.test.ts provokes. */
const reasons: readonly Reason[] = [
  create('no JSON', 400, 'nonsense'),
  create('no object', 400, []),
  create('a property that is no text', 400, { ...formats, os_version: 12 }),
  create('a name of 256 characters', 400, { name: long }),
  create('a property whose name has 256 characters', 400, { [long]: 'value' }),
  create('an id that is no UUID', 400, { id: 'mine' }),
  create('a format that is not taken', 400, { disk_format: 'floppy' }),
  create('a visibility that is none', 400, { visibility: 'secret' }),
  create('a tag of 256 characters', 400, { tags: [long] }),
  create('a field that only the server writes', 403, { checksum: '0'.repeat(32) }),
  create('a field that is reserved', 403, { os_glance_importing_to_stores: 'fast' }),
  create('locations', 403, { locations: [] }),
  create('an image for everybody', 403, { visibility: 'public' }),
  create('an image of another project', 403, { owner: 'green' }),
  create('more properties than are taken', 413, { a: '1', b: '2', c: '3' }),
  create('a body beyond what is taken', 413, { note: 'x'.repeat(70_000) }),
  create('an id that was deleted', 409, { id: deleted }),
  list('a limit that is no number', 'limit=many'),
  list('a marker of no image', `marker=${randomUUID()}`),
  list('an unknown sort key', 'sort_key=colour'),
  list('an unknown direction', 'sort_dir=up'),
  list('both ways to sort', 'sort=name:asc&sort_key=name'),
  list('a time that is none', 'created_at=gt:yesterday'),
  list('an unknown operator', 'status=like:act'),
  list('a visibility that is none', 'visibility=secret'),
  list('a member status that is none', 'member_status=perhaps'),
  list('a size that is no number', 'size_min=large'),
  list('changes-since', 'changes-since=2020-01-01T00:00:00Z'),
  patch('no list', 400, { op: 'add', path: '/name', value: 'x' }),
  patch('a pointer of two levels', 400, set('/a/b', 'x')),
  patch('a pointer without a slash', 400, set('name', 'x')),
  patch('no value', 400, [{ op: 'replace', path: '/name' }]),
  patch('less than no disk', 400, set('/min_disk', -1)),
  patch('one tag by its place', 400, [{ op: 'add', path: '/tags/-', value: 'x' }]),
  patch('a field that only the server writes', 403, set('/status', 'active')),
  patch('its id', 403, set('/id', randomUUID())),
  patch('a base field taken away', 403, [{ op: 'remove', path: '/disk_format' }]),
  patch('another owner', 403, set('/owner', 'green')),
  patch('a format when there are data', 403, set('/disk_format', 'qcow2')),
  patch('a property that is not there', 409, set('/missing', 'x')),
  patch(
    'more properties than are taken',
    413,
    ['a', 'b', 'c'].flatMap((name) => [{ op: 'add', path: `/${name}`, value: '1' }]),
  ),
  upload('another size than announced', 400, { 'x-openstack-image-size': '5' }),
  upload('a size that is none', 400, { 'x-openstack-image-size': 'large' }),
  upload('a store that is not known', 400, { 'x-image-meta-store': 'nowhere' }),
  upload('a content coding', 415, { 'content-encoding': 'gzip' }),
  upload('data a second time', 409, {}, () => world.active()),
  upload('data of a deactivated image', 409, {}, () => world.deactivated()),
  [
    'GET /v2/images/{id}/file',
    403,
    'the image is deactivated',
    async () => world.ask('GET', `/v2/images/${await world.deactivated()}/file`),
  ],
  [
    'GET /v2/images/{id}/file',
    400,
    'a store that is not known',
    async () => world.ask('GET', `/v2/images/${await world.active()}/file?prefer=nowhere`),
  ],
  [
    'GET /v2/images/{id}',
    404,
    'another project’s private image',
    async () => world.ask('GET', `/v2/images/${await world.active({ visibility: 'private' })}`, { as: 'green' }),
  ],
  [
    'DELETE /v2/images/{id}',
    403,
    'another project’s image that one only sees',
    async () => world.ask('DELETE', `/v2/images/${await world.active({ visibility: 'community' })}`, { as: 'green' }),
  ],
  [
    'DELETE /v2/images/{id}',
    404,
    'deleted already',
    async () => {
      const id = await world.active();
      await world.ask('DELETE', `/v2/images/${id}`);
      return world.ask('DELETE', `/v2/images/${id}`);
    },
  ],
  [
    'PUT /v2/images/{id}/tags/{tag}',
    400,
    'a tag of 256 characters',
    async () => world.ask('PUT', `/v2/images/${await world.active()}/tags/${long}`),
  ],
  [
    'POST /v2/images/{id}/members',
    403,
    'a member who is not the owner',
    async () => world.ask('POST', `/v2/images/${await world.shared('green')}/members`, { as: 'green', body: { member: 'red' } }),
  ],
];

describe('what the Image API refuses', () => {
  beforeAll(async () => {
    await world.queued({ id: deleted });
    await world.ask('DELETE', `/v2/images/${deleted}`);
  });

  it.each(reasons)('%s is %i for %s', async (operation, status, _reason, provoke) => {
    const answer = await provoke();
    expect(`${answer.status} ${answer.status === status ? '' : answer.text}`.trim()).toBe(String(status));
    expect(checker.faultsOf(operation, answer)).toEqual([]);
  });
});
