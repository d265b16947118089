/** A worker: looks for jobs that wait, schedules that are due and jobs whose worker is gone, and runs what it finds. */
import type { JobWithMetadata, PgBoss } from 'pg-boss';
import { failpoint } from '#base/failpoint.ts';
import type { JsonObject } from '#base/json.ts';
import type { Database, Sql } from './database.ts';
import { type Attempt, beginAttempt, type JobEnd, type TakenJob } from './job-attempt.ts';
import type { QueuedJob } from './job-queue.ts';
import {
  deleteOldJobs,
  findJobsToDo,
  handBackJob,
  type LostJob,
  listLostJobs,
  planSchedule,
  takeScheduleDue,
  toQueueName,
} from './job-records.ts';

/** What a worker must know to run the jobs of a name. */
export interface JobKind {
  readonly name: string;
  /** Attempts after the first. Between them it waits 1 s, then twice as long each time, at most `retryDelayMaxSeconds`. */
  readonly retryLimit: number;
  readonly retryDelayMaxSeconds: number;
  /** Of one attempt; less than a day. */
  readonly timeoutMs: number;
  /** How long it is kept after its end. */
  readonly keepMs: number;
  /** Asked for again and again; by one worker each time, however many there are. */
  readonly schedule?: { readonly everyMs: number; readonly job: QueuedJob } | undefined;
  run(job: TakenJob): Promise<JsonObject | undefined>;
}

export interface WorkerOptions {
  readonly kinds: readonly JobKind[];
  /** Jobs at once. */
  readonly concurrency: number;
  /** How often it looks; less where a schedule asks for it. Default 2 s. */
  readonly pollMs?: number | undefined;
  /** How long running jobs may take to end once the worker is told to; default 10 s. */
  readonly drainMs?: number | undefined;
  onEnd(end: JobEnd): void;
  /** Told of what could not be read or recorded; it goes on. */
  onTrouble(error: unknown): void;
}

export interface JobWorker extends AsyncDisposable {
  /** Looks soon: something was asked for. */
  nudge(): void;
}

export interface WorkerParts {
  readonly db: Database;
  boss(sql: Sql): Promise<PgBoss>;
  enqueue(sql: Sql, job: QueuedJob): Promise<string | null>;
}

/** Time for the transaction that asked to commit. */
const nudgeMs = 100;

const cleanEveryMs = 3600_000;

/** A job that ignores its abort for so long is taken for lost. */
const graceSeconds = 60;

export function openJobWorker(parts: WorkerParts, options: WorkerOptions): JobWorker {
  const { db } = parts;
  const kinds = new Map(options.kinds.map((kind) => [kind.name, kind]));
  const names = [...kinds.keys()];
  const scheduled = options.kinds.flatMap(({ name, schedule }) => (schedule === undefined ? [] : [{ name, ...schedule }]));
  const pollMs = Math.min(options.pollMs ?? 2000, ...scheduled.map(({ everyMs }) => Math.max(100, everyMs / 2)));
  const running = new Set<Attempt>();
  let isPrepared = false;
  let isClosing = false;
  let cleanAt = performance.now() + Math.random() * cleanEveryMs;

  const begin = (boss: PgBoss, kind: JobKind, job: JobWithMetadata<JsonObject>): void => {
    const attempt = beginAttempt({ boss, db, job, timeoutMs: kind.timeoutMs, run: kind.run, onTrouble: options.onTrouble });
    running.add(attempt);
    void attempt.ended.then((end) => {
      running.delete(attempt);
      options.onEnd(end);
      rounds.soon(0);
    });
  };
  /** One of each name in turn, so that many of one do not keep another waiting. */
  const takeReady = async (boss: PgBoss, ready: readonly string[]): Promise<void> => {
    let open = ready;
    while (open.length > 0) {
      const more: string[] = [];
      for (const name of open) {
        if (isClosing || running.size >= options.concurrency) return;
        const kind = kinds.get(name);
        const job = kind === undefined ? undefined : await take(boss, name);
        if (kind === undefined || job === undefined) continue;
        begin(boss, kind, job);
        more.push(name);
      }
      open = more;
    }
  };
  const round = async (): Promise<void> => {
    const boss = await parts.boss(db);
    if (!isPrepared) await prepare(boss, db, options.kinds);
    isPrepared = true;
    const found = await findJobsToDo(
      db,
      names,
      scheduled.map(({ name }) => name),
    );
    // What runs may find out for itself, and is handed back.
    if (found.isReadOnly) return;
    const asked = found.due.length > 0 ? await askForDue(parts, scheduled, found.due) : [];
    const freed = found.hasLost ? await freeLost(boss, db, names, options.onEnd) : [];
    await takeReady(boss, [...new Set([...found.ready, ...asked, ...freed])]);
    if (performance.now() < cleanAt) return;
    cleanAt = performance.now() + cleanEveryMs;
    await deleteOldJobs(db);
  };
  const rounds = repeat(round, pollMs, options.onTrouble);
  return {
    nudge: () => rounds.soon(nudgeMs),
    [Symbol.asyncDispose]: async () => {
      isClosing = true;
      await rounds.end();
      for (const attempt of running) attempt.stop();
      await waitForAll([...running], options.drainMs ?? 10_000);
    },
  };
}

