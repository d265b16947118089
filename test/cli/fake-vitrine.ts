/** A small HTTP server that answers as a Vitrine does, in memory, and can be told to misbehave: what the real one never does. */
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { JsonObject } from '#base/json.ts';
import { textOf } from '#cli/json-values.ts';

export interface FakeBlob {
  slot: string;
  path: string;
  mediaType: string;
  sizeBytes: number;
  sha256: string;
  url: string;
}

export interface FakeArtifact {
  id: string;
  project: string;
  type: string;
  name: string | null;
  version: string | null;
  state: string;
  properties: JsonObject;
  tags: readonly string[];
  dependencies: readonly JsonObject[];
  blobs: FakeBlob[];
}

/** A resumable upload. */
interface FakeUpload {
  readonly id: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly length: number;
  bytes: Buffer;
  state: string;
  error?: JsonObject;
}

export interface FakeVitrine extends AsyncDisposable {
  readonly uploads: Map<string, FakeUpload>;
  /** Digests whose bytes the server has, and the caller may read. */
  readonly known: Map<string, Buffer>;
  readonly url: string;
  readonly artifacts: Map<string, FakeArtifact>;
  readonly bytes: Map<string, Buffer>;
  /** Method and path of every request, GraphQL ones by the name of their operation. */
  readonly log: string[];
  /** Answers this instead, for a request whose log line begins so. */
  readonly override: Map<string, (response: ServerResponse, request: IncomingMessage) => void>;
  readonly tokens: (string | undefined)[];
}

const types: Readonly<Record<string, JsonObject>> = {
  image: {
    name: 'image',
    extraKind: 'string',
    current: { version: '1', slots: [{ name: 'data', kind: 'one', mediaTypes: [] }] },
    properties: [
      { name: 'disk_format', kind: 'string' },
      { name: 'min_ram', kind: 'integer' },
    ],
  },
  bundle: {
    name: 'bundle',
    extraKind: 'json',
    current: {
      version: '1',
      slots: [
        { name: 'main', kind: 'one', mediaTypes: ['text/plain'] },
        { name: 'files', kind: 'map', mediaTypes: [] },
      ],
    },
    properties: [],
  },
};

