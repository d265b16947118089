/**
 * Compares one store with the rows of the database, both ways, in memory that does not grow with them: the store's list is read
 * once, in any order, and every object asked for; what the rows have more is found by sums over the beginnings of keys.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BlobStore, StoredObject } from '#blobs/blob-store.ts';
import { reconcileRecords } from '#metadata/metadata.ts';
import type { JobRun, Services } from './context.ts';
import { createKeySums, type KeySums } from './key-sums.ts';
import { type Damage, type DamagedPlace, describeDamage } from './quarantine-location.ts';

export interface StoreWalk {
  readonly objects: number;
  readonly bytes: number;
  readonly rows: number;
  /** Live locations whose object is missing or of another size. */
  readonly damaged: number;
}

interface Walk {
  readonly services: Pick<Services, 'db'>;
  readonly store: BlobStore;
  readonly id: string;
  /** Locations that came later are not judged: their objects may have come after the list was read. */
  readonly before: string;
  readonly run: JobRun;
  readonly onDamage: (damage: Damage) => Promise<void>;
}

const objectsAtOnce = 1_000;
const looksAtOnce = 16;
/** Above every key: they are lower-case letters, digits and dashes. */
const highest = '~';

export async function walkStore(
  services: Pick<Services, 'db'>,
  store: BlobStore,
  id: string,
  run: JobRun,
  onDamage: (damage: Damage) => Promise<void>,
): Promise<StoreWalk> {
  const before = await reconcileRecords.readClock(services.db);
  const walk: Walk = { services, store, id, before, run, onDamage };
  const inStore = createKeySums();
  const listed = await walkObjects(walk, inStore);
  const inRows = createKeySums();
  const rows = await walkRows(walk, inRows);
  let damaged = 0;
  for (const prefix of inStore.differing(inRows)) damaged += await lookClosely(walk, prefix);
  // Only a whole walk knows what is no longer there.
  await reconcileRecords.dropUnseenStrays(services.db, store.name, id);
  return { ...listed, rows, damaged };
}

/** From the store to the rows: notes strays, counts what is in order. */
async function walkObjects(walk: Walk, sums: KeySums): Promise<{ objects: number; bytes: number }> {
  const { store, run } = walk;
  const tally = { objects: 0, bytes: 0 };
  let batch: StoredObject[] = [];
  const flush = async (): Promise<void> => {
    const startedAt = performance.now();
    await compare(walk, batch, sums);
    batch = [];
    await run.progress(tally.objects, null, `${store.name}: objects`);
    await pause(run, startedAt);
  };
  for await (const object of store.list(run.signal)) {
    tally.objects += 1;
    tally.bytes += object.sizeBytes;
    if (batch.push(object) === objectsAtOnce) await flush();
  }
  if (batch.length > 0) await flush();
  return tally;
}

async function compare(walk: Walk, objects: readonly StoredObject[], sums: KeySums): Promise<void> {
  const { services, store } = walk;
  const keys = objects.map(({ key }) => key);
  const known = await reconcileRecords.findKnownObjects(services.db, store.name, keys, walk.before);
  const sizes = new Map(objects.map(({ key, sizeBytes }) => [key, sizeBytes]));
  const strays: { key: string; sizeBytes: number }[] = [];
  for (const object of known) {
    const sizeBytes = sizes.get(object.objectKey) ?? 0;
    if (object.locationId === null) {
      if (!object.isUploading) strays.push({ key: object.objectKey, sizeBytes });
      // One of another size is left out of the sums, and so looked at closely.
    } else if (object.isCounted && object.sizeBytes === sizeBytes) sums.add(object.objectKey);
  }
  if (strays.length > 0) await reconcileRecords.noteStrays(services.db, store.name, walk.id, strays);
}

/** From the rows to the store. */
async function walkRows(walk: Walk, sums: KeySums): Promise<number> {
  const { services, store, run } = walk;
  let rows = 0;
  for (let after: string | null = ''; after !== null; ) {
    run.signal.throwIfAborted();
    const startedAt = performance.now();
    const page: reconcileRecords.LivePage = await reconcileRecords.listLive(
      services.db,
      store.name,
      { after, below: highest },
      walk.before,
    );
    for (const { objectKey } of page.rows) sums.add(objectKey);
    rows += page.rows.length;
    after = page.last;
    await run.progress(rows, null, `${store.name}: rows`);
    if (after !== null) await pause(run, startedAt);
  }
  return rows;
}

/** The few rows whose keys begin so: each object is asked for by itself. How many are damaged. */
async function lookClosely(walk: Walk, prefix: string): Promise<number> {
  const { services, store, run } = walk;
  let damaged = 0;
  for (let after: string | null = prefix; after !== null; ) {
    run.signal.throwIfAborted();
    const range = { after, below: `${prefix}${highest}` };
    const page: reconcileRecords.LivePage = await reconcileRecords.listLive(services.db, store.name, range, walk.before);
    for (let start = 0; start < page.rows.length; start += looksAtOnce) {
      const some = page.rows.slice(start, start + looksAtOnce);
      const faults = await Promise.all(some.map((row) => findFault(walk, row)));
      for (const place of faults) {
        if (place === undefined) continue;
        damaged += 1;
        await walk.onDamage(await describeDamage(services, place));
      }
    }
    after = page.last;
  }
  return damaged;
}

async function findFault({ services, store }: Walk, row: reconcileRecords.LiveRow): Promise<DamagedPlace | undefined> {
  const found = await store.stat(row.objectKey);
  if (found?.sizeBytes === row.sizeBytes) return undefined;
  // A collector, or an upload that healed it, may have been here since the row was read.
  if (!(await reconcileRecords.isLive(services.db, row.id))) return undefined;
  const { id: locationId, blobId, sha256, sizeBytes, objectKey } = row;
  return { locationId, blobId, sha256, sizeBytes, store: store.name, objectKey, fault: found === undefined ? 'missing' : 'size' };
}

/** As long as the work took: whoever uploads meanwhile shall not feel it. */
async function pause(run: JobRun, startedAt: number): Promise<void> {
  await sleep(Math.min(250, performance.now() - startedAt), undefined, { signal: run.signal });
}
