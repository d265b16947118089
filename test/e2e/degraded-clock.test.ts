/** Two nodes, the clock of one of which jumps by weeks: what has a time goes by the database's clock. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '#test/support/database.ts';
import {
  askGraphql,
  beginTus,
  fileUrl,
  mutate,
  newDraft,
  type Outcome,
  patchTus,
  put,
  read,
  runJob,
  untilDone,
} from '#test/support/degraded.ts';
import { minioBinary, startMinio } from '#test/support/minio.ts';
import { skewEnvironment } from '#test/support/skew-clock.ts';
import { mustSkip } from '#test/support/suites.ts';
import { startVitrine } from '#test/support/vitrine-process.ts';

const hour = 3600_000;
const jumpMs = 40 * 24 * hour;
const mebibyte = 1024 * 1024;
const jobs = ['uploads:expire', 'drafts:expire', 'keys:expire', 'artifacts:purge', 'blobs:collect', 'blobs:scrub'];

async function openShared(kind: string, stack: AsyncDisposableStack): Promise<object> {
  if (kind === 'MinIO') return stack.use(await startMinio()).storeConfig('shared');
  const path = await mkdtemp(join(tmpdir(), 'vitrine-clock-'));
  stack.defer(() => rm(path, { recursive: true, force: true }));
  return { name: 'shared', kind: 'filesystem', path };
}

async function newToken(url: string, expiresInMs: number): Promise<string> {
  const input = { subject: 'clock', roles: ['member', 'reader'], expiresInMs };
  const { outcome, data } = await mutate(url, 'createToken', input, '... on CreateTokenPayload { secret }');
  if (outcome !== 'OK') throw new Error(`createToken: ${outcome}`);
  return data.result.secret;
}

async function statusWith(url: string, secret: string): Promise<number> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${secret}` };
  const body = JSON.stringify({ query: '{ artifactTypes { name } }' });
  return (await fetch(`${url}/graphql`, { method: 'POST', headers, body })).status;
}

/** Runs every maintenance there is where the clock is wrong. */
async function maintain(url: string): Promise<void> {
  for (const name of jobs) await runJob(url, name);
  expect(await runJob(url, 'stores:reconcile', { repair: true })).toMatchObject({
    stores: [{ skipped: null, damaged: { count: 0 } }],
  });
}

const count = async ({ db }: TestDatabase, text: string) => (await db.query<{ count: number }>({ text }))[0]?.count;

