/** One job. */
import { AppError } from '#base/app-error.ts';
import { isUuid } from '#base/id.ts';
import { jobRecords } from '#metadata/metadata.ts';
import type { OpContext } from './context.ts';
import type { Job } from './run-job.ts';

/** @throws AppError FORBIDDEN, JOB_NOT_FOUND */
export async function getJob(context: OpContext, { id }: { readonly id: string }): Promise<Job> {
  const { caller, policy } = context;
  policy.authorise(caller, 'job:list', { project: caller.project });
  return loadJob(context, id);
}

/** For operations that have asked the policy already. @throws AppError JOB_NOT_FOUND */
export async function loadJob({ db }: OpContext, id: string): Promise<Job> {
  const lower = id.toLowerCase();
  const job = isUuid(lower) ? await jobRecords.findJob(db, lower) : undefined;
  if (job === undefined) throw new AppError('JOB_NOT_FOUND');
  return job;
}
