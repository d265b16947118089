/** A small HTTP server that answers as a Vitrine does, in memory, and can be told to misbehave: what the real one never does. */
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { JsonObject } from '#base/json.ts';
import { textOf } from '#cli/json-values.ts';

interface FakeBlob {
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

export interface FakeVitrine extends AsyncDisposable {
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
  const state = { artifacts: new Map(), bytes: new Map(), log: [], override: new Map(), tokens: [] } as unknown as FakeVitrine;
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
  else if (request.method === 'PUT') await put(state, url, request, response);
  else get(state, url, response);
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
    id: randomUUID(),
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
  response.writeContinue();
  const bytes = await read(request);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const declared = `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`;
  if (request.headers['repr-digest'] !== declared)
    return problem(response, 400, 'BLOB_DIGEST_MISMATCH', 'The digest is another.');
  if (Number(request.headers['content-length']) !== bytes.length)
    return problem(response, 400, 'BLOB_SIZE_MISMATCH', 'The size.');
  const path = rest === undefined ? (url.searchParams.get('path') ?? slot) : rest.split('/').map(decodeURIComponent).join('/');
  const mediaType = request.headers['content-type'] ?? '';
  state.artifacts.get(id)?.blobs.push({ slot, path, mediaType, sizeBytes: bytes.length, sha256, url: url.pathname });
  state.bytes.set(url.pathname, bytes);
  return json(response, 201, { slot, path, size: bytes.length, sha256, revision: 2 });
}

function get(state: FakeVitrine, url: URL, response: ServerResponse): void {
  const bytes = state.bytes.get(url.pathname);
  if (bytes === undefined) problem(response, 404, 'BLOB_NOT_FOUND', 'The slot holds no blob.');
  else response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
}

function json(response: ServerResponse, status: number, value: unknown): ServerResponse {
  return response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

async function read(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