/** Rounds one after another, never two at once: after a pause, or sooner when asked. */
function repeat(round: () => Promise<void>, pauseMs: number, onTrouble: (error: unknown) => void) {
  let isEnding = false;
  let timer: NodeJS.Timeout | undefined;
  let dueAt = Number.POSITIVE_INFINITY;
  let current: Promise<void> | undefined;
  const soon = (delayMs: number): void => {
    const at = performance.now() + delayMs;
    if (isEnding || at >= dueAt) return;
    dueAt = at;
    clearTimeout(timer);
    timer = setTimeout(start, delayMs);
  };
  const start = (): void => {
    if (current !== undefined) {
      dueAt = Number.POSITIVE_INFINITY;
      void current.then(() => soon(0));
      return;
    }
    dueAt = Number.POSITIVE_INFINITY;
    current = round()
      .catch((error: unknown) => {
        if (!isEnding) onTrouble(error);
      })
      .then(() => {
        current = undefined;
        soon(pauseMs);
      });
  };
  soon(0);
  return {
    soon,
    end: async () => {
      isEnding = true;
      clearTimeout(timer);
      await current;
    },
  };
}

/** Brings the queues in line with their definitions: the latest start decides. */
async function prepare(boss: PgBoss, db: Database, kinds: readonly JobKind[]): Promise<void> {
  const known = new Map((await boss.getQueues()).map((queue) => [queue.name, queue]));
  for (const { name, retryLimit, retryDelayMaxSeconds: retryDelayMax, timeoutMs, keepMs, schedule } of kinds) {
    const queue = toQueueName(name);
    const settings = {
      ...{ retryLimit, retryDelay: 1, retryBackoff: true, retryDelayMax, heartbeatSeconds: 10 },
      expireInSeconds: Math.ceil(timeoutMs / 1000) + graceSeconds,
      deleteAfterSeconds: Math.ceil(keepMs / 1000),
    };
    const found = known.get(queue);
    const isSame = Object.entries(settings).every(([key, value]) => found?.[key as keyof typeof settings] === value);
    if (found === undefined) await boss.createQueue(queue, { ...settings, policy: 'stately' });
    else if (!isSame) await boss.updateQueue(queue, settings);
    if (schedule !== undefined) await planSchedule(db, name, schedule.everyMs);
  }
}

async function askForDue(
  { db, enqueue }: WorkerParts,
  schedules: readonly { readonly name: string; readonly everyMs: number; readonly job: QueuedJob }[],
  due: readonly string[],
): Promise<readonly string[]> {
  for (const { name, everyMs, job } of schedules.filter((schedule) => due.includes(schedule.name))) {
    await db.transaction(async (tx) => {
      if (!(await takeScheduleDue(tx, name, everyMs))) return;
      await failpoint('job:schedule');
      await enqueue(tx, job);
    });
  }
  return due;
}

/** Jobs of silent workers wait again, or fail where they were tried too often: it may be they that end their workers. */
async function freeLost(
  boss: PgBoss,
  db: Database,
  names: readonly string[],
  onEnd: (end: JobEnd) => void,
): Promise<readonly string[]> {
  const lost = await listLostJobs(db, names);
  for (const job of lost) {
    const isBack = !job.isLast && (await handBackJob(db, job, false).catch(() => false));
    if (!isBack) await failLost(boss, job, onEnd);
    else onEnd({ id: job.id, name: job.name, attempt: job.attempt + 1, outcome: 'lost', seconds: 0 });
  }
  return [...new Set(lost.map(({ name }) => name))];
}

async function failLost(boss: PgBoss, { name, id, attempt, isLast }: LostJob, onEnd: (end: JobEnd) => void): Promise<void> {
  const error = new Error('its worker was silent for too long');
  const answer = await boss.fail(toQueueName(name), [{ id, retryCount: attempt }], { message: error.message });
  // Another worker may have been here first.
  if ('affected' in answer && answer.affected === 0) return;
  onEnd({ id, name, attempt: attempt + 1, outcome: isLast ? 'failed' : 'lost', seconds: 0, error });
}

/** The next that may run: of one key one at a time, which the index of pg-boss's policy `stately` guards between nodes. */
async function take(boss: PgBoss, name: string): Promise<JobWithMetadata<JsonObject> | undefined> {
  const options = { batchSize: 1, includeMetadata: true, groupConcurrency: 1 } as const;
  const [job] = await boss.fetch<JsonObject>(toQueueName(name), options);
  await failpoint('job:taken');
  return job;
}

async function waitForAll(attempts: readonly Attempt[], atMostMs: number): Promise<void> {
  const { promise: isOver, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, atMostMs);
  await Promise.race([Promise.all(attempts.map(({ ended }) => ended)), isOver]);
  clearTimeout(timer);
}
