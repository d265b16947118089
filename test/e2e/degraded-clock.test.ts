/** Two nodes, the clock of one of which jumps by weeks: what has a time goes by the database's clock. */
import { randomBytes } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '#test/support/database.ts';
import { type DegradedVitrine, type Outcome, startDegraded, untilDone, useFolder } from '#test/support/degraded.ts';
import { minioBinary, startMinio } from '#test/support/minio.ts';
import { skewEnvironment } from '#test/support/skew-clock.ts';
import { mustSkip } from '#test/support/suites.ts';

const hour = 3600_000;
const jumpMs = 40 * 24 * hour;
const mebibyte = 1024 * 1024;
const jobs = ['uploads:expire', 'drafts:expire', 'keys:expire', 'artifacts:purge', 'blobs:collect', 'blobs:scrub'];

async function openShared(kind: string, stack: AsyncDisposableStack): Promise<object> {
  if (kind === 'MinIO') return stack.use(await startMinio()).storeConfig('shared');
  return { name: 'shared', kind: 'filesystem', path: await useFolder(stack, 'clock') };
}

async function newToken(vitrine: DegradedVitrine, expiresInMs: number): Promise<string> {
  const input = { subject: 'clock', roles: ['member', 'reader'], expiresInMs };
  const { outcome, data } = await vitrine.mutate('createToken', input, '... on CreateTokenPayload { secret }');
  if (outcome !== 'OK') throw new Error(`createToken: ${outcome}`);
  return data.result.secret;
}

async function statusWith({ url }: DegradedVitrine, secret: string): Promise<number> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${secret}` };
  const body = JSON.stringify({ query: '{ artifactTypes { name } }' });
  return (await fetch(`${url}/graphql`, { method: 'POST', headers, body })).status;
}

/** Runs every maintenance there is where the clock is wrong. */
async function maintain(vitrine: DegradedVitrine): Promise<void> {
  for (const name of jobs) await vitrine.runJob(name);
  expect(await vitrine.runJob('stores:reconcile', { repair: true })).toMatchObject({
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
      const right = await startDegraded(stack, { env: { ...env, VITRINE_JOBS_WORKER: 'false' } });
      const wrong = await startDegraded(stack, {
        env: { ...env, ...skewEnvironment(skewMs, 'signal'), VITRINE_JOBS_COLLECT_EVERY_MS: '500' },
      });

      // Before the jump: an upload that is open, one that runs, bytes that nothing refers to, a delete, tokens, an idempotency key.
      const id = await right.newDraft();
      const parts = randomBytes(300_000);
      const upload = await right.beginTus(id, 'parts', parts.length);
      expect(await right.patchTus(upload, 0, parts.subarray(0, 100_000))).toBe('OK');
      const orphan = randomBytes(1000);
      expect(await right.put(id, 'orphan', orphan)).toBe('OK');
      expect(await right.remove(id, 'orphan')).toBe('OK');
      const condemned = `SELECT count(*)::integer AS count FROM location WHERE state = 'condemned'`;
      await untilDone('the sentence', async () => ((await count(database, condemned)) === 1 ? true : undefined));
      const deleted = await right.newDraft();
      expect((await right.mutate('publishArtifact', { id: deleted })).outcome).toBe('OK');
      expect((await right.mutate('deleteArtifact', { id: deleted })).outcome).toBe('OK');
      const [good, over] = [await newToken(right, hour), await newToken(right, 1)];
      const repeated = { type: 'bundle', name: 'again', idempotencyKey: 'key-of-the-clock' };
      const first = (await right.mutate('createArtifact', repeated)).data.result.artifact.id;
      const source = new PassThrough();
      const running: Promise<Outcome> = right.put(id, 'running', source);
      const bytes = randomBytes(2 * mebibyte);
      running.catch(() => undefined);
      source.write(bytes.subarray(0, mebibyte));

      wrong.child.kill('SIGUSR2');
      await maintain(wrong);
      const lastLine = wrong.output().trimEnd().split('\n').at(-1) ?? '{}';
      expect(Math.abs(Date.parse(JSON.parse(lastLine).time) - Date.now() - skewMs)).toBeLessThan(hour);
      // And one that starts with a wrong clock, and sweeps what it takes for old.
      const later = await startDegraded(stack, { env: { ...env, ...skewEnvironment(skewMs, 'start') } });
      await maintain(later);

      source.end(bytes.subarray(mebibyte));
      expect(await running).toBe('OK');
      expect(await later.read(id, 'running')).toEqual(bytes);
      expect(await wrong.patchTus(upload, 100_000, parts.subarray(100_000))).toBe('OK');
      expect(await right.read(id, 'parts')).toEqual(parts);
      expect(await count(database, condemned)).toBe(1);
      expect(await wrong.put(id, 'orphan', orphan)).toBe('OK');
      expect(await count(database, condemned)).toBe(0);
      expect(await right.read(id, 'orphan')).toEqual(orphan);
      expect((await wrong.mutate('publishArtifact', { id })).outcome).toBe('OK');
      expect((await wrong.mutate('restoreArtifact', { id: deleted })).outcome).toBe('OK');
      for (const node of [right, wrong, later]) {
        expect(await statusWith(node, good)).toBe(200);
        expect(await statusWith(node, over)).toBe(401);
      }
      expect((await wrong.mutate('createArtifact', repeated)).data.result.artifact.id).toBe(first);

      // What begins where the clock is wrong has the time it is due, too.
      const begun = await wrong.newDraft();
      await wrong.beginTus(begun, 'parts', 10);
      const secret = await newToken(wrong, hour);
      expect(await statusWith(right, secret)).toBe(200);
      const offTime = `SELECT count(*)::integer AS count FROM (
          SELECT expires_at - created_at - interval '30 days' AS off FROM artifact WHERE state = 'draft'
          UNION ALL SELECT expires_at - now() - interval '1 day' FROM upload_session WHERE state = 'open'
          UNION ALL SELECT created_at - now() FROM artifact
          UNION ALL SELECT least(due_at - now(), interval '0') FROM vitrine_jobs.schedule_due) t
        WHERE off NOT BETWEEN interval '-10 minutes' AND interval '10 minutes'`;
      expect(await count(database, offTime)).toBe(0);
      const disturbed = `SELECT count(*)::integer AS count FROM vitrine_jobs.job WHERE retry_count > 0 OR state = 'failed'`;
      expect(await count(database, disturbed)).toBe(0);
      expect(await wrong.list()).toBe('OK');
    },
    240_000,
  );
});
