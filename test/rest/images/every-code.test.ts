import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '#base/json.ts';
import { everyCodeSuite, type Provoke, type Provoked } from '#test/suites/every-code-suite.ts';
import { type Ask, formats, octets, openWorld, type World } from '#test/support/every-code-world.ts';
import { createOpenApiChecker } from '#test/support/openapi-checker.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const patchType = { 'content-type': 'application/openstack-images-v2.1-json-patch' };
const coded = { 'content-encoding': 'gzip' };
const image = (id: string): string => `/v2/images/${id}`;
const file = (id: string): string => `/v2/images/${id}/file`;
const members = (id: string): string => `/v2/images/${id}/members`;
const tags = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `tag-${index}`);

const post = (fields: JsonObject, ask: Ask = {}) => world.ask('POST', '/v2/images', { ...ask, body: { ...formats, ...fields } });
const patch = async (id: string, changes: readonly JsonObject[], ask: Ask = {}) =>
  world.ask('PATCH', image(id), { body: JSON.stringify(changes), headers: patchType, ...ask });
const set = (path: string, value: string | readonly string[]): readonly JsonObject[] => [{ op: 'add', path, value }];
const put = (id: string, ask: Ask = {}) => world.ask('PUT', file(id), { headers: octets, body: 'data', ...ask });
const share = (id: string, member: string, ask: Ask = {}) => world.ask('POST', members(id), { body: { member }, ...ask });
const answerShare = (id: string, status: string, ask: Ask = {}) =>
  world.ask('PUT', `${members(id)}/green`, { body: { status }, as: 'green', ...ask });

/** The data of an active image, by GET or by HEAD. */
const data = (method: string): Readonly<Record<number, Provoke>> => ({
  200: async () => world.ask(method, file(await world.active())),
  204: async () => world.ask(method, file(await world.queued())),
  304: async () => {
    const path = file(await world.active());
    const { etag } = (await world.ask('HEAD', path)).headers;
    return world.ask(method, path, { headers: { 'if-none-match': etag } });
  },
  403: async () => world.ask(method, file(await world.active()), { as: 'reader' }),
  412: async () => world.ask(method, file(await world.active()), { headers: { 'if-match': '"another"' } }),
  503: async () => world.ask(method, file(await world.bereave(() => world.active()))),
});

const act = (action: string, from: 'active' | 'deactivated'): Readonly<Record<number, Provoke>> => ({
  204: async () => world.ask('POST', `${image(await world[from]())}/actions/${action}`),
  403: async () => world.ask('POST', `${image(await world.queued())}/actions/${action}`),
});

const looked = (path: string): Readonly<Record<number, Provoke>> => ({
  200: () => world.ask('GET', path),
  403: () => world.ask('GET', path, { as: 'roleless' }),
});