export async function startFakeVitrine(): Promise<FakeVitrine> {
  const state = {
    ...{ artifacts: new Map(), bytes: new Map(), uploads: new Map(), known: new Map() },
    ...{ log: [], override: new Map(), tokens: [] },
  } as unknown as FakeVitrine;
  const server = createServer((request, response) => {
    answer(state, request, response).catch((error: unknown) => problem(response, 500, 'INTERNAL', String(error)));
  });
  server.on('checkContinue', (request, response) => server.emit('request', request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return Object.assign(state, {
    url: `http://127.0.0.1:${address.port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  });
}

export function problem(
  response: ServerResponse,
  status: number,
  code: string,
  detail: string,
  more: JsonObject = {},
): ServerResponse {
  response.writeHead(status, { 'content-type': 'application/problem+json', connection: 'close' });
  return response.end(JSON.stringify({ code, detail, remedy: '', ...more }));
}

async function answer(state: FakeVitrine, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://fake');
  state.tokens.push(request.headers.authorization);
  const isGraphql = url.pathname === '/graphql';
  const body: { query: string; variables: JsonObject } | undefined = isGraphql
    ? JSON.parse(String(await read(request)))
    : undefined;
  const operation = body === undefined ? '' : (/(?:query|mutation) (\w+)/.exec(body.query)?.[1] ?? '');
  const line = isGraphql ? operation : `${request.method} ${url.pathname}${url.search}`;
  state.log.push(line);
  const override = [...state.override].find(([prefix]) => line.startsWith(prefix))?.[1];
  if (override !== undefined) override(response, request);
  else if (body !== undefined) graphql(state, operation, body.variables, response);
  else if (url.pathname.startsWith('/api/v1/uploads')) await tus(state, url, request, response);
  else if (request.method === 'PUT') await put(state, url, request, response);
  else if (request.method === 'DELETE') remove(state, url, response);
  else get(state, url, request, response);
}

function graphql(state: FakeVitrine, operation: string, variables: JsonObject, response: ServerResponse): ServerResponse {
  const input = (variables['input'] ?? {}) as JsonObject;
  const send = (data: unknown) => json(response, 200, { data });
  const found = state.artifacts.get(textOf(input['id']));
  switch (operation) {
    case 'Type':
      return send({ artifactType: types[textOf(variables['name'])] ?? null });
    case 'CreateArtifact': {
      const made = create(input);
      state.artifacts.set(made.id, made);
      return send({ createArtifact: { __typename: 'ArtifactPayload', artifact: view(made) } });
    }
    case 'UpdateArtifact': {
      if (found !== undefined)
        Object.assign(found, { properties: input['properties'], tags: input['tags'], dependencies: input['dependencies'] });
      return send({ updateArtifact: { __typename: 'ArtifactPayload', artifact: found && view(found) } });
    }
    case 'NegotiateUploads': {
      const artifact = state.artifacts.get(textOf(input['artifactId']));
      if (artifact === undefined) {
        return send({ negotiateUploads: { __typename: 'NotFoundError', code: 'ARTIFACT_NOT_FOUND', message: 'None.' } });
      }
      const blobs = (input['blobs'] as readonly JsonObject[]).map((blob) => negotiate(state, artifact, blob));
      return send({ negotiateUploads: { __typename: 'NegotiateUploadsPayload', blobs } });
    }
    case 'PublishArtifact':
      if (found !== undefined) found.state = 'active';
      return send({ publishArtifact: { __typename: 'ArtifactPayload', artifact: found && view(found) } });
    case 'DeleteArtifact':
      state.artifacts.delete(textOf(input['id']));
      return send({ deleteArtifact: { __typename: 'ArtifactPayload', artifact: found && view({ ...found, state: 'deleted' }) } });
    case 'Resolve': {
      const artifact = resolve(state, textOf(variables['ref']));
      if (artifact !== undefined) return send({ resolve: { warnings: [], artifact: view(artifact) } });
      const error = { message: 'There is no such artifact.', extensions: { code: 'ARTIFACT_NOT_FOUND' } };
      return json(response, 200, { data: null, errors: [error] });
    }
    default:
      return json(response, 400, { errors: [{ message: `unexpected ${operation}` }] });
  }
}

function create(input: JsonObject): FakeArtifact {
  return {
    id: textOf(input['id']) || randomUUID(),
    project: textOf(input['project']) || 'default',
    type: textOf(input['type']),
    name: (input['name'] as string | undefined) ?? null,
    version: (input['version'] as string | undefined) ?? null,
    state: 'draft',
    properties: (input['properties'] ?? {}) as JsonObject,
    tags: (input['tags'] ?? []) as readonly string[],
    dependencies: (input['dependencies'] ?? []) as readonly JsonObject[],
    blobs: [],
  };
}

function view(artifact: FakeArtifact): JsonObject {
  const dependencies = artifact.dependencies.map((item) => ({ parameter: null, resolved: null, ...item }));
  return { ...artifact, dependencies, visibility: 'private', revision: 1, digest: null } as unknown as JsonObject;
}

function negotiate(state: FakeVitrine, artifact: FakeArtifact, blob: JsonObject): JsonObject {
  const [slot, path, sha256] = [textOf(blob['slot']), textOf(blob['path']), textOf(blob['sha256'])];
  const url = `/api/v1/artifacts/${artifact.id}/slots/${slot}`;
  const isOne = slot === 'data' || slot === 'main';
  const place = isOne ? url : `${url}/${path.split('/').map(encodeURIComponent).join('/')}`;
  const held = artifact.blobs.find((item) => item.slot === slot && item.path === path && item.sha256 === sha256);
  const known = state.known.get(sha256);
  if (held === undefined && known !== undefined)
    attach(state, artifact, { slot, path, mediaType: textOf(blob['mediaType']), url: place }, known);
  if (held !== undefined || known !== undefined) return { slot, path, state: 'HAVE', upload: null };
  const open = [...state.uploads.values()].find(
    ({ metadata }) => metadata['artifact'] === artifact.id && metadata['path'] === path && metadata['sha256'] === sha256,
  );
  const sessionUrl = open === undefined ? null : `/api/v1/uploads/${open.id}`;
  const putUrl = isOne ? `${place}?path=${encodeURIComponent(path)}` : place;
  return { slot, path, state: 'SEND', upload: { putUrl, tusCreateUrl: '/api/v1/uploads', sessionUrl } };
}

function attach(
  state: FakeVitrine,
  artifact: FakeArtifact,
  place: Pick<FakeBlob, 'slot' | 'path' | 'mediaType' | 'url'>,
  bytes: Buffer,
): string {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  artifact.blobs = artifact.blobs.filter((blob) => blob.slot !== place.slot || blob.path !== place.path);
  artifact.blobs.push({ ...place, sizeBytes: bytes.length, sha256 });
  state.bytes.set(place.url, bytes);
  return sha256;
}

/** What of tus 1.0 a client needs: creation, the offset, parts, and the state as JSON. */
async function tus(state: FakeVitrine, url: URL, request: IncomingMessage, response: ServerResponse): Promise<unknown> {
  const { method, headers } = request;
  if (method === 'POST') {
    const pairs = (headers['upload-metadata'] as string).split(',').map((pair) => pair.split(' '));
    const metadata = Object.fromEntries(pairs.map(([key = '', value = '']) => [key, Buffer.from(value, 'base64').toString()]));
    const upload = {
      id: randomUUID(),
      metadata,
      length: Number(headers['upload-length']),
      bytes: Buffer.alloc(0),
      state: 'open',
    };
    state.uploads.set(upload.id, upload);
    return response.writeHead(201, { location: `/api/v1/uploads/${upload.id}` }).end();
  }
  const upload = state.uploads.get(url.pathname.split('/').at(-1) ?? '');
  if (upload === undefined) return problem(response, 404, 'UPLOAD_NOT_FOUND', 'None.');
  if (method === 'GET')
    return json(response, 200, { state: upload.state, offset: upload.bytes.length, error: upload.error ?? null });
  if (method === 'PATCH') {
    if (Number(headers['upload-offset']) !== upload.bytes.length)
      return problem(response, 409, 'UPLOAD_OFFSET', 'Another offset.');
    if (headers.expect !== undefined) response.writeContinue();
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    } catch {
      return undefined;
    } finally {
      upload.bytes = Buffer.concat([upload.bytes, ...chunks]);
    }
    if (upload.bytes.length === upload.length) finish(state, upload);
  }
  return response
    .writeHead(method === 'PATCH' ? 204 : 200, { 'upload-offset': upload.bytes.length, 'upload-length': upload.length })
    .end();
}

function finish(state: FakeVitrine, upload: FakeUpload): void {
  const { artifact = '', slot = '', path = '', sha256, 'media-type': mediaType = '' } = upload.metadata;
  const found = state.artifacts.get(artifact);
  if (found === undefined) return;
  const url = `/api/v1/artifacts/${artifact}/slots/${slot}${slot === 'files' ? `/${path}` : ''}`;
  const isRight = attach(state, found, { slot, path, mediaType, url }, upload.bytes) === sha256;
  upload.state = isRight ? 'finished' : 'failed';
  if (!isRight) upload.error = { code: 'BLOB_DIGEST_MISMATCH', message: 'Other bytes.' };
}

function remove(state: FakeVitrine, url: URL, response: ServerResponse): void {
  for (const artifact of state.artifacts.values()) artifact.blobs = artifact.blobs.filter((blob) => blob.url !== url.pathname);
  response.writeHead(204).end();
}

/** By id, or the active artifact of exactly `project/type/name@version`; without a version any of the name. */
function resolve(state: FakeVitrine, ref: string): FakeArtifact | undefined {
  const direct = state.artifacts.get(ref);
  if (direct !== undefined) return direct;
  const [path = '', version] = ref.split('@');
  const names = path.split('/').slice(-2).join('/');
  return [...state.artifacts.values()].find(
    (item) =>
      item.state === 'active' && `${item.type}/${item.name}` === names && (version === undefined || item.version === version),
  );
}

async function put(state: FakeVitrine, url: URL, request: IncomingMessage, response: ServerResponse): Promise<unknown> {
  const [, id = '', slot = '', rest] = /^\/api\/v1\/artifacts\/([^/]+)\/slots\/([^/]+)(?:\/(.*))?$/.exec(url.pathname) ?? [];
  if (request.headers.expect !== undefined) response.writeContinue();
  const bytes = await read(request);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const declared = `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`;
  if (request.headers['repr-digest'] !== declared)
    return problem(response, 400, 'BLOB_DIGEST_MISMATCH', 'The digest is another.');
  if (Number(request.headers['content-length']) !== bytes.length)
    return problem(response, 400, 'BLOB_SIZE_MISMATCH', 'The size.');
  const path = rest === undefined ? (url.searchParams.get('path') ?? slot) : rest.split('/').map(decodeURIComponent).join('/');
  const mediaType = request.headers['content-type'] ?? '';
  const artifact = state.artifacts.get(id);
  if (artifact !== undefined) attach(state, artifact, { slot, path, mediaType, url: url.pathname }, bytes);
  return json(response, 201, { slot, path, size: bytes.length, sha256, revision: 2 });
}

/** Whole, or from the byte that a range begins with; If-Range is believed. */
function get(state: FakeVitrine, url: URL, request: IncomingMessage, response: ServerResponse): void {
  const bytes = state.bytes.get(url.pathname);
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  if (bytes === undefined) problem(response, 404, 'BLOB_NOT_FOUND', 'The slot holds no blob.');
  else if (start === 0) response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
  else {
    const range = `bytes ${start}-${bytes.length - 1}/${bytes.length}`;
    response.writeHead(206, { 'content-length': bytes.length - start, 'content-range': range }).end(bytes.subarray(start));
  }
}

function json(response: ServerResponse, status: number, value: unknown): ServerResponse {
  return response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

async function read(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
