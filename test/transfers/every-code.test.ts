import { randomUUID } from 'node:crypto';
import type { OutgoingHttpHeaders } from 'node:http';
import { afterAll, beforeAll } from 'vitest';
import { createArtifact } from '#ops/create-artifact.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { everyCodeSuite, type Provoke, type Provoked } from '#test/suites/every-code-suite.ts';
import { type Ask, openWorld, type World } from '#test/support/every-code-world.ts';
import { createOpenApiChecker } from '#test/support/openapi-checker.ts';
import { encodeMetadata } from '#test/support/tus-request.ts';
import { blobFile, tarOf } from './tar-blocks.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

type Codes = Readonly<Record<number, Provoke>>;

const missing = randomUUID();
const coded = { 'content-encoding': 'gzip' };
const tooLarge = Buffer.alloc(1_000_001);

async function draft(): Promise<string> {
  return (await createArtifact(world.actAs('blue'), { type: 'bundle', name: `bundle-${randomUUID()}` })).id;
}

async function published(id: string): Promise<string> {
  await publishArtifact(world.actAs('blue'), { id });
  return id;
}

/** Where a blob is, in drafts and in what is published: in a slot that takes one, and in one that takes several. */
interface Kind {
  readonly draft: () => Promise<string>;
  readonly place: (id: string) => string;
  /** In the same artifact, of a slot that its type does not have. */
  readonly nowhere: (id: string) => string;
  readonly published: () => Promise<string>;
}

const one: Kind = {
  draft: () => world.queued(),
  place: (id) => `/api/v1/artifacts/${id}/slots/data`,
  nowhere: (id) => `/api/v1/artifacts/${id}/slots/nothing`,
  published: () => world.active(),
};

const many: Kind = {
  draft,
  place: (id) => `/api/v1/artifacts/${id}/slots/files/a/file`,
  nowhere: (id) => `/api/v1/artifacts/${id}/slots/nothing/a/file`,
  published: async () => published(await filled(many)),
};

async function filled(kind: Kind): Promise<string> {
  const id = await kind.draft();
  await world.make('PUT', kind.place(id), { body: `bytes of ${id}` });
  return id;
}

const reads = (method: string, kind: Kind): Codes => {
  const read = async (id: Promise<string>, ask: Ask = {}) => world.ask(method, kind.place(await id), ask);
  return {
    200: () => read(kind.published()),
    304: async () => {
      const id = kind.published();
      const { etag } = (await read(id)).headers;
      return read(id, { headers: { 'if-none-match': etag } });
    },
    403: () => read(kind.published(), { as: 'reader' }),
    412: () => read(kind.published(), { headers: { 'if-match': '"another"' } }),
    503: () => read(world.bereave(() => kind.published())),
    ...(method === 'HEAD'
      ? {}
      : {
          206: () => read(kind.published(), { headers: { range: 'bytes=0-3' } }),
          416: () => read(kind.published(), { headers: { range: 'bytes=999-' } }),
        }),
  };
};

const puts = (kind: Kind): Codes => {
  const put = async (id: Promise<string>, ask: Ask = {}) => world.ask('PUT', kind.place(await id), { body: 'bytes', ...ask });
  return {
    201: () => put(kind.draft()),
    400: () => put(kind.draft(), { headers: { 'repr-digest': `sha-256=:${Buffer.alloc(32).toString('base64')}:` } }),
    403: () => put(kind.draft(), { as: 'reader' }),
    404: async () => world.ask('PUT', kind.place(missing), { body: 'bytes' }),
    409: () => put(kind.published()),
    412: () => put(kind.draft(), { headers: { 'if-match': '"99"' } }),
    413: () => put(kind.draft(), { body: tooLarge }),
    415: () => put(kind.draft(), { headers: coded }),
    422: async () => world.ask('PUT', kind.nowhere(await kind.draft()), { body: 'bytes' }),
  };
};

const deletes = (kind: Kind): Codes => {
  const remove = async (id: Promise<string>, ask: Ask = {}) => world.ask('DELETE', kind.place(await id), ask);
  return {
    204: () => remove(filled(kind)),
    400: () => remove(filled(kind), { headers: { 'if-match': 'no revision' } }),
    403: () => remove(filled(kind), { as: 'reader' }),
    409: () => remove(kind.published()),
    412: () => remove(filled(kind), { headers: { 'if-match': '"99"' } }),
    422: async () => world.ask('DELETE', kind.nowhere(await filled(kind))),
  };
};

