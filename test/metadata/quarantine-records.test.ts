import { describe, expect, it } from 'vitest';
import { quarantineRecords } from '#metadata/metadata.ts';
import { createTestDatabase } from '#test/support/database.ts';

describe('places that are not live', () => {
  it('are counted by state, also where there are none', async () => {
    await using test = await createTestDatabase();
    const { db } = test;
    await db.query({ text: `INSERT INTO store (name, store_id, kind) VALUES ('s', gen_random_uuid(), 'filesystem')` });
    await db.query({
      text: `INSERT INTO blob (id, digest_algorithm, digest_value, size_bytes)
        SELECT md5('b' || i)::uuid, 'sha256', i::text, 1 FROM generate_series(1, 6) AS i`,
    });
    await db.query({
      text: `INSERT INTO location (id, blob_id, store, object_key, state)
        SELECT gen_random_uuid(), md5('b' || i)::uuid, 's', i::text,
          (ARRAY['live', 'quarantined', 'quarantined', 'deleting', 'gone', 'live'])[i] FROM generate_series(1, 6) AS i`,
    });
    expect(await quarantineRecords.countPlaces(db)).toEqual([
      { state: 'quarantined', count: 2 },
      { state: 'condemned', count: 0 },
      { state: 'deleting', count: 2 },
    ]);
  });
});
