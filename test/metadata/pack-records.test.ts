/** What a pack asks costs by its members, however many blobs there are and whatever the planner last heard of their number. */
import { describe, expect, it } from 'vitest';
import type { Database, Sql } from '#metadata/database.ts';
import { packRecords } from '#metadata/metadata.ts';
import { createTestDatabase } from '#test/support/database.ts';

/** Blobs that all have a live place in the store `s`. */
async function addBlobs(db: Database, from: number, to: number): Promise<void> {
  await db.query(
    {
      text: `INSERT INTO blob (id, digest_algorithm, digest_value, size_bytes)
        SELECT md5('b' || i)::uuid, 'sha256', 'digest-' || i, 1 FROM generate_series($1::int, $2::int) AS i`,
    },
    [from, to],
  );
  await db.query(
    {
      text: `INSERT INTO location (id, blob_id, store, object_key, state)
        SELECT md5('l' || i)::uuid, md5('b' || i)::uuid, 's', 'key-' || i, 'live' FROM generate_series($1::int, $2::int) AS i`,
    },
    [from, to],
  );
}

/** Hundreds of blobs when the planner makes its plans; then thousands more. */
async function fill(db: Database, settle: (sql: Sql) => Promise<unknown>): Promise<void> {
  await db.query({ text: `INSERT INTO store (name, store_id, kind) VALUES ('s', gen_random_uuid(), 'filesystem')` });
  await addBlobs(db, 1, 500);
  // As often as it takes until the plan is kept.
  for (let count = 0; count < 10; count += 1) await settle(db);
  await addBlobs(db, 501, 5000);
}

/** Rows of locations that the work reads. */
async function locationsRead(db: Database, work: (sql: Sql) => Promise<unknown>): Promise<number> {
  const text = `SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) AS count FROM pg_stat_xact_user_tables WHERE relname = 'location'`;
  const readTill = async (sql: Sql): Promise<number> => Number((await sql.query<{ count: number }>({ text }))[0]?.count);
  return db.transaction(async (tx) => {
    const before = await readTill(tx);
    await work(tx);
    return (await readTill(tx)) - before;
  });
}

describe('while a store fills', () => {
  it('a pack finds what is stored of its bytes without a look at the other blobs', async () => {
    await using test = await createTestDatabase({ poolSize: 1 });
    const find = (sql: Sql) => packRecords.findStored(sql, ['digest-2', 'digest-0'], 's');
    await fill(test.db, find);
    expect(await find(test.db)).toEqual([expect.objectContaining({ sha256: 'digest-2', objectKey: 'key-2', sizeBytes: 1 })]);
    expect(await locationsRead(test.db, find)).toBeLessThan(50);
  });
});
