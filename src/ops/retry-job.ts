/** Tries a job again that failed for good, or was cancelled. */
import { AppError } from '#base/app-error.ts';
import { isUniqueViolation } from '#metadata/metadata.ts';
import type { OpContext } from './context.ts';
import { loadJob } from './get-job.ts';
import type { Job } from './run-job.ts';

/** @throws AppError FORBIDDEN, JOB_NOT_FOUND, JOB_STATE_CONFLICT when it did neither, or another of its key waits */
export async function retryJob(context: OpContext, { id }: { readonly id: string }): Promise<Job> {
  const { caller, db, policy, queue, log } = context;
  policy.authorise(caller, 'job:run', { project: caller.project });
  const job = await loadJob(context, id);
  const isAgain = await queue.retry(db, job).catch((error: unknown) => {
    if (isUniqueViolation(error)) throw new AppError('JOB_STATE_CONFLICT', 'Another job of the same kind waits already.');
    throw error;
  });
  if (!isAgain) throw new AppError('JOB_STATE_CONFLICT', `Only what failed or was cancelled is tried again: it is ${job.state}.`);
  log.info({ job: job.name, jobId: job.id, caller: caller.id }, 'a job is tried again');
  return loadJob(context, job.id);
}