/** How each code comes about, but for what is the same everywhere: 401, 404 of no image, 503 of writes, 400 of a body. */
const provoked: Provoked = {
  'GET /': { 300: () => world.ask('GET', '/', { as: 'nobody' }) },
  'GET /versions': { 200: () => world.ask('GET', '/versions', { as: 'nobody' }) },
  'GET /v2/images': {
    200: () => world.ask('GET', '/v2/images?limit=2&tag=a&tag=b&os_hidden=True'),
    400: () => world.ask('GET', '/v2/images?limit=-1'),
    403: () => world.ask('GET', '/v2/images', { as: 'roleless' }),
  },
  'POST /v2/images': {
    201: () => post({ name: 'made', tags: ['a'], os_distro: 'debian' }),
    400: () => post({ min_disk: -1 }),
    403: () => post({}, { as: 'reader' }),
    409: async () => post({ id: await world.queued() }),
    413: () => post({ tags: tags(4) }),
    415: () => post({}, { headers: coded }),
  },
  'GET /v2/images/{id}': {
    200: async () => world.ask('GET', image(await world.active())),
    403: async () => world.ask('GET', image(await world.active()), { as: 'roleless' }),
  },
  'HEAD /v2/images/{id}': {
    200: async () => world.ask('HEAD', image(await world.active())),
    403: async () => world.ask('HEAD', image(await world.active()), { as: 'roleless' }),
  },
  'PATCH /v2/images/{id}': {
    200: async () => patch(await world.active(), set('/name', 'renamed')),
    400: async () => patch(await world.active(), [{ op: 'move', path: '/name' }]),
    403: async () => patch(await world.active(), set('/visibility', 'public')),
    404: () => patch(randomUUID(), set('/name', 'renamed')),
    409: async () => patch(await world.active(), [{ op: 'remove', path: '/missing' }]),
    413: async () => patch(await world.active(), set('/tags', tags(4))),
    415: async () => patch(await world.active(), set('/name', 'renamed'), { headers: { 'content-type': 'application/json' } }),
  },
  'DELETE /v2/images/{id}': {
    204: async () => world.ask('DELETE', image(await world.active())),
    403: async () => world.ask('DELETE', image(await world.active({ protected: true }))),
    409: async () => world.ask('DELETE', image((await world.chain()).kernel)),
  },
  'POST /v2/images/{id}/actions/deactivate': act('deactivate', 'active'),
  'POST /v2/images/{id}/actions/reactivate': act('reactivate', 'deactivated'),
  'PUT /v2/images/{id}/tags/{tag}': {
    204: async () => world.ask('PUT', `${image(await world.active())}/tags/new`),
    403: async () => world.ask('PUT', `${image(await world.active())}/tags/new`, { as: 'reader' }),
    413: async () => world.ask('PUT', `${image(await world.active({ tags: [...tags(3)] }))}/tags/new`),
  },
  'DELETE /v2/images/{id}/tags/{tag}': {
    204: async () => world.ask('DELETE', `${image(await world.active({ tags: ['old'] }))}/tags/old`),
    403: async () => world.ask('DELETE', `${image(await world.active({ tags: ['old'] }))}/tags/old`, { as: 'reader' }),
    404: async () => world.ask('DELETE', `${image(await world.active())}/tags/missing`),
  },
  'GET /v2/images/{id}/file': {
    ...data('GET'),
    206: async () => world.ask('GET', file(await world.active()), { headers: { range: 'bytes=0-3' } }),
    400: async () => world.ask('GET', file(await world.active()), { headers: { range: 'bytes=0-1,3-4' } }),
    416: async () => world.ask('GET', file(await world.active()), { headers: { range: 'bytes=999-' } }),
  },
  'HEAD /v2/images/{id}/file': data('HEAD'),
  'PUT /v2/images/{id}/file': {
    204: async () => put(await world.queued()),
    400: async () => put(await world.queued({ disk_format: null })),
    403: async () => put(await world.queued(), { as: 'reader' }),
    404: () => put(randomUUID()),
    409: async () => put(await world.active()),
    410: () => world.deletedMeanwhile(),
    413: async () => put(await world.queued(), { body: Buffer.alloc(1_000_001) }),
    415: async () => put(await world.queued({ disk_format: 'qcow2' })),
  },
  'GET /v2/images/{id}/members': {
    200: async () => world.ask('GET', members(await world.shared('green'))),
    403: async () => world.ask('GET', members(await world.active({ visibility: 'private' }))),
  },
  'POST /v2/images/{id}/members': {
    200: async () => share(await world.active(), 'green'),
    400: async () => share(await world.active(), ''),
    403: async () => share(await world.active({ visibility: 'private' }), 'green'),
    404: () => share(randomUUID(), 'green'),
    409: async () => share(await world.shared('green'), 'green'),
    413: async () => share(await world.shared('green', 'red'), 'yellow'),
    415: async () => share(await world.active(), 'green', { headers: coded }),
  },
  'GET /v2/images/{id}/members/{member}': {
    200: async () => world.ask('GET', `${members(await world.shared('green'))}/green`),
    403: async () => world.ask('GET', `${members(await world.shared('green'))}/green`, { as: 'roleless' }),
    404: async () => world.ask('GET', `${members(await world.active())}/green`),
  },
  'PUT /v2/images/{id}/members/{member}': {
    200: async () => answerShare(await world.shared('green'), 'accepted'),
    400: async () => answerShare(await world.shared('green'), 'perhaps'),
    403: async () => answerShare(await world.shared('green'), 'accepted', { as: 'member' }),
    404: () => answerShare(randomUUID(), 'accepted'),
    413: async () => answerShare(await world.shared('green'), 'x'.repeat(70_000)),
    415: async () => answerShare(await world.shared('green'), 'accepted', { headers: coded }),
  },
  'DELETE /v2/images/{id}/members/{member}': {
    204: async () => world.ask('DELETE', `${members(await world.shared('green'))}/green`),
    403: async () => world.ask('DELETE', `${members(await world.shared('green'))}/green`, { as: 'reader' }),
  },
  'GET /v2/info/import': { 200: () => world.ask('GET', '/v2/info/import') },
  'GET /v2/info/stores': looked('/v2/info/stores'),
  'GET /v2/info/stores/detail': {
    200: () => world.ask('GET', '/v2/info/stores/detail', { as: 'admin' }),
    403: () => world.ask('GET', '/v2/info/stores/detail'),
  },
  'GET /v2/info/usage': looked('/v2/info/usage'),
  ...Object.fromEntries(
    ['image', 'images', 'member', 'members'].map((name) => [
      `GET /v2/schemas/${name}`,
      { 200: () => world.ask('GET', `/v2/schemas/${name}`) },
    ]),
  ),
};

const checker = createOpenApiChecker();

everyCodeSuite({
  isPart: (path) => path.startsWith('/v2/') || ['/', '/versions'].includes(path),
  world: () => world,
  checker,
  provoked,
  // Whatever takes no body refuses one.
  anywhere: (operation, path, status) => {
    const [method = ''] = operation.split(' ');
    if (status !== 400 || checker.takesBody(operation)) return undefined;
    return () => world.ask(method, path, { body: '{}' });
  },
});

describe('whatever is refused', () => {
  const known = Object.keys(provoked).filter((operation) => operation.includes('/v2/') && !operation.startsWith('HEAD'));

  it.each(known)('%s tells who asks for JSON in JSON', async (operation) => {
    const [method = '', template = ''] = operation.split(' ');
    const path = template.replace('{id}', randomUUID()).replace(/\{\w+\}/, 'any');
    const answer = await world.ask(method, path, { as: 'nobody', headers: { accept: 'application/json' } });
    expect(answer.headers['content-type']).toBe('application/json');
    expect(checker.faultsOf(operation, answer)).toEqual([]);
  });
});
