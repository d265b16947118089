/** Jobs as they are kept: what waits, runs and ended, how far it is, and when a schedule asks next. Over the tables of pg-boss. */
import type { JsonObject } from '#base/json.ts';
import { isStorable } from './compare-sql.ts';
import type { Sql } from './database.ts';

export type JobState = 'waiting' | 'running' | 'completed' | 'failed' | 'cancelled';

export interface JobProgress {
  readonly done: number;
  /** Null while nobody knows it. */
  readonly total: number | null;
  readonly note: string | null;
  readonly updatedAt: Date;
}

export interface JobRecord {
  readonly id: string;
  readonly name: string;
  readonly state: JobState;
  readonly payload: JsonObject;
  /** What it answered, or of its last attempt that failed `{ message, code? }`. */
  readonly output: JsonObject | null;
  /** How often it was begun. */
  readonly attempts: number;
  readonly maxAttempts: number;
  readonly createdAt: Date;
  /** Not begun before. */
  readonly startAfter: Date;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
  readonly progress: JobProgress | null;
}

export interface JobFilter {
  readonly names?: readonly string[] | undefined;
  readonly states?: readonly JobState[] | undefined;
  /** Id of a job: what was asked for before it. */
  readonly before?: string | undefined;
  readonly limit: number;
}

/** Jobs that wait or run. */
export interface JobCount {
  readonly name: string;
  readonly state: 'waiting' | 'running';
  readonly count: number;
}

/** A job whose worker has been silent for longer than its heartbeat, or that runs past its time. */
export interface LostJob {
  readonly name: string;
  readonly id: string;
  readonly attempt: number;
  readonly isLast: boolean;
}

/** What a worker finds when it looks. */
export interface JobsToDo {
  /** Names of jobs that may be begun. */
  readonly ready: readonly string[];
  /** Names whose schedule is due. */
  readonly due: readonly string[];
  readonly hasLost: boolean;
  /** The instance accepts no writes: nothing is to be begun. */
  readonly isReadOnly: boolean;
}

/** pg-boss allows no colon in the name of a queue. */
export function toQueueName(name: string): string {
  return name.replace(':', '.');
}

export function fromQueueName(queue: string): string {
  return queue.replace('.', ':');
}

interface Row {
  readonly id: string;
  readonly queue: string;
  readonly state: keyof typeof states;
  readonly payload: JsonObject | null;
  readonly output: JsonObject | null;
  readonly retry_count: number;
  readonly retry_limit: number;
  readonly created_on: Date;
  readonly start_after: Date;
  readonly started_on: Date | null;
  readonly completed_on: Date | null;
  readonly done: number | null;
  readonly total: number | null;
  readonly note: string | null;
  readonly updated_at: Date | null;
}

const states = {
  created: 'waiting',
  retry: 'waiting',
  active: 'running',
  completed: 'completed',
  failed: 'failed',
  cancelled: 'cancelled',
} as const satisfies Record<string, JobState>;

const columns = `j.id, j.name AS queue, j.state, j.data AS payload, j.output, j.retry_count, j.retry_limit, j.created_on, j.start_after,
  j.started_on, j.completed_on, p.done, p.total, p.note, p.updated_at`;

const source = 'vitrine_jobs.job j LEFT JOIN vitrine_jobs.progress p ON p.job_id = j.id';

export async function findJob(sql: Sql, id: string): Promise<JobRecord | undefined> {
  // By name and id, as its index is.
  const text = `SELECT ${columns} FROM ${source} WHERE j.name IN (SELECT name FROM vitrine_jobs.queue) AND j.id = $1`;
  const [row] = await sql.query<Row>({ name: 'job_find', text }, [id]);
  return row === undefined ? undefined : toJob(row);
}

