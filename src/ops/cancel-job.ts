/** Cancels a job: one that waits never runs, one that runs is told to end. */
import { AppError } from '#base/app-error.ts';
import type { OpContext } from './context.ts';
import { loadJob } from './get-job.ts';
import type { Job } from './run-job.ts';

/** @throws AppError FORBIDDEN, JOB_NOT_FOUND, JOB_STATE_CONFLICT when it has ended */
export async function cancelJob(context: OpContext, { id }: { readonly id: string }): Promise<Job> {
  const { caller, db, policy, queue, log } = context;
  policy.authorise(caller, 'job:run', { project: caller.project });
  const job = await loadJob(context, id);
  if (!(await queue.cancel(db, job))) throw new AppError('JOB_STATE_CONFLICT', `The job has ended: it is ${job.state}.`);
  log.info({ job: job.name, jobId: job.id, caller: caller.id }, 'a job was cancelled');
  return loadJob(context, job.id);
}
