/** The jobs of this instance. */
import { assertPageRequest } from '#core/page.ts';
import { jobRecords } from '#metadata/metadata.ts';
import type { OpContext } from './context.ts';
import { loadJob } from './get-job.ts';
import type { Job } from './run-job.ts';

export interface ListJobsInput {
  readonly names?: readonly string[] | undefined;
  readonly states?: readonly jobRecords.JobState[] | undefined;
  readonly first: number;
  /** Id of a job: what was asked for before it. */
  readonly after?: string | undefined;
}

/** The newest first. @throws AppError FORBIDDEN, INPUT_INVALID, JOB_NOT_FOUND for an `after` that is gone */
export async function listJobs(context: OpContext, { names, states, first, after }: ListJobsInput): Promise<readonly Job[]> {
  const { caller, db, policy, settings } = context;
  policy.authorise(caller, 'job:list', { project: caller.project });
  const { limit } = assertPageRequest({ first }, settings.pageSizeMax);
  const before = after === undefined ? undefined : (await loadJob(context, after)).id;
  return jobRecords.listJobs(db, { names, states, before, limit });
}
