/** Where a blob gets its place, beside who takes places away. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Sql } from '#metadata/database.ts';
import { blobRecords, packRecords, quarantineRecords } from '#metadata/metadata.ts';
import { createTestDatabase, type TestDatabase } from '#test/support/database.ts';

let test: TestDatabase;
beforeAll(async () => {
  test = await createTestDatabase();
  await test.db.query({ text: `INSERT INTO store (name, store_id, kind) VALUES ('local', gen_random_uuid(), 'filesystem')` });
});
afterAll(() => test[Symbol.asyncDispose]());

/** A blob with one live place. */
async function placed(): Promise<{
  readonly blobId: string;
  readonly locationId: string;
  readonly bytes: blobRecords.BlobBytes;
}> {
  const bytes = newBytes();
  const locationId = randomUUID();
  const blobId = await test.db.transaction(async (tx) => {
    const held = await blobRecords.holdBlob(tx, randomUUID(), bytes);
    await blobRecords.placeBlob(tx, newPlace(held, locationId));
    return held;
  });
  return { blobId, locationId, bytes };
}

function newBytes(): blobRecords.BlobBytes {
  return { sha256: randomUUID(), sha512: randomUUID(), md5: randomUUID(), sizeBytes: 1 };
}

/** The transaction, in the middle of which another puts a location into quarantine: once, after that statement. */
function quarantinedAfter(tx: Sql, name: string, locationId: string): Sql {
  let isQuarantined = false;
  return {
    query: async <Row extends object>(...[statement, values]: Parameters<Sql['query']>) => {
      const rows = await tx.query<Row>(statement, values);
      if (statement.name === name && !isQuarantined) {
        isQuarantined = true;
        await test.db.transaction((other) => quarantineRecords.quarantine(other, locationId, 'digest'));
      }
      return rows;
    },
  };
}

function newPlace(blobId: string, id: string = randomUUID()): blobRecords.NewLocation {
  return { id, blobId, store: 'local', objectKey: `key-${id}`, brokenId: null };
}

async function statesOf(blobId: string): Promise<readonly string[]> {
  const text = 'SELECT state FROM location WHERE blob_id = $1 ORDER BY generation';
  return (await test.db.query<{ state: string }>({ text }, [blobId])).map(({ state }) => state);
}

describe('placing a blob', () => {
  it('keeps the place it has, and says that the new object is redundant', async () => {
    const { blobId, bytes } = await placed();
    const isPlaced = await test.db.transaction(async (tx) => {
      await blobRecords.holdBlob(tx, randomUUID(), bytes);
      return blobRecords.placeBlob(tx, newPlace(blobId));
    });
    expect(isPlaced).toBe(false);
    expect(await statesOf(blobId)).toEqual(['live']);
  });

  it('keeps the new object where the place it had is quarantined at that very moment', async () => {
    const { blobId, locationId, bytes } = await placed();
    const isPlaced = await test.db.transaction(async (tx) => {
      await blobRecords.holdBlob(tx, randomUUID(), bytes);
      return blobRecords.placeBlob(quarantinedAfter(tx, 'location-insert', locationId), newPlace(blobId));
    });
    expect(isPlaced).toBe(true);
    expect(await statesOf(blobId)).toEqual(['quarantined', 'live']);
  });

  it('of a pack keeps new objects alike, and those of others as they are', async () => {
    const [lost, kept, fresh] = [await placed(), await placed(), { blobId: randomUUID(), bytes: newBytes() }];
    const locations = [lost, kept, fresh].map(({ blobId, bytes: { sha512, md5 } }, number) => ({
      ...{ blobId, sha512, md5 },
      ...{ locationId: randomUUID(), objectKey: `pack-${number}` },
    }));
    const placedKeys = await test.db.transaction(async (tx) => {
      await blobRecords.holdBlob(tx, fresh.blobId, fresh.bytes);
      return packRecords.placeBlobs(quarantinedAfter(tx, 'pack-place-blobs', lost.locationId), 'local', locations, []);
    });
    expect(placedKeys).toEqual(new Set(['pack-0', 'pack-2']));
    expect(await statesOf(lost.blobId)).toEqual(['quarantined', 'live']);
    for (const { blobId } of [kept, fresh]) expect(await statesOf(blobId)).toEqual(['live']);
  });
});
