/** One attempt at a job: keeps its claim alive while it runs, keeps its progress, and records how it ended. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { JobWithMetadata, PgBoss } from 'pg-boss';
import { AppError, isAppError } from '#base/app-error.ts';
import { failpoint } from '#base/failpoint.ts';
import type { JsonObject } from '#base/json.ts';
import type { Database } from './database.ts';
import { findJob, fromQueueName, handBackJob, saveProgress } from './job-records.ts';

/** A job in the hands of whoever runs it. */
export interface TakenJob {
  readonly id: string;
  readonly name: string;
  readonly payload: JsonObject;
  /** Counted from 1. */
  readonly attempt: number;
  /** Aborts when the job is cancelled, past its time, taken away, or its worker ends. */
  readonly signal: AbortSignal;
  progress(done: number, total: number | null, note?: string): Promise<void>;
}

/**
 * `retried` failed and will be tried again; `failed` is for good; `handed back` ended with its worker, or with
 * the instance accepting no writes, and waits again;
 * `lost` was taken away: its worker had been silent too long.
 */
type JobOutcome = 'completed' | 'retried' | 'failed' | 'cancelled' | 'handed back' | 'lost';

export interface JobEnd {
  readonly id: string;
  readonly name: string;
  readonly attempt: number;
  readonly outcome: JobOutcome;
  readonly seconds: number;
  /** Why, of `retried` and `failed`. */
  readonly error?: unknown;
}

export interface AttemptParts {
  readonly boss: PgBoss;
  readonly db: Database;
  readonly job: JobWithMetadata<JsonObject>;
  readonly timeoutMs: number;
  run(job: TakenJob): Promise<JsonObject | undefined>;
  /** Told of what could not be read or recorded. */
  onTrouble(error: unknown): void;
}

export interface Attempt {
  readonly ended: Promise<JobEnd>;
  /** Its worker ends: what the job has done so far counts, and another goes on. */
  stop(): void;
}

type Stop = 'drain' | 'taken' | 'timeout';

/** How often progress is kept at most. */
const progressEveryMs = 1000;

/** How often the end of an attempt is recorded anew while the database cannot be had. */
const settleAttempts = 6;

export function beginAttempt(parts: AttemptParts): Attempt {
  const controller = new AbortController();
  let stopped: Stop | undefined;
  const stop = (why: Stop): void => {
    if (stopped !== undefined) return;
    stopped = why;
    controller.abort(new Error(stopTexts[why]));
  };
  const ended = attempt(parts, controller.signal, stop, () => stopped);
  return { ended, stop: () => stop('drain') };
}

const stopTexts: Readonly<Record<Stop, string>> = {
  drain: 'The worker ends; another goes on with the job.',
  taken: 'The job was cancelled, or another worker has it.',
  timeout: 'The job ran longer than it may.',
};

async function attempt(
  parts: AttemptParts,
  signal: AbortSignal,
  stop: (why: Stop) => void,
  stopped: () => Stop | undefined,
): Promise<JobEnd> {
  const { boss, db, job, onTrouble } = parts;
  const begun = performance.now();
  const heartbeat = keepClaim(boss, job, stop, onTrouble);
  const timeout = setTimeout(stop, parts.timeoutMs, 'timeout');
  const progress = createProgress(db, job.id, onTrouble);
  const name = fromQueueName(job.name);
  const taken = { id: job.id, name, payload: job.data, attempt: job.retryCount + 1, signal, progress: progress.report };
  const end = (outcome: JobOutcome, error?: unknown): JobEnd => ({
    ...{ id: job.id, name, attempt: taken.attempt, outcome, seconds: (performance.now() - begun) / 1000 },
    ...(error === undefined ? {} : { error }),
  });
  try {
    const output = await parts.run(taken);
    await progress.flush();
    await failpoint('job:complete');
    const isKept = await settle(() => boss.complete(job.name, [job], output ?? null), onTrouble);
    return end(isKept ? 'completed' : await findTaken(db, job.id));
  } catch (error) {
    await progress.flush();
    const why = stopped();
    if (why === 'taken') return end(await findTaken(db, job.id));
    const isFree = why === 'drain' || (isAppError(error) && error.code === 'READ_ONLY');
    if (isFree && (await handBack(db, job, onTrouble))) return end('handed back');
    const isKept = await settle(() => boss.fail(job.name, [job], toOutput(error)), onTrouble);
    if (!isKept) return end(await findTaken(db, job.id));
    return end(job.retryCount < job.retryLimit ? 'retried' : 'failed', error);
  } finally {
    clearTimeout(timeout);
    heartbeat.end();
  }
}

