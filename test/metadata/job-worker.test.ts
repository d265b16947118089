import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '#base/json.ts';
import { type JobEnd, type JobKind, type JobQueue, jobRecords, openJobQueue, type TakenJob } from '#metadata/metadata.ts';
import { createTestDatabase, type TestDatabase } from '#test/support/database.ts';

let test: TestDatabase;
let stack: AsyncDisposableStack;
let queue: JobQueue;
let ends: JobEnd[];

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  test = stack.use(await createTestDatabase());
  queue = stack.use(openJobQueue(test.db));
  ends = [];
});

afterEach(() => stack.disposeAsync());

const name = 'test:run';

function kind(run: JobKind['run'], changes: Partial<JobKind> = {}): JobKind {
  return { name, retryLimit: 2, retryDelayMaxSeconds: 1, timeoutMs: 3600_000, keepMs: 3600_000, run, ...changes };
}

function work(kinds: readonly JobKind[], more: { concurrency?: number; of?: JobQueue; drainMs?: number } = {}) {
  return (more.of ?? queue).work({
    ...{ kinds, concurrency: more.concurrency ?? 2, pollMs: 100, drainMs: more.drainMs },
    onEnd: (end) => ends.push(end),
    onTrouble: (error) => {
      throw error;
    },
  });
}

/** Makes the queue of a name, as a worker's start does, and ends that worker. */
async function declare(...kinds: readonly JobKind[]): Promise<void> {
  await using _worker = queue.work({ kinds, concurrency: 0, pollMs: 100, onEnd: () => undefined, onTrouble: () => undefined });
  const count = `SELECT count(*) AS count FROM vitrine_jobs.queue WHERE name = 'test.run'`;
  await until(async () => (await test.db.query<{ count: number }>({ text: count }))[0]?.count === 1);
}

const ask = (payload: JsonObject, key?: string) => queue.enqueue(test.db, { name, payload, key });

async function until(holds: () => boolean | Promise<boolean>, atMostMs = 30_000): Promise<void> {
  for (const end = performance.now() + atMostMs; performance.now() < end; await sleep(20)) if (await holds()) return;
  throw new Error('what was waited for did not come');
}

const state = async (id: string | null) => (await jobRecords.findJob(test.db, id ?? ''))?.state;

const forever = async ({ signal }: TakenJob): Promise<never> => {
  await once(signal, 'abort');
  throw signal.reason;
};

describe('a job', () => {
  it('runs with its payload, and what it answers is kept', async () => {
    await declare(kind(forever));
    const id = await ask({ of: 'whom' });
    work([kind(async ({ payload, attempt }) => ({ heard: payload, attempt }))]);
    await until(() => ends.length > 0);
    expect(ends).toMatchObject([{ id, name, attempt: 1, outcome: 'completed' }]);
    expect(await jobRecords.findJob(test.db, id ?? '')).toMatchObject({
      ...{ state: 'completed', attempts: 1, payload: { of: 'whom' }, output: { heard: { of: 'whom' }, attempt: 1 } },
    });
  });

  it('is tried again when it fails, and fails for good after its last attempt, with the reason kept', async () => {
    await declare(kind(forever));
    const id = await ask({});
    work([kind(() => Promise.reject(new Error('not today')))]);
    await until(() => ends.length === 3);
    expect(ends.map(({ outcome, attempt }) => [outcome, attempt])).toEqual([
      ['retried', 1],
      ['retried', 2],
      ['failed', 3],
    ]);
    expect(await jobRecords.findJob(test.db, id ?? '')).toMatchObject({ state: 'failed', output: { message: 'not today' } });
  });

  it('that failed for good runs once more when it is asked to', async () => {
    await declare(kind(forever, { retryLimit: 0 }));
    const id = (await ask({})) ?? '';
    let isWell = false;
    work([kind(() => (isWell ? Promise.resolve({}) : Promise.reject(new Error('no'))), { retryLimit: 0 })]);
    await until(() => ends.length === 1);
    isWell = true;
    expect(await queue.retry(test.db, { name, id })).toBe(true);
    await until(() => ends.length === 2);
    expect(ends.at(1)).toMatchObject({ id, outcome: 'completed', attempt: 2 });
    expect(await queue.retry(test.db, { name, id })).toBe(false);
  });

  it('shows its progress while it runs and after', async () => {
    await declare(kind(forever));
    const id = await ask({});
    const { promise, resolve } = Promise.withResolvers<void>();
    work([
      kind(async ({ progress }) => {
        await progress(1, 10, 'begun');
        await promise;
        await progress(10, 10, 'ended');
        return {};
      }),
    ]);
    const progress = async () => (await jobRecords.findJob(test.db, id ?? ''))?.progress ?? undefined;
    await until(async () => (await progress()) !== undefined);
    expect(await progress()).toMatchObject({ done: 1, total: 10, note: 'begun' });
    resolve();
    await until(() => ends.length > 0);
    expect(await progress()).toMatchObject({ done: 10, total: 10, note: 'ended' });
  });

  it('is ended at its time, and tried again', async () => {
    await declare(kind(forever));
    await ask({});
    work([kind(forever, { timeoutMs: 200 })]);
    await until(() => ends.length > 0);
    expect(ends[0]).toMatchObject({
      outcome: 'retried',
      error: expect.objectContaining({ message: expect.stringMatching(/longer/) }),
    });
  });

  it('that waits is never begun once it is cancelled; one that runs is told to end', async () => {
    await declare(kind(forever));
    const [runs, waits] = [await ask({}, 'k'), await queue.enqueue(test.db, { name, payload: {}, startAfterMs: 3600_000 })];
    work([kind(forever)]);
    await until(async () => (await state(runs)) === 'running');
    expect(await queue.cancel(test.db, { name, id: waits ?? '' })).toBe(true);
    expect(await queue.cancel(test.db, { name, id: runs ?? '' })).toBe(true);
    await until(() => ends.length > 0);
    expect(ends).toMatchObject([{ id: runs, outcome: 'cancelled' }]);
    expect([await state(runs), await state(waits)]).toEqual(['cancelled', 'cancelled']);
  });
});

