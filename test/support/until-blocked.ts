/** Waits until a session of the database waits for a lock of another: then a race stands as a test wants it. */
import type { Sql } from '#metadata/database.ts';

const waitingSql = `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`;

export async function untilBlocked(sql: Sql): Promise<void> {
  for (let tries = 0; tries < 500; tries += 1) {
    if ((await sql.query({ text: waitingSql })).length > 0) return;
  }
  throw new Error('nothing waits for a lock');
}
