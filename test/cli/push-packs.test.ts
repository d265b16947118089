import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApiClient } from '#cli/api-client.ts';
import type { Progress } from '#cli/progress.ts';
import { pushBlobs } from '#cli/push-blobs.ts';
import type { PushFile } from '#cli/push-files.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { getArtifact } from '#ops/get-artifact.ts';
import { startTestServer, type TestServer } from '#test/support/server.ts';

let server: TestServer;
let folder: string;
beforeAll(async () => {
  server = await startTestServer({ graphql: true });
  folder = await mkdtemp(join(tmpdir(), 'vitrine-packs-'));
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function makeFiles(sizes: readonly number[]): Promise<PushFile[]> {
  return Promise.all(
    sizes.map(async (sizeBytes, index) => {
      const bytes = randomBytes(sizeBytes);
      const file = join(folder, `${index}-${sizeBytes}`);
      await writeFile(file, bytes);
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      const place = { slot: 'files', kind: 'map', path: `in/ordner ü/${index}`, mediaType: 'text/plain' } as const;
      return { ...place, file, sizeBytes, sha256 };
    }),
  );
}

async function push(
  artifactId: string,
  files: readonly PushFile[],
): Promise<{ ended: string[]; routes: Record<string, number> }> {
  const { authorization } = await server.tokenFor('blue', 'member');
  const { signal } = new AbortController();
  const env = { VITRINE_URL: server.url, VITRINE_TOKEN: authorization.slice('Bearer '.length) };
  const client = createApiClient({ env, signal } as unknown as Parameters<typeof createApiClient>[0]);
  const ended: string[] = [];
  const progress: Progress = {
    begin: (label) => ({ add() {}, at() {}, note() {}, end: (word) => word !== undefined && ended.push(`${label} ${word}`) }),
    end() {},
  };
  const from = server.logged.length;
  const patience = { signal, attemptsMax: 30, firstPauseMs: 100 };
  await pushBlobs(client, artifactId, files, { parallel: 4, resumableFromBytes: 2 ** 30, progress, patience });
  const routes: Record<string, number> = {};
  for (const { path, msg } of server.logged.slice(from)) {
    const [route] = msg === 'request' ? (/(?<=\/artifacts\/[^/]+\/)(packs|slots)/.exec(String(path)) ?? []) : [];
    if (route !== undefined) routes[route] = (routes[route] ?? 0) + 1;
  }
  return { ended, routes };
}

const packs = 'packs';
const slots = 'slots';

async function held(id: string): Promise<unknown> {
  const { slots: entries } = await getArtifact(server.actAs('blue'), { id });
  return entries.map(({ path, sha256, mediaType }) => ({ path, sha256, mediaType })).sort((a, b) => (a.path < b.path ? -1 : 1));
}

function meant(files: readonly PushFile[]): unknown {
  return files.map(({ path, sha256, mediaType }) => ({ path, sha256, mediaType })).sort((a, b) => (a.path < b.path ? -1 : 1));
}

describe('a push of many small files', () => {
  it('sends them in packs, several at once, and the others by themselves, each with its line', async () => {
    const { id } = await createArtifact(server.actAs('blue'), { type: 'bundle', name: 'many' });
    const files = await makeFiles([...Array.from({ length: 120 }, (_, index) => index * 7), 300_000]);
    const { ended, routes } = await push(id, files);
    expect(await held(id)).toEqual(meant(files));
    expect({ packs: routes[packs], puts: routes[slots] }).toEqual({ packs: 3, puts: 1 });
    expect(ended.sort()).toEqual(files.map(({ path }) => `${path} sent`).sort());
    expect((await push(id, files)).routes[packs]).toBeUndefined();
  });

  it('sends few of them one by one', async () => {
    const { id } = await createArtifact(server.actAs('blue'), { type: 'bundle', name: 'few' });
    const files = await makeFiles(Array.from({ length: 7 }, () => 10));
    expect((await push(id, files)).routes).toMatchObject({ [slots]: 7 });
    expect(await held(id)).toEqual(meant(files));
  });

  it('sends again by itself what a pack could not take for now', async () => {
    const { id } = await createArtifact(server.actAs('blue'), { type: 'bundle', name: 'busy' });
    const files = await makeFiles(Array.from({ length: 10 }, () => 10));
    const path = files[4]?.path ?? '';
    await server.services.db.query(
      {
        text: `INSERT INTO upload_session (id, project, created_by, artifact_id, slot, key, path, media_type, store, object_key, state,
            limit_bytes, writer, writer_expires_at, expires_at)
          SELECT gen_random_uuid(), 'blue', 'another', $1, 'files', $2, $2, 'text/plain', 'local', 'somebodys-object-key', 'receiving',
            1000, 'another-node', t.at, t.at FROM (SELECT clock_timestamp() + interval '3 seconds' AS at) t`,
      },
      [id, path],
    );
    const { routes } = await push(id, files);
    expect(routes[packs]).toBe(1);
    expect(routes[slots]).toBeGreaterThanOrEqual(1);
    expect(await held(id)).toEqual(meant(files));
  });
});
