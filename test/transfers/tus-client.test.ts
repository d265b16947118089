import { randomBytes, randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { StoreConfig } from '#blobs/blobs.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { startCutProxy } from '#test/support/cut-proxy.ts';
import { minioBinary, startMinio } from '#test/support/minio.ts';
import { mustSkip } from '#test/support/suites.ts';
import { hexSha256, tusUpload } from '#test/support/tus-client.ts';
import { startUploadNodes, type UploadNode, type UploadNodes, verifyAll } from '#test/support/upload-nodes.ts';

const mebibyte = 1024 * 1024;

interface OpenStore extends AsyncDisposable {
  readonly config: StoreConfig;
}

const stores: readonly [string, readonly string[], () => Promise<OpenStore>][] = [
  ['a folder', [], openFolder],
  ['MinIO', minioBinary === undefined ? ['minio'] : [], openMinio],
];

async function openFolder(): Promise<OpenStore> {
  const path = await mkdtemp(join(tmpdir(), 'vitrine-tus-'));
  const close = () => rm(path, { recursive: true, force: true });
  return { config: { name: 'files', kind: 'filesystem', path }, [Symbol.asyncDispose]: close };
}

async function openMinio(): Promise<OpenStore> {
  const minio = await startMinio();
  return { config: minio.storeConfig('tus'), [Symbol.asyncDispose]: () => minio[Symbol.asyncDispose]() };
}

describe.each(stores)('tus-js-client, with %s', (_name, missing, openStore) => {
  describe.skipIf(mustSkip('s3', missing))('and two nodes', () => {
    let store: OpenStore;
    let cluster: UploadNodes;
    let first: UploadNode;
    let second: UploadNode;
    beforeAll(async () => {
      store = await openStore();
      cluster = await startUploadNodes(2, store.config);
      [first, second] = cluster.nodes as [UploadNode, UploadNode];
    });
    afterAll(async () => {
      await cluster[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    });

    let id: string;
    beforeEach(async () => {
      id = (await createArtifact(first.context, { type: 'kit' })).id;
    });

    interface Kept {
      readonly sha256: string;
      readonly size: number;
      readonly object_key: string;
    }

    /** What the rows say, and what the store gives: the same, or this fails. */
    async function kept(): Promise<string | undefined> {
      const [row] = await cluster.database.db.query<Kept>(
        {
          text: `SELECT b.digest_value AS sha256, b.size_bytes AS size, l.object_key FROM artifact_blob ab JOIN blob b ON b.id = ab.blob_id
            JOIN location l ON l.blob_id = b.id AND l.state = 'live' WHERE ab.artifact_id = $1`,
        },
        [id],
      );
      if (row === undefined) return undefined;
      const reading = await first.services.blobs.defaultStore.open(row.object_key, { signal: new AbortController().signal });
      const bytes = Buffer.concat(await reading.toArray());
      expect({ sha256: hexSha256(bytes), size: bytes.length }).toEqual({ sha256: row.sha256, size: row.size });
      return row.sha256;
    }

    async function sessionStates(): Promise<readonly string[]> {
      const rows = await cluster.database.db.query<{ state: string }>(
        { text: 'SELECT state FROM upload_session WHERE artifact_id = $1' },
        [id],
      );
      return rows.map(({ state }) => state);
    }

    const metadata = (more: Record<string, string> = {}) => ({ artifact: id, slot: 'main', ...more });
    const endpoint = (node: { readonly url: string }) => `${node.url}/api/v1/uploads`;

    it('sends a blob in pieces, in one, or with its creation', async () => {
      for (const [chunkSize, uploadDataDuringCreation] of [
        [mebibyte, false],
        [Number.POSITIVE_INFINITY, false],
        [2 * mebibyte, true],
      ] as const) {
        const bytes = randomBytes(7 * mebibyte + 123);
        await tusUpload(endpoint(first), bytes, { chunkSize, uploadDataDuringCreation, metadata: metadata() }).done;
        expect(await kept()).toBe(hexSha256(bytes));
        expect(await sessionStates()).not.toContain('open');
      }
    });

    it('gets everything through a connection that is cut again and again, at any byte', async () => {
      await using proxy = await startCutProxy(first.url);
      const bytes = randomBytes(20 * mebibyte + 77);
      const fixed = [1, 150, 400, 700, 66_000, 3 * mebibyte];
      proxy.cutAfter = () => {
        if (proxy.cuts >= 20) return undefined;
        return fixed[proxy.cuts] ?? randomInt(1, mebibyte);
      };
      const client = tusUpload(endpoint(proxy), bytes, { metadata: metadata({ sha256: hexSha256(bytes) }) });
      await client.done;
      expect(proxy.cuts).toBe(20);
      // Nothing had to be read back: the process that received it all went on hashing where it stood.
      expect(await sessionStates()).toEqual(['finished']);
      expect(await kept()).toBe(hexSha256(bytes));
    });

    it('goes on at another node, which reads back what it did not see', async () => {
      const bytes = randomBytes(20 * mebibyte);
      const half = tusUpload(endpoint(first), bytes, { chunkSize: 5 * mebibyte, metadata: metadata() });
      const url = await firstChunks(half, 2);
      const uploadUrl = url.replace(first.url, second.url);
      const rest = tusUpload(endpoint(second), bytes, { uploadUrl, chunkSize: 5 * mebibyte });
      await rest.done;
      expect(rest.confirmed[0]).toBeGreaterThan(5 * mebibyte);
      expect(await sessionStates()).toEqual(['verifying']);
      expect(await kept()).toBeUndefined();
      expect(await verifyAll(second)).toEqual(['finished']);
      expect(await kept()).toBe(hexSha256(bytes));
    });

    it('goes back and forth between nodes, and what is small is there with the last answer', async () => {
      const bytes = randomBytes(12 * mebibyte);
      await using proxy = await startCutProxy(first.url);
      let turns = 0;
      const client = tusUpload(endpoint(proxy), bytes, {
        ...{ chunkSize: mebibyte + 11, metadata: metadata() },
        onBeforeRequest: () => {
          turns += 1;
          proxy.target = turns % 2 === 0 ? first.url : second.url;
        },
        // Each request its own connection, so that each may go elsewhere.
        headers: { Connection: 'close' },
      });
      await client.done;
      expect(turns).toBeGreaterThan(10);
      expect(await sessionStates()).toEqual(['finished']);
      expect(await kept()).toBe(hexSha256(bytes));
    });

    it('sends parts at once, which become one blob', async () => {
      const bytes = randomBytes(11 * mebibyte + 5);
      await tusUpload(endpoint(first), bytes, { parallelUploads: 4, metadata: metadata({ sha256: hexSha256(bytes) }) }).done;
      expect(await sessionStates()).toEqual(['finished']);
      expect(await kept()).toBe(hexSha256(bytes));
    });

    it('sends many large parts, through cuts, which a job joins', async () => {
      await using proxy = await startCutProxy(second.url);
      const bytes = randomBytes(33 * mebibyte);
      proxy.cutAfter = () => (proxy.cuts < 6 ? randomInt(1, 8 * mebibyte) : undefined);
      await tusUpload(endpoint(proxy), bytes, { parallelUploads: 3, metadata: metadata() }).done;
      expect(await sessionStates()).toEqual(['verifying']);
      expect(await verifyAll(first)).toEqual(['finished']);
      expect(await kept()).toBe(hexSha256(bytes));
      const parts = await cluster.database.db.query<{ object_key: string; cleared: boolean }>({
        text: `SELECT object_key, cleared_at IS NOT NULL AS cleared FROM upload_session WHERE kind = 'partial'`,
      });
      for (const part of parts) {
        expect(part.cleared).toBe(true);
        expect(await first.services.blobs.defaultStore.stat(part.object_key)).toBeUndefined();
      }
    });

    it('twice at once with the same bytes: both go on where the other let go, and one blob comes of it', async () => {
      const bytes = randomBytes(8 * mebibyte);
      const options = { chunkSize: 2 * mebibyte, metadata: metadata({ sha256: hexSha256(bytes) }) };
      const clients = [tusUpload(endpoint(first), bytes, options), tusUpload(endpoint(second), bytes, options)];
      await Promise.all(clients.map((client) => client.done));
      await verifyAll(first);
      expect(await sessionStates()).toEqual(['finished']);
      expect(await kept()).toBe(hexSha256(bytes));
      const [counted] = await cluster.database.db.query<{ events: number }>(
        { text: `SELECT count(*)::integer AS events FROM event WHERE subject_id = $1 AND kind = 'artifact.blob.attached'` },
        [id],
      );
      expect(counted?.events).toBe(1);
    });

    it('ends what it does not want any more, and nothing stays', async () => {
      const bytes = randomBytes(6 * mebibyte);
      const client = tusUpload(endpoint(first), bytes, { chunkSize: mebibyte, metadata: metadata() });
      await firstChunks(client, 2, true);
      expect(await sessionStates()).toEqual([]);
      const { resumable } = first.services.blobs.defaultStore;
      const open = await cluster.database.db.query<{ object_key: string }>({
        text: `SELECT object_key FROM upload_session WHERE state IN ('open', 'receiving', 'verifying')`,
      });
      const known = new Set(open.map((row) => row.object_key));
      for await (const unfinished of resumable?.listUnfinished(new AbortController().signal) ?? []) {
        expect(known).toContain(unfinished.key);
      }
    });
  });
});

/** Stops the client when so many chunks were confirmed; answers the upload's URL. */
async function firstChunks(client: ReturnType<typeof tusUpload>, count: number, terminates = false): Promise<string> {
  for (let waited = 0; client.confirmed.length < count; waited += 10) {
    if (waited > 20_000) throw new Error(`only ${client.confirmed.length} chunks were confirmed: ${client.troubles.join()}`);
    await sleep(10);
  }
  await client.upload.abort(terminates);
  return client.upload.url ?? '';
}