describe.each([
  ['a shared folder', 'ahead', jumpMs, []],
  ['a shared folder', 'behind', -jumpMs, []],
  ['MinIO', 'ahead', jumpMs, minioBinary === undefined ? ['minio'] : []],
] as const)('two nodes over %s, one of which finds itself weeks %s', (kind, _direction, skewMs, missing) => {
  it.skipIf(mustSkip('s3', missing))(
    'neither end early what the other has, nor keep what is over',
    async () => {
      await using stack = new AsyncDisposableStack();
      const database = stack.use(await createTestDatabase());
      const env = {
        VITRINE_DATABASE_URL: database.url,
        VITRINE_INSTANCE_KEY: randomBytes(32).toString('hex'),
        VITRINE_STORES: JSON.stringify([await openShared(kind, stack)]),
        VITRINE_DELETE_DELAY_MS: String(hour),
      };
      const right = stack.use(await startVitrine({ env: { ...env, VITRINE_JOBS_WORKER: 'false' } }));
      const wrong = stack.use(
        await startVitrine({ env: { ...env, ...skewEnvironment(skewMs, 'signal'), VITRINE_JOBS_COLLECT_EVERY_MS: '500' } }),
      );

      // Before the jump: an upload that is open, one that runs, bytes that nothing refers to, a delete, tokens, an idempotency key.
      const id = await newDraft(right.url);
      const parts = randomBytes(300_000);
      const upload = await beginTus(right.url, id, 'parts', parts.length);
      expect(await patchTus(right.url, upload, 0, parts.subarray(0, 100_000))).toBe('OK');
      const orphan = randomBytes(1000);
      expect(await put(right.url, id, 'orphan', orphan)).toBe('OK');
      expect((await fetch(fileUrl(right.url, id, 'orphan'), { method: 'DELETE' })).status).toBe(204);
      const condemned = `SELECT count(*)::integer AS count FROM location WHERE state = 'condemned'`;
      await untilDone('the sentence', async () => ((await count(database, condemned)) === 1 ? true : undefined));
      const deleted = await newDraft(right.url);
      expect((await mutate(right.url, 'publishArtifact', { id: deleted })).outcome).toBe('OK');
      expect((await mutate(right.url, 'deleteArtifact', { id: deleted })).outcome).toBe('OK');
      const [good, over] = [await newToken(right.url, hour), await newToken(right.url, 1)];
      const repeated = { type: 'bundle', name: 'again', idempotencyKey: 'key-of-the-clock' };
      const first = (await mutate(right.url, 'createArtifact', repeated)).data.result.artifact.id;
      const source = new PassThrough();
      const running: Promise<Outcome> = put(right.url, id, 'running', source);
      const bytes = randomBytes(2 * mebibyte);
      running.catch(() => undefined);
      source.write(bytes.subarray(0, mebibyte));

      wrong.child.kill('SIGUSR2');
      await maintain(wrong.url);
      const lastLine = wrong.output().trimEnd().split('\n').at(-1) ?? '{}';
      expect(Math.abs(Date.parse(JSON.parse(lastLine).time) - Date.now() - skewMs)).toBeLessThan(hour);
      // And one that starts with a wrong clock, and sweeps what it takes for old.
      const later = stack.use(await startVitrine({ env: { ...env, ...skewEnvironment(skewMs, 'start') } }));
      await maintain(later.url);

      source.end(bytes.subarray(mebibyte));
      expect(await running).toBe('OK');
      expect(await read(later.url, id, 'running')).toEqual(bytes);
      expect(await patchTus(wrong.url, upload, 100_000, parts.subarray(100_000))).toBe('OK');
      expect(await read(right.url, id, 'parts')).toEqual(parts);
      expect(await count(database, condemned)).toBe(1);
      expect(await put(wrong.url, id, 'orphan', orphan)).toBe('OK');
      expect(await count(database, condemned)).toBe(0);
      expect(await read(right.url, id, 'orphan')).toEqual(orphan);
      expect((await mutate(wrong.url, 'publishArtifact', { id })).outcome).toBe('OK');
      expect((await mutate(wrong.url, 'restoreArtifact', { id: deleted })).outcome).toBe('OK');
      for (const { url } of [right, wrong, later]) {
        expect(await statusWith(url, good)).toBe(200);
        expect(await statusWith(url, over)).toBe(401);
      }
      expect((await mutate(wrong.url, 'createArtifact', repeated)).data.result.artifact.id).toBe(first);

      // What begins where the clock is wrong has the time it is due, too.
      const begun = await newDraft(wrong.url);
      await beginTus(wrong.url, begun, 'parts', 10);
      const secret = await newToken(wrong.url, hour);
      expect(await statusWith(right.url, secret)).toBe(200);
      const offTime = `SELECT count(*)::integer AS count FROM (
          SELECT expires_at - created_at - interval '30 days' AS off FROM artifact WHERE state = 'draft'
          UNION ALL SELECT expires_at - now() - interval '1 day' FROM upload_session WHERE state = 'open'
          UNION ALL SELECT created_at - now() FROM artifact
          UNION ALL SELECT least(due_at - now(), interval '0') FROM vitrine_jobs.schedule_due) t
        WHERE off NOT BETWEEN interval '-10 minutes' AND interval '10 minutes'`;
      expect(await count(database, offTime)).toBe(0);
      const disturbed = `SELECT count(*)::integer AS count FROM vitrine_jobs.job WHERE retry_count > 0 OR state = 'failed'`;
      expect(await count(database, disturbed)).toBe(0);
      expect((await askGraphql(wrong.url, '{ artifacts { edges { node { id } } } }')).outcome).toBe('OK');
    },
    240_000,
  );
});
