import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DependencyInput } from '#core/artifact.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { deleteArtifact } from '#ops/delete-artifact.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { updateArtifact } from '#ops/update-artifact.ts';
import { uploadBlob } from '#ops/upload-blob.ts';
import { startTestServer, type TestServer } from '#test/support/server.ts';

const bytes = randomBytes(10_000);
let server: TestServer;
let blue: { readonly authorization: string };
let root: string;
let folder: string;

beforeAll(async () => {
  server = await startTestServer();
  blue = await server.tokenFor('blue', 'member');
  folder = await mkdtemp(join(tmpdir(), 'vitrine-closure-'));
  await publishKit('base');
  root = await publishKit('top', [{ slot: 'uses', alias: 'base', ref: 'kit/base@^1' }]);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function publishKit(name: string, dependencies: readonly DependencyInput[] = [], project = 'blue'): Promise<string> {
  const context = server.actAs(project);
  const draft = await createArtifact(context, { type: 'kit', name, version: '1.0.0', dependencies });
  await uploadBlob(context, { artifactId: draft.id, slot: 'main', path: 'a/disk.img', source: Readable.from([bytes]) });
  return (await publishArtifact(context, { id: draft.id })).id;
}

const get = (query: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Response> =>
  fetch(`${server.url}/api/v1/closure?${query}`, { method, headers: { ...blue, ...headers } });

describe('a closure over HTTP', () => {
  it.each(['json', 'tar'])(
    'as %s has an ETag of its own bytes, asked for again it is 304, and HEAD says the same',
    async (format) => {
      const query = `ref=kit/top&format=${format}`;
      const response = await get(query);
      expect(response.status).toBe(200);
      const etag = response.headers.get('etag') ?? '';
      expect(etag).toMatch(/^"[^"]{20,}"$/);
      const body = Buffer.from(await response.arrayBuffer());
      expect(response.headers.get('content-length')).toBe(String(body.length));
      expect(Buffer.from(await (await get(query)).arrayBuffer()).equals(body)).toBe(true);
      expect((await get(query, { 'if-none-match': etag })).status).toBe(304);
      expect((await get(query, { 'if-match': '"x"' })).status).toBe(412);
      const head = await get(query, {}, 'HEAD');
      expect(head.headers.get('content-length')).toBe(String(body.length));
      expect(head.headers.get('etag')).toBe(etag);
    },
  );

  it('as JSON has every node, dependencies first, with the URL of each blob', async () => {
    const closure = await (await get('ref=kit/top@1.0.0&mode=floating')).json();
    expect(closure).toMatchObject({ root, mode: 'floating', complete: true });
    expect(closure.nodes.map((node: { name: string }) => node.name)).toEqual(['base', 'top']);
    const { url } = closure.nodes[0].blobs[0];
    const blob = await fetch(`${server.url}${url}`, { headers: blue });
    expect(Buffer.from(await blob.arrayBuffer()).equals(bytes)).toBe(true);
  });

  it('as a tar is read by tar, with every blob at its place', async () => {
    const response = await get(`ref=${root}&format=tar`);
    expect(response.headers.get('content-type')).toBe('application/x-tar');
    expect(response.headers.get('content-disposition')).toBe('attachment; filename="top-1.0.0.tar"');
    const file = join(folder, 'closure.tar');
    await writeFile(file, Buffer.from(await response.arrayBuffer()));
    await promisify(execFile)('tar', ['-xf', file, '-C', folder]);
    for (const name of ['base', 'top']) {
      const found = await readFile(join(folder, 'blue/kit', name, '1.0.0/a/disk.img'));
      expect(createHash('sha256').update(found).digest('hex')).toBe(createHash('sha256').update(bytes).digest('hex'));
    }
  });

  it('that is not complete is refused with its problems, unless what is there is asked for', async () => {
    const shared = await publishKit('lent', [], 'green');
    await updateArtifact(server.actAs('green'), { id: shared, visibility: 'community' });
    await publishKit('leaning', [{ slot: 'uses', alias: 'lent', ref: 'green/kit/lent' }]);
    await deleteArtifact(server.actAs('green'), { id: shared });
    for (const format of ['json', 'tar']) {
      const refused = await get(`ref=kit/leaning&format=${format}`);
      expect(refused.status).toBe(409);
      expect(await refused.json()).toMatchObject({
        code: 'CLOSURE_INCOMPLETE',
        details: { problems: [{ kind: 'NOT_FOUND', alias: 'lent' }] },
      });
      expect((await get(`ref=kit/leaning&format=${format}&partial=true`)).status).toBe(200);
    }
  });

  it.each([
    ['', 400, 'INPUT_INVALID'],
    ['ref=', 400, 'INPUT_INVALID'],
    ['ref=kit/top&mode=fluid', 400, 'INPUT_INVALID'],
    ['ref=kit/top&format=zip', 400, 'INPUT_INVALID'],
    ['ref=kit/top&inline=-1', 400, 'INPUT_INVALID'],
    ['ref=kit/top&inline=99999999999', 400, 'INPUT_INVALID'],
    ['ref=kit/top&ref=kit/base', 400, 'INPUT_INVALID'],
    ['ref=kit/top&partail=true', 400, 'INPUT_INVALID'],
    ['ref=kit/top@', 400, 'REFERENCE_INVALID'],
    ['ref=kit/top@notarange', 400, 'RANGE_INVALID'],
    ['ref=kit/top%00', 400, 'REFERENCE_INVALID'],
    ['ref=%ff', 400, 'REFERENCE_INVALID'],
    ['ref=kit/nothing', 404, 'ARTIFACT_NOT_FOUND'],
    ['ref=kit/top@^9', 404, 'VERSION_NO_MATCH'],
    ['ref=kit/top&format=heat', 409, 'PROJECTION_INVALID'],
  ])('refuses ?%s with %i %s', async (query, status, code) => {
    const response = await get(query);
    expect([response.status, (await response.json()).code]).toEqual([status, code]);
  });

  it('of a foreign artifact is the same as of a random id', async () => {
    const green = await server.tokenFor('green', 'member');
    for (const format of ['json', 'tar', 'heat']) {
      const ask = async (id: string): Promise<object> => {
        const response = await get(`ref=${id}&format=${format}`, green);
        const text = (await response.text()).replaceAll(id, 'ID').replace(/req-[0-9a-f-]{36}/g, 'REQ');
        return { status: response.status, text };
      };
      expect(await ask(root)).toEqual(await ask(crypto.randomUUID()));
    }
  });
});
