import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Visibility } from '#core/artifact.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import type { Role } from '#policy/policy.ts';
import { startTestServer, type TestServer } from '#test/support/server.ts';

let server: TestServer;
const tokens = new Map<string, Readonly<Record<string, string>>>();

beforeAll(async () => {
  server = await startTestServer({ settings: { maxBodyBytes: 10_000 } });
  for (const project of ['blue', 'green', 'red']) tokens.set(project, await server.tokenFor(project, 'member'));
  tokens.set('blue reader', await server.tokenFor('blue', 'reader' satisfies Role));
  tokens.set('ops', await server.tokenFor('ops', 'admin'));
});
afterAll(() => server[Symbol.asyncDispose]());

/** An active image of blue's. */
async function image(visibility: Visibility = 'shared'): Promise<string> {
  const properties = { disk_format: 'raw', container_format: 'bare' };
  const { id } = await createArtifact(server.actAs('blue'), { type: 'image', visibility, properties });
  const headers = { 'content-type': 'application/octet-stream' };
  const response = await ask('blue', `/images/${id}/file`, { method: 'PUT', body: 'x', headers });
  expect(response.status).toBe(204);
  return id;
}

const ask = (who: string, path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${server.url}/v2${path}`, { ...init, headers: { ...tokens.get(who), ...(init.headers as Record<string, string>) } });

const send = (who: string, method: string, path: string, body: unknown): Promise<Response> =>
  ask(who, path, { method, body: typeof body === 'string' ? body : JSON.stringify(body) });

const share = (id: string, member: string): Promise<Response> => send('blue', 'POST', `/images/${id}/members`, { member });

const answer = (who: string, id: string, member: string, status: string): Promise<Response> =>
  send(who, 'PUT', `/images/${id}/members/${member}`, { status });

async function membersFor(who: string, id: string): Promise<readonly string[]> {
  const response = await ask(who, `/images/${id}/members`);
  expect(response.status).toBe(200);
  const { members } = (await response.json()) as { members: readonly { member_id: string }[] };
  return members.map(({ member_id }) => member_id);
}

describe('members of an image', () => {
  it('are added with 200, shown, listed, accept and leave', async () => {
    const id = await image();
    expect((await ask('green', `/images/${id}`)).status).toBe(404);
    const added = await share(id, 'green');
    expect(added.status).toBe(200);
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    const member = {
      member_id: 'green',
      image_id: id,
      status: 'pending',
      created_at: time,
      updated_at: time,
      schema: '/v2/schemas/member',
    };
    expect(await added.json()).toEqual(member);
    expect((await ask('green', `/images/${id}`)).status).toBe(200);
    expect(await (await ask('green', `/images/${id}/members/green`)).json()).toEqual(member);
    expect(await (await ask('blue', `/images/${id}/members`)).json()).toEqual({
      members: [member],
      schema: '/v2/schemas/members',
    });
    for (const status of ['accepted', 'rejected', 'pending', 'accepted']) {
      const answered = await answer('green', id, 'green', status);
      expect(answered.status).toBe(200);
      expect(await answered.json()).toMatchObject({ member_id: 'green', status });
    }
    const left = await ask('green', `/images/${id}/members/green`, { method: 'DELETE' });
    expect(left.status).toBe(204);
    expect(left.headers.get('content-type')).toBe('text/html; charset=UTF-8');
    expect((await ask('green', `/images/${id}`)).status).toBe(404);
    expect(await membersFor('blue', id)).toEqual([]);
  });

  it('are taken out by the owner, and once', async () => {
    const id = await image();
    await share(id, 'green');
    expect((await ask('blue', `/images/${id}/members/green`, { method: 'DELETE' })).status).toBe(204);
    expect((await ask('blue', `/images/${id}/members/green`, { method: 'DELETE' })).status).toBe(404);
    expect((await ask('green', `/images/${id}`)).status).toBe(404);
  });

  it('see all of them, as the owner and administrators do', async () => {
    const id = await image();
    for (const project of ['green', 'red', 'somebody else']) expect((await share(id, project)).status).toBe(200);
    expect(await membersFor('blue', id)).toEqual(['green', 'red', 'somebody else']);
    expect(await membersFor('ops', id)).toEqual(['green', 'red', 'somebody else']);
    expect(await membersFor('green', id)).toEqual(['green', 'red', 'somebody else']);
    expect((await ask('green', `/images/${id}/members/red`)).status).toBe(200);
    expect((await ask('green', `/images/${id}/members/yellow`)).status).toBe(404);
    expect((await ask('blue', `/images/${id}/members/somebody%20else`)).status).toBe(200);
  });

  it('are the same under every minor version', async () => {
    const id = await image();
    await share(id, 'green');
    const response = await fetch(`${server.url}/v2.1/images/${id}/members`, { headers: tokens.get('blue') ?? {} });
    expect(response.status).toBe(200);
  });
});

describe('sharing an image is refused', () => {
  it.each([
    ['no body', 400, ''],
    ['no JSON', 400, '{"member": '],
    ['a list', 400, '[]'],
    ['no member', 400, '{}'],
    ['an empty member', 400, '{"member": ""}'],
    ['a member that is no text', 400, '{"member": 7}'],
    ['a member with a control character', 400, '{"member": "a\\u0000"}'],
    ['a key that is there twice', 400, '{"member": "a", "member": "b"}'],
    ['a body beyond the limit', 413, JSON.stringify({ member: 'a', more: 'x'.repeat(20_000) })],
  ])('for %s (%i)', async (_, status, body) => {
    expect((await send('blue', 'POST', `/images/${await image()}/members`, body)).status).toBe(status);
  });

  it('for an image of another visibility, twice, and beyond the quota', async () => {
    for (const visibility of ['private', 'community'] as const) {
      const id = await image(visibility);
      expect((await share(id, 'green')).status).toBe(403);
      expect((await ask('blue', `/images/${id}/members`)).status).toBe(403);
      expect((await ask('blue', `/images/${id}/members/green`)).status).toBe(404);
      expect((await answer('ops', id, 'green', 'accepted')).status).toBe(403);
    }
    const id = await image();
    await share(id, 'green');
    expect((await share(id, 'green')).status).toBe(409);
    const quota = server.services.settings.image.memberQuota;
    for (let count = 1; count < quota; count += 1) expect((await share(id, `p${count}`)).status).toBe(200);
    expect((await share(id, 'red')).status).toBe(413);
  });

  it('to readers, members and strangers, the latter in the words for what is not there', async () => {
    const id = await image();
    expect((await send('blue reader', 'POST', `/images/${id}/members`, { member: 'red' })).status).toBe(403);
    expect((await send('red', 'POST', `/images/${id}/members`, { member: 'red' })).status).toBe(404);
    await share(id, 'green');
    expect((await send('green', 'POST', `/images/${id}/members`, { member: 'red' })).status).toBe(403);
    const kit = await createArtifact(server.actAs('blue'), { type: 'kit', visibility: 'shared' });
    for (const [method, path, body] of [
      ['GET', '/members', null],
      ['POST', '/members', { member: 'green' }],
      ['GET', '/members/green', null],
      ['PUT', '/members/green', { status: 'accepted' }],
      ['DELETE', '/members/green', null],
    ] as const) {
      for (const other of [kit.id, crypto.randomUUID(), 'nothing']) {
        const response = await ask('blue', `/images/${other}${path}`, { method, body: body && JSON.stringify(body) });
        expect(response.status, `${method} ${path} of ${other}`).toBe(404);
        expect(await response.text()).toContain('There is no image');
      }
    }
  });
});

describe('an answer to a share is refused', () => {
  it('to the owner, to another member and to who is none; an administrator may answer for a member', async () => {
    const id = await image();
    await share(id, 'green');
    await share(id, 'red');
    expect((await answer('blue', id, 'green', 'accepted')).status).toBe(403);
    expect((await answer('red', id, 'green', 'accepted')).status).toBe(403);
    expect((await answer('ops', id, 'green', 'accepted')).status).toBe(200);
    expect((await answer('ops', id, 'nobody', 'accepted')).status).toBe(404);
    expect((await ask('red', `/images/${id}/members/green`, { method: 'DELETE' })).status).toBe(403);
  });

  it.each(['{}', '{"status": "perhaps"}', '{"status": null}', '"accepted"', ''])('for %s', async (body) => {
    const id = await image();
    await share(id, 'green');
    expect((await send('green', 'PUT', `/images/${id}/members/green`, body)).status).toBe(400);
  });
});

describe('a body where there is none to be', () => {
  it('is 400, and an empty one of any content type is none', async () => {
    const id = await image();
    await share(id, 'green');
    const { hostname, port } = new URL(server.url);
    const remove = async (body: string): Promise<number | undefined> => {
      const headers = { ...tokens.get('blue'), 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
      const request = httpRequest({ hostname, port, method: 'DELETE', path: `/v2/images/${id}/members/green`, headers });
      request.end(body);
      const [response] = await once(request, 'response');
      response.resume();
      return response.statusCode;
    };
    expect(await remove('{}')).toBe(400);
    expect(await remove('')).toBe(204);
  });
});
