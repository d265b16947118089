/** The job queue: pg-boss over Vitrine's own connections, and nothing else knows that it is pg-boss. */
import { randomUUID } from 'node:crypto';
import type { Db, PgBoss } from 'pg-boss';
import type { JsonObject } from '#base/json.ts';
import type { Database, Sql } from './database.ts';
import { toQueueName } from './job-records.ts';
import { type JobWorker, openJobWorker, type WorkerOptions } from './job-worker.ts';

/** What is asked for. */
export interface QueuedJob {
  /** Of a definition in `src/jobs`: `noun:verb`. */
  readonly name: string;
  readonly payload: JsonObject;
  /** At most one job of a name and key waits, and at most one runs. Without one, each is for itself. */
  readonly key?: string | undefined;
  readonly startAfterMs?: number | undefined;
}

export interface JobQueue extends AsyncDisposable {
  /**
   * Asks for a job where `sql` stands: in a transaction it is there with its commit, or never was.
   * @returns its id, or null where one of this name and key waits already: that one runs after this transaction has committed, and no
   *   later than this one would have
   */
  enqueue(sql: Sql, job: QueuedJob): Promise<string | null>;
  /** A job that waits never runs; one that runs is told to end, and has not completed. False where it had ended. */
  cancel(sql: Sql, job: { readonly name: string; readonly id: string }): Promise<boolean>;
  /** A failed or cancelled job waits again, with one more attempt. False where it is neither, or one of its key waits. */
  retry(sql: Sql, job: { readonly name: string; readonly id: string }): Promise<boolean>;
  /** Begins to run jobs, in the background; ends with the worker or the queue. */
  work(options: WorkerOptions): JobWorker;
}

/** PostgreSQL's name of the schema, which a migration made. */
const schema = 'vitrine_jobs';

/** A waiting job may be taken by a worker between two looks at it. */
const attempts = 5;

/** Loads pg-boss and reads its tables with the first use, not here. */
export function openJobQueue(db: Database): JobQueue {
  let opening: Promise<OpenBoss> | undefined;
  const boss = async (sql: Sql): Promise<PgBoss> => {
    // Over the connection of whoever comes first: a transaction that waited for a second one could wait for itself.
    opening ??= openBoss(db, sql);
    try {
      return (await opening).boss;
    } catch (error) {
      opening = undefined;
      throw error;
    }
  };
  const workers = new Set<JobWorker>();
  const ask = async (sql: Sql, job: QueuedJob) => {
    const id = await enqueue(await boss(sql), sql, job);
    if ((job.startAfterMs ?? 0) <= 0) for (const worker of workers) worker.nudge();
    return id;
  };
  return {
    enqueue: ask,
    cancel: async (sql, { name, id }) => hasTouched(await (await boss(sql)).cancel(toQueueName(name), id, { db: toBossDb(sql) })),
    retry: async (sql, { name, id }) => {
      const [queue, options, opened] = [toQueueName(name), { db: toBossDb(sql) }, await boss(sql)];
      return hasTouched(await opened.retry(queue, id, options)) || hasTouched(await opened.resume(queue, id, options));
    },
    work: (options) => {
      const worker = openJobWorker({ db, boss, enqueue: ask }, options);
      workers.add(worker);
      return worker;
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all([...workers].map((worker) => worker[Symbol.asyncDispose]()));
      const opened = await opening?.catch(() => undefined);
      await opened?.boss.stop({ graceful: false, close: false });
    },
  };
}

interface OpenBoss {
  readonly boss: PgBoss;
}

async function openBoss(db: Database, first: Sql): Promise<OpenBoss> {
  const { PgBoss: Boss } = await import('pg-boss');
  let sql = first;
  const boss = new Boss({
    db: { executeSql: (text, values) => toBossDb(sql).executeSql(text, values) },
    schema,
    // A migration made its tables; who waits, runs and failed is looked after in job-worker.ts.
    ...{ migrate: false, supervise: false, schedule: false },
  });
  // Statements of a request fail with the request; nothing runs on its own.
  boss.on('error', () => undefined);
  try {
    await boss.start();
  } catch (error) {
    await boss.stop({ graceful: false, close: false });
    throw error;
  }
  sql = db;
  return { boss };
}

/** pg-boss's statements where `sql` stands. Several in one text, as its maintenance has them, answer no rows. */
function toBossDb(sql: Sql): Db {
  return { executeSql: async (text, values = []) => ({ rows: (await sql.query<object>({ text }, values)) ?? [] }) };
}

async function enqueue(boss: PgBoss, sql: Sql, { name, payload, key, startAfterMs = 0 }: QueuedJob): Promise<string | null> {
  const id = randomUUID();
  const singletonKey = key ?? id;
  const options = { id, singletonKey, group: { id: singletonKey }, startAfter: startAfterMs / 1000, db: toBossDb(sql) };
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    if (key !== undefined && (await holdWaiting(sql, name, key, startAfterMs))) return null;
    const sent = await boss.send(toQueueName(name), payload, options);
    if (sent !== null) return sent;
  }
  throw new Error(`the job ${name} of key ${key} was waiting at every attempt to add it, and at none to find it`);
}

/**
 * Whether one waits already, which then waits no longer than was asked for. It is locked, so that no worker takes it before what
 * this transaction changes can be seen.
 */
async function holdWaiting(sql: Sql, name: string, key: string, startAfterMs: number): Promise<boolean> {
  const values = [toQueueName(name), key, startAfterMs];
  return (await sql.query({ name: 'job_hold_waiting', text: holdWaitingText }, values)).length > 0;
}

const isWaiting = `name = $1 AND COALESCE(singleton_key, '') = $2 AND state < 'active' AND policy = 'stately'`;

const holdWaitingText = `WITH
  sooner AS (UPDATE ${schema}.job SET start_after = now() + $3 * interval '1 ms'
    WHERE ${isWaiting} AND start_after > now() + $3 * interval '1 ms' RETURNING id),
  held AS (SELECT id FROM ${schema}.job WHERE ${isWaiting} FOR SHARE)
  SELECT id FROM sooner UNION ALL SELECT id FROM held`;

function hasTouched(answer: object): boolean {
  return 'affected' in answer && answer.affected !== 0;
}
