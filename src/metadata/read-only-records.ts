/** Read-only mode: kept in the instance's row, enforced by triggers (prisma/migrations/…_read_only), alike for every node. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sql } from './database.ts';

export interface ReadOnlyState {
  /** Null: writes are accepted. */
  readonly since: Date | null;
  readonly reason: string | null;
  readonly by: string | null;
}

const findStatement = {
  name: 'read-only-find',
  text: 'SELECT read_only_since AS since, read_only_reason AS reason, read_only_by AS by FROM instance',
};

export async function findReadOnly(sql: Sql): Promise<ReadOnlyState> {
  const [row] = await sql.query<ReadOnlyState>(findStatement);
  return row ?? { since: null, reason: null, by: null };
}

const beginStatement = {
  text: `UPDATE instance SET read_only_since = coalesce($1, now()), read_only_reason = $2, read_only_by = $3
    RETURNING read_only_since AS since, pg_current_xact_id()::text AS tx`,
};

export interface BegunReadOnly {
  readonly since: Date;
  /** The transaction from whose end on every write is refused. */
  readonly tx: string;
}

/** @param mode `since` is kept where the mode was on already */
export async function beginReadOnly(
  sql: Sql,
  mode: { readonly since: Date | null; readonly reason: string | null; readonly by: string },
): Promise<BegunReadOnly> {
  const [row] = await sql.query<BegunReadOnly>(beginStatement, [mode.since, mode.reason, mode.by]);
  if (row === undefined) throw new Error('a database that is served has no instance');
  return row;
}

const endStatement = {
  text: 'UPDATE instance SET read_only_since = NULL, read_only_reason = NULL, read_only_by = NULL RETURNING id',
};

/** The instance's id. */
export async function endReadOnly(sql: Sql): Promise<string> {
  const [row] = await sql.query<{ id: string }>(endStatement);
  if (row === undefined) throw new Error('a database that is served has no instance');
  return row.id;
}

const olderStatement = { text: 'SELECT pg_snapshot_xmin(pg_current_snapshot()) > $1::xid8 AS "isAlone"' };

/** True when every transaction that had begun before `tx` is over; false when some were still open after the deadline. */
export async function awaitOlderWrites(sql: Sql, tx: string, deadlineMs: number, signal: AbortSignal): Promise<boolean> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const [row] = await sql.query<{ isAlone: boolean }>(olderStatement, [tx]);
    if (row?.isAlone === true) return true;
    if (performance.now() >= end) return false;
    await sleep(50, undefined, { signal });
  }
}
