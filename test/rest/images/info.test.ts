import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createArtifact } from '#ops/create-artifact.ts';
import { deleteArtifact } from '#ops/delete-artifact.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { uploadBlob } from '#ops/upload-blob.ts';
import type { Role } from '#policy/policy.ts';
import { startTestServer, type TestServer } from '#test/support/server.ts';

const mib = 1024 ** 2;

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

async function ask(path: string, role: Role = 'reader', project = 'blue', method = 'GET'): Promise<Response> {
  return fetch(`${server.url}/v2/info/${path}`, { method, headers: await server.tokenFor(project, role) });
}

describe('info about import', () => {
  it('says that there is no way to', async () => {
    const response = await ask('import');
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      'import-methods': { description: expect.any(String), type: 'array', value: [] },
    });
  });
});

describe('info about stores', () => {
  it('has their names and which one is the default, as a text', async () => {
    for (const role of ['reader', 'member', 'service', 'admin'] as const) {
      const response = await ask('stores', role);
      expect(response.status).toBe(200);
      expect(await response.json()).toEqual({ stores: [{ id: 'local', default: 'true' }] });
    }
  });

  it('says more to administrators and services, and nothing more to others', async () => {
    for (const role of ['admin', 'service'] as const) {
      expect(await (await ask('stores/detail', role)).json()).toEqual({
        stores: [
          {
            id: 'local',
            default: 'true',
            type: 'file',
            weight: 0,
            properties: { data_dir: server.storeFolder, thin_provisioning: false },
          },
        ],
      });
    }
    for (const role of ['reader', 'member'] as const) expect((await ask('stores/detail', role)).status).toBe(403);
  });
});

describe('info about usage', () => {
  interface UsageBody {
    readonly usage: Readonly<Record<string, { readonly usage: number; readonly limit: number }>>;
  }
  const usage = async (project: string): Promise<Readonly<Record<string, number>>> => {
    const response = await ask('usage', 'reader', project);
    expect(response.status).toBe(200);
    const body = (await response.json()) as UsageBody;
    expect(Object.values(body.usage).map(({ limit }) => limit)).toEqual([-1, -1, -1, -1]);
    return Object.fromEntries(Object.entries(body.usage).map(([name, { usage: used }]) => [name, used]));
  };

  it('is nothing for a project that has nothing', async () => {
    expect(await usage('nobody')).toEqual({
      image_size_total: 0,
      image_stage_total: 0,
      image_count_total: 0,
      image_count_uploading: 0,
    });
  });

  it('counts images of the project only, their bytes as often as they are held, and what is coming', async () => {
    const act = server.actAs('green');
    const ids: string[] = [];
    for (const fill of ['a', 'a', 'b']) {
      const { id } = await createArtifact(act, { type: 'image', properties: { disk_format: 'raw' } });
      await uploadBlob(act, { artifactId: id, slot: 'data', source: Readable.from([Buffer.alloc(2 * mib, fill)]) });
      ids.push(id);
      // Drafts and what is published count alike.
      if (ids.length < 3) await publishArtifact(act, { id });
    }
    await createArtifact(act, { type: 'kit' });
    await createArtifact(server.actAs('red'), { type: 'image' });
    const waiting = await createArtifact(act, { type: 'image' });
    expect(await usage('green')).toMatchObject({ image_size_total: 6, image_count_total: 4, image_count_uploading: 0 });
    const { hostname, port } = new URL(server.url);
    const path = `/api/v1/artifacts/${waiting.id}/slots/data`;
    const headers = await server.tokenFor('green', 'member');
    const request = httpRequest({ hostname, port, method: 'PUT', path, headers });
    request.write('some');
    await expect.poll(async () => (await usage('green'))['image_count_uploading']).toBe(1);
    request.end();
    const [response] = await once(request, 'response');
    response.resume();
    await deleteArtifact(act, { id: ids[0] ?? '' });
    expect(await usage('green')).toMatchObject({ image_size_total: 4, image_count_total: 3, image_count_uploading: 0 });
  });
});

describe('info', () => {
  it.each(['import', 'stores', 'stores/detail', 'usage'])('about %s is read only, and for who has a token', async (path) => {
    for (const method of ['HEAD', 'POST', 'DELETE']) {
      const response = await ask(path, 'admin', 'blue', method);
      expect([method, response.status, response.headers.get('allow')]).toEqual([method, 405, 'GET']);
    }
    const { status } = await fetch(`${server.url}/v2/info/${path}`, { headers: { 'x-auth-token': 'vtr_bad' } });
    expect(status).toBe(401);
  });
});
