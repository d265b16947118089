import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ask, createTestPlane, dig, type TestPlane } from './test-plane.ts';

let plane: TestPlane;
let admin: Ask;
let member: Ask;

beforeAll(async () => {
  plane = await createTestPlane();
  admin = plane.as('ops', 'admin');
  member = plane.as('own');
});
afterAll(() => plane[Symbol.asyncDispose]());

const fields =
  'id name state payload output attempts maxAttempts createdAt startAfter startedAt endedAt progress { done total note updatedAt }';
const mutation = (name: string) => `mutation($input: ${name[0]?.toUpperCase()}${name.slice(1)}Input!) { ${name}(input: $input) {
  __typename ... on JobPayload { job { ${fields} } } ... on Error { code message } ... on ValidationError { faults { pointer } } } }`;

describe('jobs over GraphQL', () => {
  it('are asked for, found, listed, cancelled and tried again by administrators', async () => {
    const asked = await admin(mutation('runJob'), { input: { name: 'stores:reconcile', payload: { repair: false } } });
    const job = dig(asked.data, 'runJob', 'job') as { id: string };
    expect(job).toMatchObject({
      name: 'stores:reconcile',
      state: 'waiting',
      payload: { repair: false },
      attempts: 0,
      progress: null,
    });
    expect(dig((await admin(`query($id: ID!) { job(id: $id) { ${fields} } }`, { id: job.id })).data, 'job')).toEqual(job);
    expect((await admin(`{ jobs(first: 5, states: [waiting], names: ["stores:reconcile"]) { id } }`)).data).toEqual({
      jobs: [{ id: job.id }],
    });
    expect((await admin(String.raw`{ jobs(names: ["\u0000"]) { id } }`)).data).toEqual({ jobs: [] });
    expect((await admin(`query($after: ID) { jobs(after: $after) { id } }`, { after: job.id })).data).toEqual({ jobs: [] });
    const cancelled = await admin(mutation('cancelJob'), { input: { id: job.id } });
    expect(dig(cancelled.data, 'cancelJob', 'job', 'state')).toBe('cancelled');
    expect(dig((await admin(mutation('cancelJob'), { input: { id: job.id } })).data, 'cancelJob')).toMatchObject({
      ...{ __typename: 'ConflictError', code: 'JOB_STATE_CONFLICT' },
    });
    expect(dig((await admin(mutation('retryJob'), { input: { id: job.id } })).data, 'retryJob', 'job', 'state')).toBe('waiting');
  });

  it('show how far they are and how they ended', async () => {
    const { queue, db } = plane.services;
    const id = (await queue.enqueue(db, { name: 'keys:expire', payload: {} })) ?? '';
    await db.query({ text: `INSERT INTO vitrine_jobs.progress (job_id, done, total, note) VALUES ($1, 5, 9, 'half')` }, [id]);
    await db.query(
      {
        text: `UPDATE vitrine_jobs.job SET state = 'failed', output = '{"message": "no"}', started_on = now(), completed_on = now() WHERE id = $1`,
      },
      [id],
    );
    expect(dig((await admin(`query($id: ID!) { job(id: $id) { ${fields} } }`, { id })).data, 'job')).toMatchObject({
      ...{ state: 'failed', output: { message: 'no' }, attempts: 1, endedAt: expect.stringMatching(/Z$/) },
      progress: { done: 5, total: 9, note: 'half', updatedAt: expect.stringMatching(/Z$/) },
    });
  });

  it('are nobody else’s', async () => {
    const input = { name: 'keys:expire' };
    expect(dig((await member(mutation('runJob'), { input })).data, 'runJob')).toMatchObject({ __typename: 'ForbiddenError' });
    for (const document of ['{ jobs { id } }', '{ job(id: "6f1c3f4e-0a52-4c6b-9d3f-2b8f6f0f9a11") { id } }'])
      expect((await member(document)).errors.map(({ extensions }) => extensions.code)).toEqual(['FORBIDDEN']);
  });

  it('refuse what is no job, no payload and no id', async () => {
    const run = async (input: object) => dig((await admin(mutation('runJob'), { input })).data, 'runJob');
    expect(await run({ name: 'no:such' })).toMatchObject({ __typename: 'ValidationError', faults: [{ pointer: '/name' }] });
    expect(await run({ name: 'keys:expire', payload: [] })).toMatchObject({ __typename: 'ValidationError' });
    expect(await run({ name: 'blobs:collect', payload: { graceMs: -1 } })).toMatchObject({
      faults: [{ pointer: '/payload/graceMs' }],
    });
    expect((await admin('{ job(id: "x") { id } }')).errors.map(({ extensions }) => extensions.code)).toEqual(['JOB_NOT_FOUND']);
    expect((await admin('{ jobs(first: -1) { id } }')).errors.map(({ extensions }) => extensions.code)).toEqual([
      'INPUT_INVALID',
    ]);
  });
});