const tarType = { 'content-type': 'application/x-tar' };
const tar = (name = 'files/a') => tarOf(blobFile(name, 'bytes'));
const sendPack = async (id: Promise<string> | string, ask: Ask = {}) =>
  world.ask('POST', `/api/v1/artifacts/${await id}/packs`, { body: tar(), headers: tarType, ...ask });

const closureOf = async (method: string, id: Promise<string> | string, query = '', ask: Ask = {}) =>
  world.ask(method, `/api/v1/closure?ref=${await id}${query}`, ask);

const closures = (method: string): Codes => ({
  200: () => closureOf(method, world.active()),
  304: async () => {
    const id = await world.active();
    const { etag } = (await closureOf(method, id)).headers;
    return closureOf(method, id, '', { headers: { 'if-none-match': etag } });
  },
  400: () => closureOf(method, world.active(), '&mode=sideways'),
  403: () => closureOf(method, world.active(), '', { as: 'roleless' }),
  404: () => closureOf(method, missing),
  409: () => closureOf(method, world.active(), '&format=heat'),
  412: () => closureOf(method, world.active(), '', { headers: { 'if-match': '"another"' } }),
  413: async () => closureOf(method, (await world.chain()).user),
});

const spoken = { 'tus-resumable': '1.0.0' };
const bodyType = { 'content-type': 'application/offset+octet-stream' };

interface Creation {
  readonly length?: number;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly headers?: OutgoingHttpHeaders;
}

const fieldsOf = ({ length = 10, metadata, headers }: Creation): OutgoingHttpHeaders => ({
  ...spoken,
  'upload-length': String(length),
  ...(metadata === undefined ? {} : { 'upload-metadata': encodeMetadata(metadata) }),
  ...headers,
});

const createUpload = (creation: Creation, ask: Ask = {}) =>
  world.ask('POST', '/api/v1/uploads', { headers: fieldsOf(creation), ...ask });

const place = async (id: Promise<string> | string = draft()) => ({ artifact: await id, slot: 'files', path: 'a' });

/** The path of an upload of ten bytes, of which none have come. */
async function open(more: Readonly<Record<string, string>> = {}): Promise<string> {
  const headers = fieldsOf({ metadata: { ...(await place()), ...more } });
  const { headers: fields, status, text } = await world.make('POST', '/api/v1/uploads', { headers });
  if (fields.location === undefined) throw new Error(`${status} ${text}`);
  return fields.location;
}

/** Its bytes were others than those that had been announced. */
async function failed(): Promise<string> {
  const path = await open({ sha256: '0'.repeat(64) });
  await world.make('PATCH', path, { headers: { ...spoken, ...bodyType, 'upload-offset': '0' }, body: 'ten  bytes' });
  return path;
}

/** Another node, which does not answer, writes to it. */
async function held(): Promise<string> {
  const path = await open();
  const text = `UPDATE upload_session SET state = 'receiving', writer = 'other', writer_expires_at = clock_timestamp() + interval '1 hour'
    WHERE id = $1`;
  await world.actAs('blue').db.query({ text }, [path.split('/').at(-1) ?? '']);
  return path;
}

const patchOf =
  (override: OutgoingHttpHeaders, method: string) =>
  async (path: Promise<string> | string, headers: OutgoingHttpHeaders = {}, ask: Ask = {}) =>
    world.ask(method, await path, {
      body: 'ten  bytes',
      ...ask,
      headers: { ...spoken, ...bodyType, 'upload-offset': '0', ...override, ...headers },
    });

/** By PATCH itself, or by a POST that means it. */
const appends = (method: string, override: OutgoingHttpHeaders = {}): Codes => {
  const patch = patchOf(override, method);
  return {
    204: () => patch(open()),
    400: () => patch(open(), { 'upload-offset': 'ten' }),
    403: () => patch(open(), {}, { as: 'reader' }),
    404: () => patch(`/api/v1/uploads/${missing}`),
    409: () => patch(open(), { 'upload-offset': '5' }),
    410: () => patch(failed()),
    412: () => patch(open(), { 'tus-resumable': '0.2.0' }),
    413: () => patch(open(), {}, { body: 'more than ten bytes' }),
    415: () => patch(open(), { 'content-type': 'text/plain' }),
    423: () => patch(held()),
    460: () => patch(open(), { 'upload-checksum': `sha256 ${Buffer.alloc(32).toString('base64')}` }),
  };
};

