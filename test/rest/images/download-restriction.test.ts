import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '#base/json.ts';
import { exportClosureTar } from '#ops/export-closure-tar.ts';
import { negotiateUploads } from '#ops/negotiate-uploads.ts';
import { loadPolicy } from '#policy/policy.ts';
import { outcome } from '#test/support/operations.ts';
import { startTestServer, type TestServer } from '#test/support/server.ts';
import { createPolicyFolder } from '../../policy/policy-folder.ts';

const bytes = 'restricted bytes';

let server: TestServer;
let callers: Record<'red' | 'blue' | 'blueReader' | 'admin', Record<string, string>>;
let restricted: string;
let free: string;

beforeAll(async () => {
  using folder = createPolicyFolder(`@id("at-home")
    forbid (principal, action == Action::"blob:download", resource)
    when { resource.properties.hasTag("restricted") && resource.properties.getTag("restricted") == "true" }
    unless { resource.project == principal.project };`);
  const policy = await loadPolicy({ files: [folder.file], includeDefault: true });
  server = await startTestServer({ graphql: true, policy });
  callers = {
    red: await server.tokenFor('red', 'member'),
    blue: await server.tokenFor('blue', 'member'),
    blueReader: await server.tokenFor('blue', 'reader'),
    admin: await server.tokenFor('ops', 'admin'),
  };
  restricted = await makeImage({ restricted: 'true' }, bytes);
  free = await makeImage({ restricted: 'false' }, 'free bytes');
});
afterAll(() => server[Symbol.asyncDispose]());

/** Of blue, shown to the community, with bytes. */
async function makeImage(properties: JsonObject, content: string): Promise<string> {
  const headers = { ...callers.blue, 'content-type': 'application/json' };
  const fields = { disk_format: 'raw', container_format: 'bare', visibility: 'community', ...properties };
  const made = await fetch(`${server.url}/v2/images`, { method: 'POST', headers, body: JSON.stringify(fields) });
  expect(made.status).toBe(201);
  const { id } = await made.json();
  const sent = { ...callers.blue, 'content-type': 'application/octet-stream' };
  const uploaded = await fetch(`${server.url}/v2/images/${id}/file`, { method: 'PUT', headers: sent, body: content });
  expect(uploaded.status).toBe(204);
  return id;
}

const get = (path: string, caller: keyof typeof callers, more: Record<string, string> = {}, method = 'GET') =>
  fetch(`${server.url}${path}`, { method, headers: { ...callers[caller], ...more } });

describe('a policy that restricts downloads by a property', () => {
  it('withholds the bytes on the Image API, whole, in part and their head, and says the action only', async () => {
    const path = `/v2/images/${restricted}/file`;
    const answers = [await get(path, 'red'), await get(path, 'red', { range: 'bytes=0-1' }), await get(path, 'red', {}, 'HEAD')];
    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403]);
    const text = await answers[0]?.text();
    expect(text).toContain('blob:download');
    expect(text).not.toMatch(/at-home|restricted/);
    expect(await (await get(path, 'blue')).text()).toBe(bytes);
    expect((await get(path, 'blueReader')).status).toBe(403);
    expect(await (await get(`/v2/images/${free}/file`, 'red')).text()).toBe('free bytes');
  });

  it('shows the image all the same, and has it on the plane of bytes as it has it there', async () => {
    expect((await get(`/v2/images/${restricted}`, 'red')).status).toBe(200);
    const path = (id: string) => `/api/v1/artifacts/${id}/slots/data`;
    expect((await get(path(restricted), 'red')).status).toBe(403);
    expect((await get(path(restricted), 'blue')).status).toBe(200);
    expect((await get(path(free), 'red')).status).toBe(200);
  });

  it('tells administrators which policy it was, who are no exception', async () => {
    const answer = await get(`/api/v1/artifacts/${restricted}/slots/data`, 'admin');
    expect([answer.status, await answer.json()]).toMatchObject([403, { code: 'FORBIDDEN', details: { policies: ['at-home'] } }]);
  });

  it('says in GraphQL beforehand what will be denied', async () => {
    const query = `query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Image { id viewerCan { download } } } }`;
    const headers = { ...callers.red, 'content-type': 'application/json' };
    const body = JSON.stringify({ query, variables: { ids: [restricted, free] } });
    const { data } = await (await fetch(`${server.url}/graphql`, { method: 'POST', headers, body })).json();
    expect(data.nodes.map((node: { viewerCan: unknown }) => node.viewerCan)).toEqual([{ download: false }, { download: true }]);
  });

  it('keeps them out of closures that are downloaded', async () => {
    const asRed = server.actAs('red', 'member');
    expect(await outcome(exportClosureTar(asRed, { ref: restricted, mode: 'pinned' }))).toBe('FORBIDDEN');
    expect(await outcome(exportClosureTar(asRed, { ref: free, mode: 'pinned' }))).toBe('ok');
    expect(await outcome(exportClosureTar(server.actAs('blue', 'member'), { ref: restricted, mode: 'pinned' }))).toBe('ok');
  });

  it('lets nobody have them by their digest, until another artifact gives them', async () => {
    const detail = await (await get(`/v2/images/${restricted}`, 'blue')).json();
    const { sha256 } = (
      await server.services.db.query<{ sha256: string }>({
        text: `SELECT digest_value AS sha256 FROM blob WHERE size_bytes = ${Buffer.byteLength(bytes)}`,
      })
    )[0] ?? { sha256: '' };
    expect([detail.size, sha256.length]).toEqual([Buffer.byteLength(bytes), 64]);
    const negotiated = async (project: string) => {
      const headers = { ...(await server.tokenFor(project, 'member')), 'content-type': 'application/json' };
      const made = await fetch(`${server.url}/v2/images`, { method: 'POST', headers, body: '{}' });
      const { id: artifactId } = await made.json();
      const blobs = [{ slot: 'data', path: 'data', sizeBytes: Buffer.byteLength(bytes), sha256 }];
      const answer = await negotiateUploads(server.actAs(project, 'member'), { artifactId, blobs });
      return answer.blobs[0]?.entry !== null;
    };
    expect(await negotiated('red')).toBe(false);
    expect(await negotiated('blue')).toBe(true);
    await makeImage({ restricted: 'no' }, bytes);
    expect(await negotiated('red')).toBe(true);
  });
});