describe('many jobs', () => {
  it('run as many at once as the worker may, and of one key one at a time, over two nodes', async () => {
    await declare(kind(forever));
    await using second = openJobQueue(test.db);
    const now = new Map<string, number>();
    let [most, mostOfKey, done] = [0, 0, 0];
    const run = async ({ payload }: TakenJob) => {
      const key = typeof payload['key'] === 'string' ? payload['key'] : '';
      now.set(key, (now.get(key) ?? 0) + 1);
      most = Math.max(
        most,
        [...now.values()].reduce((sum, count) => sum + count, 0),
      );
      mostOfKey = Math.max(mostOfKey, ...now.values());
      await sleep(20);
      now.set(key, (now.get(key) ?? 0) - 1);
      done += 1;
      return {};
    };
    work([kind(run)], { concurrency: 3 });
    work([kind(run)], { concurrency: 3, of: second });
    let asked = 0;
    for (let index = 0; index < 60; index += 1) {
      const key = `key ${index % 5}`;
      if ((await ask({ key }, key)) !== null) asked += 1;
      await sleep(5);
    }
    await until(() => done === asked);
    expect(asked).toBeGreaterThan(10);
    expect(mostOfKey).toBe(1);
    expect(most).toBeLessThanOrEqual(6);
  });

  it('of one key that runs do not keep those of others waiting', async () => {
    await declare(kind(forever));
    const blocked: string[] = [];
    const run = async (job: TakenJob) => {
      if (job.payload['key'] !== 'slow') return {};
      blocked.push(job.id);
      return forever(job);
    };
    work([kind(run)]);
    await ask({ key: 'slow' }, 'slow');
    await until(() => blocked.length === 1);
    await ask({ key: 'slow' }, 'slow');
    const other = await ask({ key: 'other' }, 'other');
    await until(async () => (await state(other)) === 'completed');
  });
});

describe('a schedule', () => {
  it('is asked for once each time, by one of several nodes, and never runs twice at once', async () => {
    await using second = openJobQueue(test.db);
    const schedule = { everyMs: 300, job: { name, payload: {}, key: 'scheduled' } };
    let [now, most, count] = [0, 0, 0];
    const scheduled = kind(
      async () => {
        now += 1;
        count += 1;
        most = Math.max(most, now);
        await sleep(50);
        now -= 1;
        return {};
      },
      { schedule },
    );
    await declare(scheduled);
    const begun = performance.now();
    work([scheduled]);
    work([scheduled], { of: second });
    await until(() => count >= 4);
    expect(performance.now() - begun).toBeGreaterThan(3 * 300 - 100);
    expect(most).toBe(1);
  });
});

