/** Delayed deletes whose time has come. */
import type { Sql } from './database.ts';

const takeStatement = {
  name: 'purge-take',
  // Whoever restores it holds the row, and is waited for by nobody.
  text: `SELECT id, project FROM artifact WHERE state = 'pending_delete' AND expires_at <= clock_timestamp()
    ORDER BY expires_at, id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED`,
};

export interface DuePurge {
  readonly id: string;
  readonly project: string;
}

/** One that is due and that nobody else has, locked until the transaction ends. */
export async function takeDue(tx: Sql): Promise<DuePurge | undefined> {
  const [row] = await tx.query<DuePurge>(takeStatement);
  return row;
}

const countStatement = {
  name: 'purge-count',
  text: `SELECT count(*) AS count FROM (SELECT 1 FROM artifact WHERE state = 'pending_delete' AND expires_at <= clock_timestamp()
    LIMIT 100000) d`,
};

/** How many are due; at most a hundred thousand. */
export async function countDue(sql: Sql): Promise<number> {
  const [row] = await sql.query<{ count: number }>(countStatement);
  return row?.count ?? 0;
}
