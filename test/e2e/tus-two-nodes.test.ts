import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { startCutProxy } from '#test/support/cut-proxy.ts';
import { createTestDatabase } from '#test/support/database.ts';
import { minioBinary, startMinio } from '#test/support/minio.ts';
import { mustSkip } from '#test/support/suites.ts';
import { hexSha256, tusUpload } from '#test/support/tus-client.ts';
import { createBundle, untilOver } from '#test/support/tus-kill.ts';
import { startVitrine } from '#test/support/vitrine-process.ts';

const mebibyte = 1024 * 1024;
const instanceKey = randomBytes(32).toString('hex');

/** Settings of a store that both nodes have. */
async function openShared(kind: string, stack: AsyncDisposableStack): Promise<object> {
  if (kind === 'MinIO') return stack.use(await startMinio()).storeConfig('shared');
  const path = await mkdtemp(join(tmpdir(), 'vitrine-shared-'));
  stack.defer(() => rm(path, { recursive: true, force: true }));
  return { name: 'shared', kind: 'filesystem', path };
}

describe.each([
  ['a shared folder', []],
  ['MinIO', minioBinary === undefined ? ['minio'] : []],
] as const)('two servers over one database and %s', (kind, missing) => {
  it.skipIf(mustSkip('s3', missing))(
    'go on with each other’s uploads when the one that receives is killed within a request',
    async () => {
      await using stack = new AsyncDisposableStack();
      const database = stack.use(await createTestDatabase());
      const store = await openShared(kind, stack);
      const env = {
        VITRINE_DATABASE_URL: database.url,
        VITRINE_INSTANCE_KEY: instanceKey,
        VITRINE_STORES: JSON.stringify([store]),
      };
      const first = stack.use(await startVitrine({ env }));
      const second = stack.use(await startVitrine({ env }));
      const proxy = stack.use(await startCutProxy(first.url));
      const id = await createBundle(first.url, 'moved');
      const bytes = randomBytes(48 * mebibyte);
      const metadata = { artifact: id, slot: 'files', path: 'a/file', sha256: hexSha256(bytes) };
      const client = tusUpload(`${proxy.url}/api/v1/uploads`, bytes, { metadata });
      const offset = async (): Promise<number> => {
        const text = 'SELECT offset_bytes AS "offset" FROM upload_session WHERE artifact_id = $1';
        const [row] = await database.db.query<{ offset: number }>({ text }, [id]);
        return row?.offset ?? 0;
      };
      // One request carries it all: killed after a checkpoint within it.
      for (let waited = 0; (await offset()) === 0 && waited < 30_000; waited += 5) await sleep(5);
      await first.stop('SIGKILL');
      const kept = await offset();
      proxy.target = second.url;
      const path = new URL(await client.done).pathname;
      const over = await untilOver(second.url, path);
      expect(kept).toBeGreaterThan(0);
      expect(kept).toBeLessThan(bytes.length);
      expect(over).toMatchObject({ state: 'finished', entry: { sha256: hexSha256(bytes), size: bytes.length } });
      const answer = await fetch(`${second.url}${over.entry?.url}`);
      expect(hexSha256(new Uint8Array(await answer.arrayBuffer()))).toBe(hexSha256(bytes));
      const [row] = await database.db.query<{ blobs: number; sessions: number }>(
        {
          text: `SELECT (SELECT count(*)::integer FROM artifact_blob WHERE artifact_id = $1) AS blobs,
            (SELECT count(*)::integer FROM upload_session WHERE artifact_id = $1 AND state = 'finished') AS sessions`,
        },
        [id],
      );
      expect(row).toEqual({ blobs: 1, sessions: 1 });
    },
    120_000,
  );
});
