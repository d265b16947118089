import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { armFailpoints } from '#base/failpoint.ts';
import { type JobEnd, type JobKind, type JobQueue, jobRecords, openDatabase, openJobQueue } from '#metadata/metadata.ts';
import { failpointEnvironment } from '#test/support/arm-failpoints.ts';
import { createTestDatabase, serverOf, type TestDatabase } from '#test/support/database.ts';
import { startTcpProxy } from '#test/support/tcp-proxy.ts';

let test: TestDatabase;
let stack: AsyncDisposableStack;
let queue: JobQueue;
let ends: JobEnd[];
let troubles: unknown[];

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  test = stack.use(await createTestDatabase());
  queue = stack.use(openJobQueue(test.db));
  ends = [];
  troubles = [];
});
afterEach(async () => {
  armFailpoints('none:none=fail');
  await stack.disposeAsync();
});

const kind = (name: string, changes: Partial<JobKind> = {}): JobKind => ({
  ...{ name, retryLimit: 3, retryDelayMaxSeconds: 1, timeoutMs: 3600_000, keepMs: 3600_000, run: async () => ({}) },
  ...changes,
});

function work(kinds: readonly JobKind[], of = queue, concurrency = 4) {
  return of.work({
    ...{ kinds, concurrency, pollMs: 100 },
    onEnd: (end) => ends.push(end),
    onTrouble: (error) => troubles.push(error),
  });
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 40_000; performance.now() < end; await sleep(20)) if (await holds()) return;
  throw new Error('what was waited for did not come');
}

async function declare(...names: readonly string[]): Promise<void> {
  await using _worker = work(
    names.map((name) => kind(name)),
    queue,
    0,
  );
  await until(
    async () =>
      (await test.db.query({ text: `SELECT FROM vitrine_jobs.queue WHERE name LIKE 'test.%'` })).length === names.length,
  );
}

const ask = async (name: string) => (await queue.enqueue(test.db, { name, payload: { ends: true } })) ?? '';
const jobs = () =>
  test.db.query<{ name: string; state: string }>({ text: 'SELECT name, state FROM vitrine_jobs.job ORDER BY name' });

function startChild(
  name: string,
  failpoints: string,
  ...more: readonly string[]
): { child: ChildProcess; exited: Promise<unknown[]> } {
  const script = join(import.meta.dirname, '../support/work-in-child.ts');
  const child = spawn(process.execPath, [script, test.url, name, ...more], {
    env: { ...process.env, ...failpointEnvironment(failpoints) },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const exited = once(child, 'exit');
  stack.defer(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  return { child, exited };
}

describe('a worker that is killed at a step', () => {
  it('leaves a job that was taken or had just ended to another, and a time of a schedule that nobody asked for', async () => {
    await declare('test:taken', 'test:complete', 'test:schedule');
    const asked = [await ask('test:taken'), await ask('test:complete')];
    const children = [
      startChild('test:taken', 'job:taken=kill'),
      startChild('test:complete', 'job:complete=kill'),
      startChild('test:schedule', 'job:schedule=kill', '500'),
    ];
    for (const { exited } of children) expect(await exited).toEqual([null, 'SIGKILL']);
    expect((await jobs()).map(({ name, state }) => `${name} ${state}`)).toEqual(['test.complete active', 'test.taken active']);
    const schedule = { everyMs: 3600_000, job: { name: 'test:schedule', payload: {}, key: 'test:schedule' } };
    work([kind('test:taken'), kind('test:complete'), kind('test:schedule', { schedule })]);
    await until(() => ends.filter(({ outcome }) => outcome === 'completed').length === 3);
    expect((await jobs()).map(({ name, state }) => `${name} ${state}`)).toEqual([
      'test.complete completed',
      'test.schedule completed',
      'test.taken completed',
    ]);
    for (const id of asked) expect((await jobRecords.findJob(test.db, id))?.attempts).toBe(2);
    expect(troubles).toEqual([]);
  });
});

describe('a step that fails', () => {
  it('as a job ends: the job is tried again', async () => {
    await declare('test:complete');
    const id = await ask('test:complete');
    armFailpoints('job:complete=fail');
    work([kind('test:complete')]);
    await until(() => ends.length === 2);
    expect(ends.map(({ outcome }) => outcome)).toEqual(['retried', 'completed']);
    expect((await jobRecords.findJob(test.db, id))?.state).toBe('completed');
  });

  it('as a schedule asks: that time is asked for at the next look', async () => {
    armFailpoints('job:schedule=fail');
    const schedule = { everyMs: 1000, job: { name: 'test:schedule', payload: {}, key: 'test:schedule' } };
    work([kind('test:schedule', { schedule })]);
    await until(() => ends.length === 1);
    expect(troubles).toMatchObject([{ message: 'failpoint job:schedule' }]);
  });

  it('as a job is taken: it is handed on when its heartbeat is over', async () => {
    await declare('test:taken');
    await ask('test:taken');
    armFailpoints('job:taken=fail');
    work([kind('test:taken')]);
    await until(() => ends.length === 2);
    expect(ends.map(({ outcome }) => outcome)).toEqual(['lost', 'completed']);
  });
});

describe('a database that cannot be had for a while', () => {
  it('keeps no job from completing: not the one that runs, nor one that was asked for before', async () => {
    await declare('test:run');
    const target = new URL(test.url);
    const proxy = stack.use(await startTcpProxy(serverOf(test.url)));
    const url = `postgres://${target.username}:${target.password}@127.0.0.1:${proxy.port}${target.pathname}`;
    const db = stack.use(openDatabase({ url, connectTimeoutMs: 1000 }));
    const behind = stack.use(openJobQueue(db));
    const { promise: isLong, resolve: end } = Promise.withResolvers<void>();
    const id = await ask('test:run');
    work([kind('test:run', { run: () => isLong.then(() => ({})) })], behind, 1);
    await until(async () => (await jobRecords.findJob(test.db, id))?.state === 'running');
    const next = await ask('test:run');
    proxy.cut();
    await until(() => troubles.length > 2);
    end();
    await sleep(500);
    proxy.mend();
    await until(() => ends.length === 2);
    expect(ends.map(({ outcome, attempt }) => `${outcome} ${attempt}`)).toEqual(['completed 1', 'completed 1']);
    expect((await jobRecords.findJob(test.db, next))?.state).toBe('completed');
  });
});
