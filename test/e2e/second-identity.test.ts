import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createArtifact } from '#ops/create-artifact.ts';
import { deactivateArtifact } from '#ops/deactivate-artifact.ts';
import { deleteArtifact } from '#ops/delete-artifact.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { putText } from '#test/support/operations.ts';
import { startTestServer, type TestServer } from '#test/support/server.ts';
import { runCli } from '#test/support/vitrine-process.ts';

let server: TestServer;
let stranger: { readonly authorization: string };
let folder: string;
const foreign = new Map<string, { readonly id: string; readonly name: string }>();

beforeAll(async () => {
  server = await startTestServer({ graphql: true });
  stranger = await server.tokenFor('stranger', 'member', 'reader');
  folder = await mkdtemp(join(tmpdir(), 'vitrine-stranger-'));
  const owner = server.actAs('owner', 'admin');
  for (const state of ['draft', 'active', 'deactivated', 'deleted']) {
    const name = `hidden-${randomUUID()}`;
    const properties = { disk_format: 'raw', container_format: 'bare' };
    const { id } = await createArtifact(owner, { project: 'owner', type: 'image', name, version: '1.0.0', properties });
    await putText(owner, id, 'data', 'secret bytes');
    if (state !== 'draft') await publishArtifact(owner, { id });
    if (state === 'deactivated') await deactivateArtifact(owner, { id });
    if (state === 'deleted') await deleteArtifact(owner, { id });
    foreign.set(state, { id, name });
  }
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

type Ask = (subject: { readonly id: string; readonly name: string }) => Promise<string>;

const requestIds = /req-[0-9a-f-]{36}/g;

function http(method: string, path: (id: string, name: string) => string, init: RequestInit = {}): Ask {
  return async ({ id, name }) => {
    const headers = { ...stranger, ...init.headers };
    const response = await fetch(`${server.url}${path(id, name)}`, { method, ...init, headers });
    const kept = [...response.headers].filter(([header]) => header !== 'date' && header !== 'x-openstack-request-id');
    const text = `${response.status}\n${JSON.stringify(kept)}\n${await response.text()}`;
    return text.replaceAll(new RegExp(id, 'gi'), '<id>').replaceAll(name, '<name>').replace(requestIds, '<request>');
  };
}

const slot = (id: string): string => `/api/v1/artifacts/${id}/slots/data`;
const closure = (ref: string, more: string): string => `/api/v1/closure?ref=${encodeURIComponent(ref)}${more}`;
const extras = ['', '&mode=floating', '&format=tar', '&format=heat', '&partial=true', '&format=tar&partial=true', '&inline=1000'];
const ranges = ['', '@1.0.0', '@^1', '@>=0.0.0-0'];

const routes: readonly (readonly [string, Ask])[] = [
  ['GET a blob', http('GET', slot)],
  ['GET a blob by its path', http('GET', (id) => `${slot(id)}/data`)],
  ['HEAD a blob', http('HEAD', slot)],
  ['GET a blob if it is there', http('GET', slot, { headers: { 'if-match': '*' } })],
  ['GET a blob if it is not there', http('GET', slot, { headers: { 'if-none-match': '*' } })],
  ['GET a part of a blob', http('GET', slot, { headers: { range: 'bytes=0-1' } })],
  ['PUT a blob', http('PUT', slot, { body: 'x' })],
  ['PUT a blob on a revision', http('PUT', slot, { body: 'x', headers: { 'if-match': '"1"' } })],
  ['PUT a blob into no slot', http('PUT', (id) => `/api/v1/artifacts/${id}/slots/none`, { body: 'x' })],
  ['PUT a blob into no store', http('PUT', (id) => `${slot(id)}?store=none`, { body: 'x' })],
  ['PUT a blob at a bad path', http('PUT', (id) => `${slot(id)}?path=../x`, { body: 'x' })],
  ['PUT a blob of a wrong digest', http('PUT', slot, { body: 'x', headers: { 'repr-digest': `sha-256=:${'A'.repeat(43)}=:` } })],
  ['PUT a blob of a bad type', http('PUT', slot, { body: 'x', headers: { 'content-type': 'nonsense' } })],
  ['DELETE a blob', http('DELETE', slot)],
  ['DELETE a blob on a revision', http('DELETE', slot, { headers: { 'if-match': '"9"' } })],
  ['GET an image', http('GET', (id) => `/v2/images/${id}`)],
  ['HEAD an image', http('HEAD', (id) => `/v2/images/${id}`)],
  ['GET an image in capitals', http('GET', (id) => `/v2/images/${id.toUpperCase()}`)],
  ['GET the file of an image', http('GET', (id) => `/v2/images/${id}/file`)],
  ['HEAD the file of an image', http('HEAD', (id) => `/v2/images/${id}/file`)],
  ['GET a part of the file', http('GET', (id) => `/v2/images/${id}/file`, { headers: { range: 'bytes=0-1' } })],
  ...extras.map((more) => [`GET a closure ${more}`, http('GET', (id) => closure(id, more))] as const),
  ...ranges.flatMap((range) =>
    extras.map(
      (more) =>
        [`GET a closure ${range} ${more}`, http('GET', (_id, name) => closure(`owner/image/${name}${range}`, more))] as const,
    ),
  ),
];

describe('a second identity', () => {
  it.each(routes)('learns nothing by HTTP: %s', async (_name, ask) => {
    const expected = await ask({ id: randomUUID(), name: `hidden-${randomUUID()}` });
    expect(expected).toMatch(/^4\d\d\n/);
    for (const [state, subject] of foreign) expect(await ask(subject), state).toBe(expected);
  });

  it.each([
    ['show', '--json'],
    ['pull', '--json', '--output', 'out'],
    ['closure', '--json'],
    ['dependents', '--json'],
    ['publish', '--json'],
    ['yank', '--json'],
    ['deprecate', '--json', '--message', 'old'],
    ['deactivate', '--json'],
    ['delete', '--json'],
  ])(
    'learns nothing from the command line: %s',
    async (command, ...options) => {
      const env = { VITRINE_URL: server.url, VITRINE_TOKEN: stranger.authorization.slice('Bearer '.length) };
      const args = options.map((option) => (option === 'out' ? join(folder, randomUUID()) : option));
      const ask: Ask = async ({ id, name }) => {
        const { code, stdout, stderr } = await runCli([command, id, ...args], env);
        return `${code} ${stdout} ${stderr}`.replaceAll(id, '<id>').replaceAll(name, '<name>').replace(requestIds, '<request>');
      };
      const expected = await ask({ id: randomUUID(), name: 'none' });
      expect(expected).toContain('NOT_FOUND');
      for (const [state, subject] of [...foreign].slice(0, 2)) expect(await ask(subject), state).toBe(expected);
    },
    60_000,
  );

  it('learns nothing of tokens, and ends none', async () => {
    const admin = await server.tokenFor('owner', 'admin');
    const list = async () => (await graphql(admin, '{ tokens { id project revokedAt } }')).text;
    const before = await list();
    const revoke = async (id: string): Promise<string> => {
      const query = 'mutation ($id: ID!) { revokeToken(input: { id: $id }) { __typename ... on Error { code message } } }';
      const { status, text } = await graphql(stranger, query, { id });
      return `${status} ${text}`.replaceAll(id, '<id>').replace(requestIds, '<request>');
    };
    const expected = await revoke(randomUUID());
    const tokens = (JSON.parse(before).data.tokens as { id: string; project: string }[]).filter(
      ({ project }) => project === 'owner',
    );
    expect(tokens.length).toBeGreaterThan(0);
    for (const { id } of tokens) expect(await revoke(id)).toBe(expected);
    expect(await list()).toBe(before);
  });

  it('gets no answer of another caller by the same idempotency key', async () => {
    const query = `mutation ($input: CreateArtifactInput!) { createArtifact(input: $input) { __typename
      ... on ArtifactPayload { artifact { id project } } } }`;
    const input = { type: 'bundle', idempotencyKey: `key-${randomUUID()}` };
    const owner = await server.tokenFor('owner', 'member');
    const colleague = await server.tokenFor('owner-too', 'member');
    const made = await Promise.all([owner, stranger, colleague].map(async (who) => (await graphql(who, query, { input })).text));
    expect(new Set(made).size).toBe(3);
    expect((await graphql(owner, query, { input })).text).toBe(made[0]);
    expect(made[1]).toContain('"project":"stranger"');
  });

  it('sees nothing through a cursor of another', async () => {
    const owner = await server.tokenFor('owner', 'member');
    const query = 'query ($after: String) { artifacts(first: 1, after: $after) { nodes { id } edges { cursor } } }';
    const { data } = JSON.parse((await graphql(owner, query)).text);
    expect(data.artifacts.nodes).toHaveLength(1);
    const answer = await graphql(stranger, query, { after: data.artifacts.edges[0].cursor });
    const own = await graphql(stranger, query);
    for (const { id } of foreign.values()) expect(answer.text + own.text).not.toContain(id);
  });
});

async function graphql(who: object, query: string, variables: object = {}) {
  const headers = { ...who, 'content-type': 'application/json' };
  const response = await fetch(`${server.url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
  return { status: response.status, text: await response.text() };
}