/** The one of a name and key that waits. */
export async function findWaitingJob(sql: Sql, name: string, key: string): Promise<string | undefined> {
  const text = `SELECT id FROM vitrine_jobs.job
    WHERE name = $1 AND COALESCE(singleton_key, '') = $2 AND state < 'active' AND policy = 'stately' LIMIT 1`;
  const [row] = await sql.query<{ id: string }>({ name: 'job_find_waiting', text }, [toQueueName(name), key]);
  return row?.id;
}

/** The newest first. Of a name that no text in the database can be there is no job. */
export async function listJobs(sql: Sql, filter: JobFilter): Promise<readonly JobRecord[]> {
  const { names, states: wanted, before, limit } = filter;
  const kept = Object.entries(states).flatMap(([state, shown]) => (wanted?.includes(shown) === false ? [] : [state]));
  const text = `SELECT ${columns} FROM ${source}
    WHERE ($1::text[] IS NULL OR j.name = ANY($1)) AND j.state::text = ANY($2)
      AND ($3::uuid IS NULL OR (j.created_on, j.id) < (SELECT b.created_on, b.id FROM vitrine_jobs.job b WHERE b.id = $3))
    ORDER BY j.created_on DESC, j.id DESC LIMIT $4`;
  const values = [names?.filter(isStorable).map(toQueueName) ?? null, kept, before ?? null, limit];
  return (await sql.query<Row>({ name: 'job_list', text }, values)).map(toJob);
}

function toJob(row: Row): JobRecord {
  const { done, updated_at: updatedAt } = row;
  return {
    id: row.id,
    name: fromQueueName(row.queue),
    state: states[row.state],
    payload: row.payload ?? {},
    output: row.output,
    attempts: row.started_on === null ? 0 : row.retry_count + 1,
    maxAttempts: row.retry_limit + 1,
    createdAt: row.created_on,
    startAfter: row.start_after,
    startedAt: row.started_on,
    endedAt: row.completed_on,
    progress: done === null || updatedAt === null ? null : { done, total: row.total, note: row.note, updatedAt },
  };
}

/** Of each name that has a queue, also where nothing waits or runs. */
export async function countJobs(sql: Sql): Promise<readonly JobCount[]> {
  const text = `WITH j AS (SELECT name, state = 'active' AS running, count(*) AS count FROM vitrine_jobs.job
      WHERE state <= 'active' AND policy = 'stately' GROUP BY 1, 2)
    SELECT q.name, s.running, coalesce(j.count, 0) AS count FROM vitrine_jobs.queue q
    CROSS JOIN (VALUES (true), (false)) AS s (running) LEFT JOIN j USING (name, running) WHERE q.policy = 'stately'`;
  const rows = await sql.query<{ name: string; running: boolean; count: number }>({ name: 'job_count', text });
  return rows.map(({ name, running, count }) => ({
    ...{ name: fromQueueName(name), state: running ? 'running' : 'waiting', count },
  }));
}

export async function saveProgress(sql: Sql, id: string, progress: Omit<JobProgress, 'updatedAt'>): Promise<void> {
  const text = `INSERT INTO vitrine_jobs.progress (job_id, done, total, note) VALUES ($1, $2, $3, $4)
    ON CONFLICT (job_id) DO UPDATE SET done = excluded.done, total = excluded.total, note = excluded.note, updated_at = now()`;
  await sql.query({ name: 'job_save_progress', text }, [id, progress.done, progress.total, progress.note]);
}

