import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { randomId } from '#base/id.ts';
import type { JsonObject } from '#base/json.ts';
import { loadConfig } from '#config/config.ts';
import { type JobSettings, jobDefinitions, requestJob, startWorker } from '#jobs/jobs.ts';
import type { JobEnd } from '#metadata/metadata.ts';
import { cancelJob } from '#ops/cancel-job.ts';
import { claimInstance } from '#ops/claim-instance.ts';
import { getJob } from '#ops/get-job.ts';
import { listJobs } from '#ops/list-jobs.ts';
import { retryJob } from '#ops/retry-job.ts';
import { setReadOnly } from '#ops/set-read-only.ts';
import { actAs, createTestNode, type Node, outcome, publishKit, refusal } from '#test/support/operations.ts';

let node: Node;
let ends: JobEnd[];

beforeEach(async () => {
  node = await createTestNode();
  ends = [];
});
afterEach(() => node[Symbol.asyncDispose]());

const { jobs: defaults } = loadConfig({ env: {}, cwd: '/' }).config;

/** Nothing by itself, unless said otherwise. */
const settings = (changes: Partial<JobSettings> = {}): JobSettings => ({
  ...defaults,
  ...Object.fromEntries(Object.keys(defaults).flatMap((key) => (key.endsWith('EveryMs') ? [[key, 0]] : []))),
  ...changes,
});

const work = (changes: Partial<JobSettings> = {}) =>
  startWorker(node.services, { settings: settings(changes), pollMs: 50, onEnd: (end) => ends.push(end) });

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 20_000; performance.now() < end; await sleep(20)) if (await holds()) return;
  throw new Error('what was waited for did not come');
}

const admin = () => actAs(node.services, 'ops', 'admin');
const ask = (name: string, payload: JsonObject = {}) => requestJob(admin(), { name, payload });

describe('the definitions', () => {
  it('have a queue each, from the migrations on, and a name and a payload of their own', async () => {
    const rows = await node.services.db.query<{ name: string }>({ text: 'SELECT name FROM vitrine_jobs.queue' });
    const queues = rows.map(({ name }) => name.replace('.', ':'));
    const names = jobDefinitions.map(({ name }) => name);
    expect(queues).toEqual(expect.arrayContaining(names));
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThanOrEqual(8);
    for (const name of names) expect(name).toMatch(/^[a-z]+:[a-z]+$/);
  });

  it('take the payloads of their own schedules, and have a time that the queue can count', () => {
    for (const { payload, schedule, timeoutMs, key } of jobDefinitions) {
      expect(payload['additionalProperties']).toBe(false);
      expect(timeoutMs).toBeLessThan(24 * 3600_000 - 60_000);
      if (schedule === undefined) continue;
      expect(schedule.everyMs(defaults)).toBeGreaterThan(0);
      expect(key(schedule.payload)).not.toBe('');
    }
  });
});

describe('asking for a job', () => {
  it('is for administrators', async () => {
    const member = actAs(node.services, 'own');
    const { id } = await ask('keys:expire');
    expect(await outcome(requestJob(member, { name: 'keys:expire', payload: {} }))).toBe('FORBIDDEN');
    expect(await outcome(requestJob(member, { name: 'no:such', payload: {} }))).toBe('FORBIDDEN');
    expect(await outcome(listJobs(member, { first: 1 }))).toBe('FORBIDDEN');
    expect(await outcome(getJob(member, { id }))).toBe('FORBIDDEN');
    expect(await outcome(cancelJob(member, { id }))).toBe('FORBIDDEN');
    expect(await outcome(retryJob(member, { id }))).toBe('FORBIDDEN');
  });

  it('refuses a name that is none and a payload that is not its own, naming what is wrong', async () => {
    expect((await refusal(ask('no:such'))).faults).toMatchObject([
      { pointer: '/name', message: expect.stringMatching(/keys:expire/) },
    ]);
    expect((await refusal(ask('keys:expire', { surplus: 1 }))).faults).toMatchObject([{ pointer: '/payload' }]);
  });

  it('answers the one that waits already, then its end', async () => {
    const first = await ask('keys:expire');
    expect(first).toMatchObject({ name: 'keys:expire', state: 'waiting', attempts: 0, progress: null });
    expect((await ask('keys:expire')).id).toBe(first.id);
    work();
    await until(async () => (await getJob(admin(), first)).state === 'completed');
    expect(await getJob(admin(), first)).toMatchObject({ output: { forgotten: 0 }, attempts: 1, progress: { done: 0 } });
    expect((await ask('keys:expire')).id).not.toBe(first.id);
  });

  it('can be taken back, and that again; what has ended cannot be cancelled', async () => {
    const { id } = await ask('keys:expire');
    expect(await cancelJob(admin(), { id })).toMatchObject({ id, state: 'cancelled' });
    expect(await outcome(cancelJob(admin(), { id }))).toBe('JOB_STATE_CONFLICT');
    const other = await ask('keys:expire');
    expect(await outcome(retryJob(admin(), { id }))).toBe('JOB_STATE_CONFLICT');
    await cancelJob(admin(), other);
    expect(await retryJob(admin(), { id })).toMatchObject({ id, state: 'waiting' });
    expect(await outcome(cancelJob(admin(), { id: 'no id' }))).toBe('JOB_NOT_FOUND');
  });
});

