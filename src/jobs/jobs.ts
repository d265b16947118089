/** The door of the room: which jobs there are, how one is asked for, and the worker that runs them. */
import { AppError } from '#base/app-error.ts';
import type { JsonObject } from '#base/json.ts';
import type { JobEnd, JobKind, JobWorker, QueuedJob, TakenJob } from '#metadata/metadata.ts';
import type { OpContext, Services } from '#ops/context.ts';
import { type Job, runJob } from '#ops/run-job.ts';
import { checkPayload } from './check-payload.ts';
import { collectBlobsJob } from './collect-blobs.ts';
import { expireDraftsJob } from './expire-drafts.ts';
import { expireKeysJob } from './expire-keys.ts';
import { expireUploadsJob } from './expire-uploads.ts';
import type { JobDefinition, JobSettings } from './job-definition.ts';
import { prepareClosuresJob } from './prepare-closures.ts';
import { prepareImagesJob } from './prepare-images.ts';
import { purgeArtifactsJob } from './purge-artifacts.ts';
import { reconcileStoresJob } from './reconcile-stores.ts';
import { scrubBlobsJob } from './scrub-blobs.ts';
import { verifyUploadJob } from './verify-upload.ts';

export type { JobDefinition, JobSettings } from './job-definition.ts';

const minute = 60_000;
const day = 24 * 60 * minute;

/** All of them, by name. */
export const jobDefinitions: readonly JobDefinition[] = [
  verifyUploadJob,
  expireUploadsJob,
  expireDraftsJob,
  expireKeysJob,
  collectBlobsJob,
  scrubBlobsJob,
  reconcileStoresJob,
  purgeArtifactsJob,
  prepareClosuresJob,
  prepareImagesJob,
];

export interface WorkOptions {
  readonly settings: JobSettings;
  /** All where left out. @throws AppError INPUT_INVALID for a name that is none */
  readonly names?: readonly string[] | undefined;
  /** Definitions beside, or instead of, those of Vitrine. */
  readonly definitions?: readonly JobDefinition[] | undefined;
  readonly pollMs?: number | undefined;
  readonly onEnd?: ((end: JobEnd) => void) | undefined;
}

export interface RunJobInput {
  readonly name: string;
  readonly payload: JsonObject;
}

/** Asks for a job now, for an administrator. @throws AppError FORBIDDEN, INPUT_INVALID, and as `runJob` */
export function requestJob(context: OpContext, { name, payload }: RunJobInput): Promise<Job> {
  return runJob(context, () => toQueuedJob(findDefinition(jobDefinitions, name), payload));
}

/** Runs jobs in the background until it is disposed of. */
export function startWorker(services: Services, options: WorkOptions): JobWorker {
  const { settings, names, definitions = jobDefinitions } = options;
  const wanted = names === undefined ? definitions : names.map((name) => findDefinition(definitions, name));
  return services.queue.work({
    kinds: wanted.map((definition) => toKind(services, definition, settings)),
    ...{ concurrency: settings.concurrency, pollMs: options.pollMs, drainMs: settings.drainMs },
    onEnd: (end) => {
      logEnd(services, end);
      options.onEnd?.(end);
    },
    onTrouble: createTroubleLog(services),
  });
}

/** A database that is away for an hour is told of sixty times, not once for each look. */
function createTroubleLog({ log }: Services): (error: unknown) => void {
  let toldAt = Number.NEGATIVE_INFINITY;
  return (err) => {
    if (performance.now() - toldAt < minute) return;
    toldAt = performance.now();
    log.warn({ err }, 'the worker could not reach its jobs; it tries again');
  };
}

function findDefinition(definitions: readonly JobDefinition[], name: string): JobDefinition {
  const found = definitions.find((definition) => definition.name === name);
  if (found !== undefined) return found;
  const names = definitions.map((definition) => definition.name).join(', ');
  throw new AppError('INPUT_INVALID', `There is no job ${name}.`, {
    faults: [{ pointer: '/name', message: `is one of ${names}` }],
  });
}

function toQueuedJob(definition: JobDefinition, payload: JsonObject): QueuedJob {
  checkPayload(definition, payload);
  return { name: definition.name, payload, key: definition.key(payload) };
}

function toKind(services: Services, definition: JobDefinition, settings: JobSettings): JobKind {
  const { name, retryLimit, retryDelayMaxSeconds, timeoutMs, schedule } = definition;
  const everyMs = schedule?.everyMs(settings) ?? 0;
  return {
    ...{ name, retryLimit, retryDelayMaxSeconds, timeoutMs },
    // What ran ten thousand times a day need not be kept for a week.
    keepMs: everyMs > 0 ? Math.min(7 * day, Math.max(60 * minute, everyMs * 500)) : 7 * day,
    schedule: schedule === undefined || everyMs === 0 ? undefined : { everyMs, job: toQueuedJob(definition, schedule.payload) },
    run: async (job) => {
      checkPayload(definition, job.payload);
      return definition.run({ ...services, log: jobLog(services, job) }, job.payload, job);
    },
  };
}

function jobLog({ log }: Services, { id, name, attempt }: TakenJob): Services['log'] {
  return log.child({ job: name, jobId: id, attempt });
}

function logEnd({ log }: Services, { id, name, attempt, outcome, seconds, error }: JobEnd): void {
  const facts = { job: name, jobId: id, attempt, outcome, seconds, ...(error === undefined ? {} : { err: error }) };
  if (outcome === 'failed') log.error(facts, `the job ${name} failed for good; \`vitrine jobs retry ${id}\` tries it again`);
  else if (outcome === 'retried') log.warn(facts, `the job ${name} failed; it is tried again`);
  else if (outcome === 'lost') log.warn(facts, `the job ${name} was taken from a worker that was silent for too long`);
  else log.debug(facts, `the job ${name} ended`);
}
