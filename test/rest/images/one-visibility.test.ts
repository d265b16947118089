/** Who sees and who has what shared, on the Image API and in GraphQL: one rule, asked of both. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '#base/json.ts';
import { startTestServer, type TestServer } from '#test/support/server.ts';

const projects = ['owner', 'pending', 'accepted', 'rejected', 'stranger'] as const;
type Project = (typeof projects)[number];

let server: TestServer;
let tokens: Record<Project | 'admin', Record<string, string>>;

beforeAll(async () => {
  server = await startTestServer({ graphql: true });
  const member = (project: string) => server.tokenFor(project, 'member');
  const [owner, pending, accepted, rejected, stranger] = await Promise.all(projects.map(member));
  tokens = { owner, pending, accepted, rejected, stranger, admin: await server.tokenFor('ops', 'admin') } as typeof tokens;
});
afterAll(() => server[Symbol.asyncDispose]());

async function rest(who: keyof typeof tokens, method: string, path: string, body?: unknown) {
  const type = method === 'PATCH' ? 'application/openstack-images-v2.1-json-patch' : 'application/json';
  const headers = { ...tokens[who], 'content-type': path.endsWith('/file') ? 'application/octet-stream' : type };
  const sent = typeof body === 'string' ? body : JSON.stringify(body);
  const init = { method, headers, ...(body === undefined ? {} : { body: sent }) };
  const response = await fetch(`${server.url}/v2/images${path}`, init);
  const text = await response.text();
  return { status: response.status, json: text.startsWith('{') ? JSON.parse(text) : undefined };
}

async function graphql(who: keyof typeof tokens, query: string, variables: JsonObject = {}) {
  const headers = { ...tokens[who], 'content-type': 'application/json' };
  const body = JSON.stringify({ query, variables });
  const { data, errors } = await (await fetch(`${server.url}/graphql`, { method: 'POST', headers, body })).json();
  expect(errors).toBeUndefined();
  return data;
}

/** An active image of `owner`, shared with the projects, which answered as they are called. */
async function makeShared(fields: JsonObject = {}): Promise<string> {
  const made = await rest('owner', 'POST', '', { disk_format: 'raw', container_format: 'bare', ...fields });
  expect(made.status).toBe(201);
  const { id } = made.json;
  expect((await rest('owner', 'PUT', `/${id}/file`, 'bytes')).status).toBe(204);
  if ((fields['visibility'] ?? 'shared') !== 'shared') return id;
  for (const member of ['pending', 'accepted', 'rejected'] as const) {
    expect((await rest('owner', 'POST', `/${id}/members`, { member })).status).toBe(200);
    if (member === 'pending') continue;
    expect((await rest(member, 'PUT', `/${id}/members/${member}`, { status: member })).status).toBe(200);
  }
  return id;
}

/** By id and in lists, on both planes; a list of the community is one that asks for it. */
async function sight(who: keyof typeof tokens, id: string, listed: { readonly rest?: string; readonly filter?: string } = {}) {
  const byId = await graphql(who, 'query ($id: ID!) { artifact(id: $id) { id } }', { id });
  const list = await graphql(who, `{ images(first: 100${listed.filter ?? ''}) { nodes { id } } }`);
  const page = await rest(who, 'GET', `?limit=100${listed.rest ?? ''}`);
  const holds = (rows: readonly { readonly id: string }[]) => rows.some((row) => row.id === id);
  return {
    read: [(await rest(who, 'GET', `/${id}`)).status === 200, byId.artifact !== null],
    listed: [holds(page.json.images), holds(list.images.nodes)],
  };
}

const both = (is: boolean) => [is, is];