/** Says that the job lives, three times in the time after which it would be taken for dead. */
function keepClaim(boss: PgBoss, job: JobWithMetadata, stop: (why: Stop) => void, onTrouble: (error: unknown) => void) {
  const silentMaxMs = (job.heartbeatSeconds ?? 10) * 1000;
  let heardAt = performance.now();
  const beat = async (): Promise<void> => {
    const askedAt = performance.now();
    try {
      const answer = await boss.touch(job.name, [job]);
      if (affected(answer) === 0) stop('taken');
      else heardAt = askedAt;
    } catch (error) {
      onTrouble(error);
    }
  };
  const timer = setInterval(() => {
    // Nobody could be told for so long that another may have it by now.
    if (performance.now() - heardAt > silentMaxMs) stop('taken');
    void beat();
  }, silentMaxMs / 3);
  return { end: () => clearInterval(timer) };
}

/** pg-boss answers how many rows it touched; its types do not say so. */
function affected(answer: object): number {
  return 'affected' in answer && typeof answer.affected === 'number' ? answer.affected : 0;
}

/** Records an end, also over a short outage. False: the attempt is no longer the job's, or nobody could be told. */
async function settle(record: () => Promise<object>, onTrouble: (error: unknown) => void): Promise<boolean> {
  for (let tried = 1; ; tried += 1) {
    try {
      return affected(await record()) > 0;
    } catch (error) {
      onTrouble(error);
      if (tried === settleAttempts) return false;
    }
    await sleep(100 * 2 ** tried);
  }
}

async function handBack(db: Database, job: JobWithMetadata, onTrouble: (error: unknown) => void): Promise<boolean> {
  const claim = { name: fromQueueName(job.name), id: job.id, attempt: job.retryCount };
  try {
    return await handBackJob(db, claim, true);
  } catch (error) {
    onTrouble(error);
    return false;
  }
}

async function findTaken(db: Database, id: string): Promise<JobOutcome> {
  const found = await findJob(db, id).catch(() => undefined);
  return found?.state === 'cancelled' ? 'cancelled' : 'lost';
}

/** Kept once a second at most; the last word is kept when the attempt ends. */
function createProgress(db: Database, id: string, onTrouble: (error: unknown) => void) {
  let latest: { readonly done: number; readonly total: number | null; readonly note: string | null } | undefined;
  let savedAt = Number.NEGATIVE_INFINITY;
  const save = async (): Promise<void> => {
    if (latest === undefined) return;
    const saved = latest;
    latest = undefined;
    savedAt = performance.now();
    // A job is not to fail because nobody can be told how far it is.
    await saveProgress(db, id, saved).catch(onTrouble);
  };
  const report = async (done: number, total: number | null, note?: string): Promise<void> => {
    latest = { done: Math.trunc(done), total: total === null ? null : Math.trunc(total), note: note ?? null };
    if (performance.now() - savedAt >= progressEveryMs) await save();
  };
  return { report, flush: save };
}

/** What is kept of an error: for administrators, who read the log too. */
function toOutput(error: unknown): JsonObject {
  if (error instanceof AppError) return { code: error.code, message: error.message };
  return { message: error instanceof Error ? error.message : String(error) };
}