describe('asking for a job that is to do something else than the one of its kind that waits', () => {
  it('is refused, and names that one', async () => {
    const { id } = await ask('stores:reconcile', { repair: false });
    expect((await ask('stores:reconcile', { repair: false })).id).toBe(id);
    expect(await refusal(ask('stores:reconcile', { repair: true }))).toMatchObject({
      code: 'JOB_STATE_CONFLICT',
      message: expect.stringContaining(id),
    });
  });
});

describe('every job', () => {
  it('completes on an instance that has a few artifacts', async () => {
    await publishKit(actAs(node.services, 'own'), { name: 'there' });
    await ask('upload:verify', { uploadId: randomId() });
    for (const { name, schedule } of jobDefinitions) if (schedule !== undefined) await ask(name, schedule.payload);
    work();
    await until(() => ends.length === jobDefinitions.length);
    expect(Object.fromEntries(ends.map(({ name, outcome: became, error }) => [name, error ?? became]))).toEqual(
      Object.fromEntries(jobDefinitions.map(({ name }) => [name, 'completed'])),
    );
  });
});

describe('the list of jobs', () => {
  it('goes from the newest back, by name and by state, page by page', async () => {
    const keys = await ask('keys:expire');
    await cancelJob(admin(), keys);
    const drafts = await ask('drafts:expire');
    const again = await ask('keys:expire');
    const ids = async (input: Parameters<typeof listJobs>[1]) => (await listJobs(admin(), input)).map(({ id }) => id);
    expect(await ids({ first: 10 })).toEqual([again.id, drafts.id, keys.id]);
    expect(await ids({ first: 1, after: again.id })).toEqual([drafts.id]);
    expect(await ids({ first: 10, names: ['keys:expire'] })).toEqual([again.id, keys.id]);
    expect(await ids({ first: 10, states: ['waiting'] })).toEqual([again.id, drafts.id]);
    expect(await ids({ first: 10, states: ['completed', 'failed', 'running'] })).toEqual([]);
    expect(await outcome(listJobs(admin(), { first: -1 }))).toBe('INPUT_INVALID');
  });
});

describe('a worker', () => {
  it('runs what its settings schedule, and nothing of what they do not', async () => {
    work({ expireKeysEveryMs: 100 });
    await until(() => ends.length >= 3);
    expect(new Set(ends.map(({ name, outcome: became }) => `${name} ${became}`))).toEqual(new Set(['keys:expire completed']));
  });

  it('refuses a name that is no job', () => {
    expect(() => startWorker(node.services, { settings: settings(), names: ['no:such'] })).toThrow(/no job no:such/);
  });

  it('fails a job with a payload that is not its own', async () => {
    await node.services.queue.enqueue(node.services.db, { name: 'keys:expire', payload: { surplus: true } });
    work();
    await until(() => ends.length > 0);
    expect(ends[0]).toMatchObject({ outcome: 'retried', error: expect.objectContaining({ code: 'INPUT_INVALID' }) });
  });

  it('begins nothing while the instance is read-only, and goes on after', async () => {
    const key = node.services.settings.instanceKey;
    await claimInstance(node.services.db, { place: 'test', find: async () => key, findOrMake: async () => key });
    await setReadOnly(admin(), { readOnly: true });
    const { id } = await ask('keys:expire');
    work({ expireDraftsEveryMs: 100 });
    await sleep(500);
    expect(ends).toEqual([]);
    expect((await getJob(admin(), { id })).state).toBe('waiting');
    await setReadOnly(admin(), { readOnly: false });
    await until(async () => (await getJob(admin(), { id })).state === 'completed');
  });
});