describe('a visibility', () => {
  it.each(['private', 'shared', 'community'] as const)('%s is the same on both planes, for every project', async (visibility) => {
    const id = await makeShared({ visibility });
    for (const who of projects) {
      const isMember = visibility === 'shared' && who !== 'stranger';
      const isRead = who === 'owner' || visibility === 'community' || isMember;
      const isListed = who === 'owner' || (isMember && who === 'accepted');
      expect([who, await sight(who, id)]).toEqual([who, { read: both(isRead), listed: both(isListed) }]);
      const community = { rest: '&visibility=community', filter: ', filter: { visibility: { eq: community } }' };
      const isFound = visibility === 'community';
      expect([who, (await sight(who, id, community)).listed]).toEqual([who, both(isFound)]);
    }
  });

  it('public is an administrator’s to give, and then everybody’s to list', async () => {
    const id = await makeShared();
    const publicize = [{ op: 'replace', path: '/visibility', value: 'public' }];
    expect((await rest('owner', 'PATCH', `/${id}`, publicize)).status).toBe(403);
    expect((await rest('admin', 'PATCH', `/${id}`, publicize)).status).toBe(200);
    for (const who of projects) expect(await sight(who, id)).toEqual({ read: both(true), listed: both(true) });
  });

  it('community is also an operator’s to give, to images of their own and of others', async () => {
    const made = await rest('admin', 'POST', '', { visibility: 'community', disk_format: 'raw', container_format: 'bare' });
    expect([made.status, made.json.owner]).toEqual([201, 'ops']);
    expect((await rest('admin', 'PUT', `/${made.json.id}/file`, 'bytes')).status).toBe(204);
    const theirs = await makeShared();
    const communitize = [{ op: 'replace', path: '/visibility', value: 'community' }];
    expect((await rest('admin', 'PATCH', `/${theirs}`, communitize)).status).toBe(200);
    for (const id of [made.json.id, theirs])
      expect(await sight('stranger', id)).toEqual({ read: both(true), listed: both(false) });
  });

  it('may be hidden, which leaves it out of lists until they ask, for its owner too', async () => {
    const id = await makeShared({ os_hidden: true });
    const asked = { rest: '&os_hidden=true', filter: ', includeHidden: true' };
    for (const who of ['owner', 'accepted'] as const) {
      expect(await sight(who, id)).toEqual({ read: both(true), listed: both(false) });
      expect((await sight(who, id, asked)).listed).toEqual(both(true));
    }
    expect((await sight('pending', id, asked)).listed).toEqual(both(false));
  });
});

describe('a share', () => {
  it('is answered by the project it is with, again and again, and by nobody else', async () => {
    const id = await makeShared();
    const answer = (who: keyof typeof tokens, status: string) => rest(who, 'PUT', `/${id}/members/accepted`, { status });
    expect((await answer('owner', 'rejected')).status).toBe(403);
    expect((await answer('pending', 'rejected')).status).toBe(403);
    expect((await answer('stranger', 'rejected')).status).toBe(404);
    for (const status of ['rejected', 'pending', 'accepted', 'accepted']) {
      expect((await answer('accepted', status)).json).toMatchObject({ member_id: 'accepted', status });
      expect((await sight('accepted', id)).listed).toEqual(both(status === 'accepted'));
    }
  });

  it('is left by a member, who then sees nothing of it', async () => {
    const id = await makeShared();
    expect((await rest('pending', 'DELETE', `/${id}/members/accepted`)).status).toBe(403);
    expect((await rest('accepted', 'DELETE', `/${id}/members/accepted`)).status).toBe(204);
    expect(await sight('accepted', id)).toEqual({ read: both(false), listed: both(false) });
    const left = await graphql('owner', 'query ($id: ID!) { artifact(id: $id) { members { project } } }', { id });
    expect(left.artifact.members.map(({ project }: { project: string }) => project)).toEqual(['pending', 'rejected']);
  });

  it('made or ended in GraphQL counts on the Image API', async () => {
    const { json } = await rest('owner', 'POST', '', { disk_format: 'raw', container_format: 'bare' });
    expect((await rest('owner', 'PUT', `/${json.id}/file`, 'bytes')).status).toBe(204);
    const input = { artifactId: json.id, project: 'stranger' };
    const change = (name: string, type: string) =>
      graphql('owner', `mutation ($input: ${type}!) { ${name}(input: $input) { __typename } }`, { input });
    await change('addMember', 'AddMemberInput');
    expect((await rest('stranger', 'GET', `/${json.id}`)).status).toBe(200);
    expect((await rest('stranger', 'PUT', `/${json.id}/members/stranger`, { status: 'accepted' })).status).toBe(200);
    expect(await sight('stranger', json.id)).toEqual({ read: both(true), listed: both(true) });
    await change('removeMember', 'RemoveMemberInput');
    expect(await sight('stranger', json.id)).toEqual({ read: both(false), listed: both(false) });
  });

  it('counts while the visibility is shared, and is kept while it is something else', async () => {
    const id = await makeShared();
    const show = (value: string) => rest('owner', 'PATCH', `/${id}`, [{ op: 'replace', path: '/visibility', value }]);
    expect((await show('private')).status).toBe(200);
    expect(await sight('accepted', id)).toEqual({ read: both(false), listed: both(false) });
    expect((await show('shared')).status).toBe(200);
    expect(await sight('accepted', id)).toEqual({ read: both(true), listed: both(true) });
  });
});