const tus: Provoked = {
  'OPTIONS /api/v1/uploads': { 204: () => world.ask('OPTIONS', '/api/v1/uploads') },
  'OPTIONS /api/v1/uploads/{id}': { 204: async () => world.ask('OPTIONS', await open()) },
  'POST /api/v1/uploads': {
    201: async () => createUpload({ metadata: await place() }),
    400: () => createUpload({}),
    403: async () => createUpload({ metadata: await place() }, { as: 'reader' }),
    404: async () => createUpload({ metadata: await place(missing) }),
    409: async () => createUpload({ metadata: await place(published(await draft())) }),
    412: async () => createUpload({ metadata: await place(), headers: { 'tus-resumable': '0.2.0' } }),
    413: async () => createUpload({ metadata: await place(), length: 1_000_001 }),
    415: async () => createUpload({ metadata: await place(), headers: { 'content-type': 'text/plain' } }),
    422: async () => createUpload({ metadata: { ...(await place()), slot: 'nothing' } }),
  },
  'HEAD /api/v1/uploads/{id}': {
    200: async () => world.ask('HEAD', await open(), { headers: spoken }),
    403: async () => world.ask('HEAD', await open(), { headers: spoken, as: 'reader' }),
    404: () => world.ask('HEAD', `/api/v1/uploads/${missing}`, { headers: spoken }),
    410: async () => world.ask('HEAD', await failed(), { headers: spoken }),
    412: async () => world.ask('HEAD', await open()),
  },
  'GET /api/v1/uploads/{id}': {
    200: async () => world.ask('GET', await open()),
    403: async () => world.ask('GET', await open(), { as: 'reader' }),
  },
  'PATCH /api/v1/uploads/{id}': appends('PATCH'),
  'POST /api/v1/uploads/{id}': appends('POST', { 'x-http-method-override': 'PATCH' }),
  'DELETE /api/v1/uploads/{id}': {
    204: async () => world.ask('DELETE', await open(), { headers: spoken }),
    403: async () => world.ask('DELETE', await open(), { headers: spoken, as: 'reader' }),
    404: () => world.ask('DELETE', `/api/v1/uploads/${missing}`, { headers: spoken }),
    410: async () => world.ask('DELETE', await failed(), { headers: spoken }),
    412: async () => world.ask('DELETE', await open()),
  },
};

everyCodeSuite({
  isPart: (path) => path.startsWith('/api/'),
  world: () => world,
  checker: createOpenApiChecker(),
  provoked: {
    ...Object.fromEntries(
      Object.entries({ '/api/v1/artifacts/{id}/slots/{slot}': one, '/api/v1/artifacts/{id}/slots/{slot}/{path}': many }).flatMap(
        ([path, kind]): [string, Codes][] => [
          [`GET ${path}`, reads('GET', kind)],
          [`HEAD ${path}`, reads('HEAD', kind)],
          [`PUT ${path}`, puts(kind)],
          [`DELETE ${path}`, deletes(kind)],
        ],
      ),
    ),
    'POST /api/v1/artifacts/{id}/packs': {
      200: () => sendPack(draft(), { body: tar('nothing/a') }),
      201: () => sendPack(draft()),
      400: () => sendPack(draft(), { body: 'no tar' }),
      403: () => sendPack(draft(), { as: 'reader' }),
      404: () => sendPack(missing),
      409: async () => sendPack(published(await draft())),
      412: () => sendPack(draft(), { headers: { ...tarType, 'if-match': '"99"' } }),
      413: () =>
        sendPack(draft(), { body: tarOf(...Array.from({ length: 1001 }, (_, index) => blobFile(`files/${index}`, ''))) }),
      415: () => sendPack(draft(), { headers: { 'content-type': 'application/zip' } }),
      503: () => world.whileReadOnly(() => sendPack(draft())),
    },
    'GET /api/v1/closure': closures('GET'),
    'HEAD /api/v1/closure': closures('HEAD'),
    ...tus,
  },
});
