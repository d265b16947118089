/** Asks for a job by hand. */
import { AppError } from '#base/app-error.ts';
import { canonicalJson } from '#core/canonical-json.ts';
import { jobRecords, type QueuedJob } from '#metadata/metadata.ts';
import type { OpContext } from './context.ts';

export type Job = jobRecords.JobRecord;

/**
 * Answers the job that waits now: a new one, or the one of its key that waited already.
 * @param plan asked once the caller is known to be allowed to
 * @throws AppError FORBIDDEN, JOB_STATE_CONFLICT when one of its key waits that is to do something else, and whatever `plan` throws
 */
export async function runJob(context: OpContext, plan: () => QueuedJob): Promise<Job> {
  const { caller, db, policy, queue, log } = context;
  policy.authorise(caller, 'job:run', { project: caller.project });
  const asked = plan();
  const id = await db.transaction(
    async (tx) => (await queue.enqueue(tx, asked)) ?? (await jobRecords.findWaitingJob(tx, asked.name, asked.key ?? '')),
  );
  const job = id === undefined ? undefined : await jobRecords.findJob(db, id);
  if (job === undefined) throw new AppError('JOB_NOT_FOUND', 'The job waited when it was asked for, and is gone now. Ask again.');
  if (canonicalJson(job.payload) !== canonicalJson(asked.payload)) {
    throw new AppError('JOB_STATE_CONFLICT', `Another ${job.name} waits already, with another payload: ${job.id}.`);
  }
  log.info({ job: job.name, jobId: job.id, caller: caller.id }, 'a job was asked for');
  return job;
}
