/** Races that stand as a test wants them: a session of the database waits for a lock of another. */
import type { Sql } from '#metadata/database.ts';

const waitingSql = `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`;

export async function untilBlocked(sql: Sql): Promise<void> {
  for (let tries = 0; tries < 500; tries += 1) {
    if ((await sql.query({ text: waitingSql })).length > 0) return;
  }
  throw new Error('nothing waits for a lock');
}

/**
 * Has `late` wait for a lock of `early`, which gets the function that starts `late` and is back once that waits. Both are over
 * before this is, also where the race fails: what still held a connection would keep the database from being closed.
 */
export async function letWait(
  sql: Sql,
  early: (untilLateWaits: () => Promise<void>) => Promise<unknown>,
  late: () => Promise<unknown>,
): Promise<void> {
  const started: Promise<unknown>[] = [];
  try {
    await early(async () => {
      const running = late();
      started.push(running);
      const over = running.then(() => {
        throw new Error('what was to wait for a lock is over');
      });
      await Promise.race([untilBlocked(sql), over]);
    });
  } finally {
    await Promise.allSettled(started);
  }
  await Promise.all(started);
}
