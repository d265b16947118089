/** Jobs: what the instance does by itself or on request, for administrators. */

import { AppError } from '#base/app-error.ts';
import { isJsonObject } from '#base/json.ts';
import { requestJob } from '#jobs/jobs.ts';
import { cancelJob } from '#ops/cancel-job.ts';
import { getJob } from '#ops/get-job.ts';
import { listJobs } from '#ops/list-jobs.ts';
import { retryJob } from '#ops/retry-job.ts';
import type { Job } from '#ops/run-job.ts';
import { defaultPageSize } from './connection.ts';
import type { SchemaParts } from './schema-parts.ts';

type JobProgress = NonNullable<Job['progress']>;
type JobRefs = ReturnType<typeof defineJob>;

const errors = ['ValidationError', 'NotFoundError', 'ForbiddenError', 'ConflictError'] as const;

export function addJobs(parts: SchemaParts): void {
  const refs = defineJob(parts);
  addJobQueries(parts, refs);
  addJobMutations(parts, refs);
}

function defineJob({ builder }: SchemaParts) {
  const state = builder.enumType('JobState', {
    description: 'waiting: also between two attempts. failed: for good.',
    values: ['waiting', 'running', 'completed', 'failed', 'cancelled'] as const,
  });
  const progress = builder.objectRef<JobProgress>('JobProgress').implement({
    description: 'How far a job is, in whatever it counts.',
    fields: (t) => ({
      done: t.field({ type: 'Long', resolve: (value) => value.done }),
      total: t.field({ type: 'Long', nullable: true, resolve: (value) => value.total }),
      note: t.string({ nullable: true, resolve: (value) => value.note }),
      updatedAt: t.field({ type: 'DateTime', resolve: (value) => value.updatedAt.toISOString() }),
    }),
  });
  const job = builder.objectRef<Job>('Job').implement({
    description: 'Something to be done once, by one worker, and again where it fails.',
    fields: (t) => ({
      id: t.exposeID('id'),
      name: t.exposeString('name', { description: 'What is done: `blobs:collect`.' }),
      state: t.field({ type: state, resolve: (value) => value.state }),
      payload: t.field({ type: 'JSON', resolve: (value) => value.payload }),
      output: t.field({
        type: 'JSON',
        nullable: true,
        description: 'What it answered; of an attempt that failed, why.',
        resolve: (value) => value.output,
      }),
      attempts: t.exposeInt('attempts', { description: 'How often it was begun.' }),
      maxAttempts: t.exposeInt('maxAttempts'),
      createdAt: t.field({ type: 'DateTime', resolve: (value) => value.createdAt.toISOString() }),
      startAfter: t.field({ type: 'DateTime', resolve: (value) => value.startAfter.toISOString() }),
      startedAt: t.field({ type: 'DateTime', nullable: true, resolve: (value) => value.startedAt?.toISOString() ?? null }),
      endedAt: t.field({ type: 'DateTime', nullable: true, resolve: (value) => value.endedAt?.toISOString() ?? null }),
      progress: t.field({ type: progress, nullable: true, resolve: (value) => value.progress }),
    }),
  });
  return { state, job };
}

function addJobQueries({ builder }: SchemaParts, { state, job }: JobRefs): void {
  builder.queryField('jobs', (t) =>
    t.field({
      type: [job],
      description: 'Jobs, the newest first; for administrators.',
      args: {
        first: t.arg.int({ description: `How many at most; ${defaultPageSize} where left out.` }),
        after: t.arg.id({ description: 'Id of a job: what was asked for before it.' }),
        names: t.arg.stringList(),
        states: t.arg({ type: [state] }),
      },
      resolve: async (_root, { first, after, names, states }, { op }) => [
        ...(await listJobs(op, {
          first: first ?? defaultPageSize,
          after: after ?? undefined,
          names: names ?? undefined,
          states: states ?? undefined,
        })),
      ],
    }),
  );
  builder.queryField('job', (t) =>
    t.field({
      type: job,
      description: 'One job; for administrators.',
      args: { id: t.arg.id({ required: true }) },
      resolve: (_root, { id }, { op }) => getJob(op, { id }),
    }),
  );
}

function addJobMutations({ builder, defineMutation }: SchemaParts, { job }: JobRefs): void {
  interface JobPayload {
    readonly job: Job;
  }
  const payload = builder.objectRef<JobPayload>('JobPayload').implement({
    fields: (t) => ({ job: t.field({ type: job, resolve: (value) => value.job }) }),
  });
  const withId = (name: string) => builder.inputType(name, { fields: (t) => ({ id: t.id({ required: true }) }) });
  defineMutation({
    name: 'runJob',
    description: 'Asks for a job now; answers the one that waits where there is one already. For administrators.',
    input: builder.inputType('RunJobInput', {
      fields: (t) => ({
        name: t.string({ required: true, description: '`blobs:collect`, for example.' }),
        payload: t.field({ type: 'JSON', description: 'What it needs to know; an empty object where left out.' }),
      }),
    }),
    ...{ payload, errors },
    run: async ({ op }, { name, payload: given = {} }) => {
      if (!isJsonObject(given)) throw new AppError('INPUT_INVALID', 'The payload is not an object.');
      return { job: await requestJob(op, { name, payload: given }) };
    },
  });
  defineMutation({
    name: 'cancelJob',
    description: 'A job that waits never runs; one that runs is told to end. For administrators.',
    input: withId('CancelJobInput'),
    ...{ payload, errors },
    run: async ({ op }, input) => ({ job: await cancelJob(op, input) }),
  });
  defineMutation({
    name: 'retryJob',
    description: 'Tries a job again that failed for good, or was cancelled. For administrators.',
    input: withId('RetryJobInput'),
    ...{ payload, errors },
    run: async ({ op }, input) => ({ job: await retryJob(op, input) }),
  });
}