describe('a worker that ends', () => {
  it('hands its jobs back, and the attempt does not count', async () => {
    await declare(kind(forever));
    const id = await ask({});
    const first = work([kind(forever)]);
    await until(async () => (await state(id)) === 'running');
    await first[Symbol.asyncDispose]();
    expect(ends).toMatchObject([{ id, outcome: 'handed back' }]);
    work([kind(async () => ({}))]);
    await until(() => ends.length === 2);
    expect(await jobRecords.findJob(test.db, id ?? '')).toMatchObject({ state: 'completed', attempts: 2, maxAttempts: 4 });
  });
});

describe('a worker that is killed', () => {
  it('loses its job to another within the heartbeat', async () => {
    await declare(kind(forever));
    const id = await ask({}, 'mine');
    const child = spawn(process.execPath, [join(import.meta.dirname, '../support/work-in-child.ts'), test.url, name], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    stack.defer(async () => {
      child.kill('SIGKILL');
      await exited;
    });
    const [line] = await once(child.stdout, 'data');
    expect(String(line).trim()).toBe(id);
    work([kind(async ({ attempt }) => ({ attempt }))]);
    // It lives: nobody takes its job.
    await sleep(1500);
    expect(await state(id)).toBe('running');
    child.kill('SIGKILL');
    await exited;
    const killedAt = performance.now();
    await until(async () => (await state(id)) === 'completed');
    expect(performance.now() - killedAt).toBeLessThan(15_000);
    expect(ends.map(({ outcome }) => outcome)).toEqual(['lost', 'completed']);
    expect(await jobRecords.findJob(test.db, id ?? '')).toMatchObject({ attempts: 2, output: { attempt: 2 } });
  });

  it('too often fails its job for good', async () => {
    await declare(kind(forever, { retryLimit: 0 }));
    const id = await ask({});
    const silence = `UPDATE vitrine_jobs.job SET state = 'active', started_on = now(), heartbeat_on = now() - interval '1 minute'`;
    await test.db.query({ text: silence });
    work([kind(async () => ({}), { retryLimit: 0 })]);
    await until(() => ends.length > 0);
    expect(ends).toMatchObject([{ id, outcome: 'failed', attempt: 1 }]);
    expect(await state(id)).toBe('failed');
  });
});

describe('a transaction whose process is killed', () => {
  it('has asked for nothing; one that had committed has', async () => {
    await declare(kind(forever));
    const script = `
      const { openDatabase, openJobQueue } = await import('#metadata/metadata.ts');
      const db = openDatabase({ url: process.argv[1] });
      const queue = openJobQueue(db);
      await db.transaction((tx) => queue.enqueue(tx, { name: 'test:run', payload: {}, key: 'committed' }));
      await db.transaction(async (tx) => {
        await queue.enqueue(tx, { name: 'test:run', payload: {}, key: 'never' });
        process.kill(process.pid, 'SIGKILL');
        await new Promise(() => undefined);
      });`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, test.url], { stdio: 'inherit' });
    const [, signal] = await once(child, 'exit');
    expect(signal).toBe('SIGKILL');
    work([kind(async () => ({}))]);
    await until(() => ends.length > 0);
    await sleep(300);
    const jobs = await test.db.query({ text: 'SELECT singleton_key AS key, state FROM vitrine_jobs.job' });
    expect(jobs).toEqual([{ key: 'committed', state: 'completed' }]);
  });
});

describe('old jobs', () => {
  it('are deleted with their progress, and none that waits', async () => {
    await declare(kind(forever));
    const [old, waits] = [await ask({}, 'old'), await ask({}, 'waits')];
    await jobRecords.saveProgress(test.db, old ?? '', { done: 1, total: null, note: null });
    await test.db.query({ text: `UPDATE vitrine_jobs.job SET created_on = now() - interval '1 year', keep_until = created_on` });
    const end = `UPDATE vitrine_jobs.job SET state = 'completed', completed_on = created_on WHERE id = $1`;
    await test.db.query({ text: end }, [old]);
    expect(await jobRecords.deleteOldJobs(test.db)).toBe(1);
    expect([await state(old), await state(waits)]).toEqual([undefined, 'waiting']);
    expect(await test.db.query({ text: 'SELECT FROM vitrine_jobs.progress' })).toEqual([]);
  });
});