/** One statement, by indexes of what waits and runs: it is asked again and again. */
export async function findJobsToDo(sql: Sql, names: readonly string[], scheduled: readonly string[]): Promise<JobsToDo> {
  const text = `SELECT
    ARRAY(SELECT q.name FROM unnest($1::text[]) AS q(name) WHERE EXISTS (SELECT FROM vitrine_jobs.job j
      WHERE j.name = q.name AND j.state < 'active' AND NOT j.blocked AND j.start_after <= now())) AS ready,
    ARRAY(SELECT d.job_name FROM vitrine_jobs.schedule_due d WHERE d.job_name = ANY($2) AND d.due_at <= now()) AS due,
    EXISTS (SELECT FROM vitrine_jobs.job j WHERE ${isLost}) AS lost,
    EXISTS (SELECT FROM instance WHERE read_only_since IS NOT NULL) AS "isReadOnly"`;
  interface Found {
    readonly ready: string[];
    readonly due: string[];
    readonly lost: boolean;
    readonly isReadOnly: boolean;
  }
  const [row] = await sql.query<Found>({ name: 'job_to_do', text }, [names.map(toQueueName), scheduled]);
  const { ready = [], due = [], lost = false, isReadOnly = false } = row ?? {};
  return { ready: ready.map(fromQueueName), due, hasLost: lost, isReadOnly };
}

const isLost = `j.name = ANY($1) AND j.state = 'active' AND j.policy = 'stately'
  AND (j.heartbeat_on + j.heartbeat_seconds * interval '1 s' < now() OR j.started_on + j.expire_seconds * interval '1 s' < now())`;

export async function listLostJobs(sql: Sql, names: readonly string[]): Promise<readonly LostJob[]> {
  const text = `SELECT j.name, j.id, j.retry_count AS attempt, j.retry_count >= j.retry_limit AS "isLast"
    FROM vitrine_jobs.job j WHERE ${isLost}`;
  const rows = await sql.query<LostJob>({ name: 'job_list_lost', text }, [names.map(toQueueName)]);
  return rows.map((row) => ({ ...row, name: fromQueueName(row.name) }));
}

/**
 * The job waits again, to be begun at once: its worker ended, not its work. Only of the attempt that is meant.
 * @param isFree the attempt does not count
 */
export async function handBackJob(
  sql: Sql,
  job: { name: string; id: string; attempt: number },
  isFree: boolean,
): Promise<boolean> {
  const text = `UPDATE vitrine_jobs.job SET state = 'retry', start_after = now(), heartbeat_on = NULL, retry_limit = retry_limit + $4
    WHERE name = $1 AND id = $2 AND retry_count = $3 AND state = 'active' RETURNING id`;
  const values = [toQueueName(job.name), job.id, job.attempt, isFree ? 1 : 0];
  return (await sql.query({ name: 'job_hand_back', text }, values)).length > 0;
}

/** A schedule that is new, or whose interval became shorter, is due after one interval. */
export async function planSchedule(sql: Sql, name: string, everyMs: number): Promise<void> {
  const text = `INSERT INTO vitrine_jobs.schedule_due AS s (job_name, due_at) VALUES ($1, now() + $2 * interval '1 ms')
    ON CONFLICT (job_name) DO UPDATE SET due_at = LEAST(s.due_at, excluded.due_at)`;
  await sql.query({ name: 'job_plan_schedule', text }, [name, everyMs]);
}

/** Answers true to one caller for each time that came, whoever asks: to be called in the transaction that asks for the job. */
export async function takeScheduleDue(sql: Sql, name: string, everyMs: number): Promise<boolean> {
  const text = `UPDATE vitrine_jobs.schedule_due SET due_at = now() + $2 * interval '1 ms'
    WHERE job_name = $1 AND due_at <= now() RETURNING job_name`;
  return (await sql.query({ name: 'job_take_due', text }, [name, everyMs])).length > 0;
}

/** Ended jobs past the time that their queue keeps them, with their progress. */
export async function deleteOldJobs(sql: Sql): Promise<number> {
  const text = `WITH gone AS (DELETE FROM vitrine_jobs.job WHERE state > 'active' AND deletion_seconds > 0
      AND completed_on + deletion_seconds * interval '1 s' < now() RETURNING id),
    progress AS (DELETE FROM vitrine_jobs.progress p USING gone WHERE p.job_id = gone.id)
    SELECT count(*) AS count FROM gone`;
  const [row] = await sql.query<{ count: number }>({ name: 'job_delete_old', text });
  return row?.count ?? 0;
}
