/**
 * Collects bytes that nothing refers to any more: condemns them, and after a grace deletes object, then row. Any number of
 * collectors may run, on any node, and each may die anywhere: what it left half-way, the next run finishes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { failpoint } from '#base/failpoint.ts';
import type { BlobStore } from '#blobs/blob-store.ts';
import { collectRecords } from '#metadata/metadata.ts';
import { assertWritesAllowed } from './assert-writes-allowed.ts';
import type { JobRun, StorageServices } from './context.ts';
import { tryRemoveObjects } from './try-remove-objects.ts';
import { findUsableStore, type SkippedStore } from './usable-store.ts';

export interface CollectBlobsInput {
  /** How long a condemned blob may still be revived; by default the setting. */
  readonly graceMs?: number | undefined;
}

export interface CollectBlobsResult {
  readonly condemned: number;
  /** Condemned, and needed again when the grace was over. */
  readonly revived: number;
  readonly removedObjects: number;
  readonly removedBytes: number;
  readonly removedBlobs: number;
  /** Their objects wait for the next run. */
  readonly skippedStores: readonly SkippedStore[];
}

type Tally = { -readonly [Name in keyof Omit<CollectBlobsResult, 'skippedStores'>]: number };
const condemnedAtOnce = 500;
const removalsAtOnce = 8;

/**
 * A store that does not answer is no failure: its objects are left to the next run, and the result says so.
 * @throws AppError READ_ONLY
 */
export async function collectBlobs(
  services: StorageServices,
  input: CollectBlobsInput,
  run: JobRun,
): Promise<CollectBlobsResult> {
  const tally: Tally = { condemned: 0, revived: 0, removedObjects: 0, removedBytes: 0, removedBlobs: 0 };
  const graceMs = input.graceMs ?? services.settings.storage.collectGraceMs;
  await assertWritesAllowed(services.db);
  await collectRecords.dropExpiredLeases(services.db);
  await condemn(services, run, tally);
  await sentence(services, graceMs, run, tally);
  const skippedStores = await removeDoomed(services, run, tally);
  const result = { ...tally, skippedStores };
  const isQuiet = Object.values(tally).every((count) => count === 0) && skippedStores.length === 0;
  services.log[isQuiet ? 'debug' : 'info'](result, 'blobs were collected');
  return result;
}

/** Walks all blobs once, in the order of their ids. */
async function condemn({ db }: StorageServices, run: JobRun, tally: Tally): Promise<void> {
  const total = await collectRecords.estimateBlobs(db);
  let seen = 0;
  for (let after: string | null = collectRecords.firstId; after !== null; ) {
    run.signal.throwIfAborted();
    const startedAt = performance.now();
    const page: collectRecords.CandidatePage = await collectRecords.findCandidates(db, after);
    for (const ids of chunks(page.ids, condemnedAtOnce)) {
      await failpoint('collect:before-condemn');
      const done = await db.transaction((tx) => collectRecords.condemnBlobs(tx, ids), { signal: run.signal });
      await failpoint('collect:condemned');
      tally.condemned += done.condemned + done.doomed;
      tally.removedBlobs += done.removedBlobs;
    }
    seen += page.seen;
    after = page.last;
    await run.progress(seen, total === null ? null : Math.max(total, seen), 'looked at');
    // As long a pause as the work took: whoever uploads meanwhile shall not feel it.
    if (after !== null) await sleep(Math.min(250, performance.now() - startedAt), undefined, { signal: run.signal });
  }
}

/** What is condemned for longer than the grace is looked at once more, and then has no way back. */
async function sentence({ db, log }: StorageServices, graceMs: number, run: JobRun, tally: Tally): Promise<void> {
  for (let last: collectRecords.DueLocation | undefined; ; ) {
    run.signal.throwIfAborted();
    const due: readonly collectRecords.DueLocation[] = await collectRecords.findDue(db, graceMs, last);
    last = due.at(-1);
    if (last === undefined) return;
    await failpoint('collect:before-sentence');
    const { revived } = await db.transaction((tx) => collectRecords.sentence(tx, due, graceMs), { signal: run.signal });
    await failpoint('collect:sentenced');
    tally.revived += revived;
    if (revived > 0) log.warn({ revived }, 'condemned blobs were needed again without being revived');
  }
}

/** Object before row, always: a row whose object is gone is repeated, an object without a row is garbage nobody knows. */
async function removeDoomed(services: StorageServices, run: JobRun, tally: Tally): Promise<readonly SkippedStore[]> {
  const skipped: SkippedStore[] = [];
  for (const name of await collectRecords.findDoomedStores(services.db)) {
    const usable = await findUsableStore(services, name);
    if ('reason' in usable) skipped.push(usable);
    else {
      const failure = await removeFrom(services, usable.store, run, tally);
      if (failure !== undefined) skipped.push(failure);
    }
  }
  return skipped;
}

async function removeFrom(
  services: StorageServices,
  store: BlobStore,
  run: JobRun,
  tally: Tally,
): Promise<SkippedStore | undefined> {
  const { db, log } = services;
  let failure: Error | undefined;
  let isAway = false;
  for (let after = collectRecords.firstId; !isAway; ) {
    run.signal.throwIfAborted();
    await assertWritesAllowed(db);
    const doomed = await collectRecords.findDoomed(db, store.name, after);
    const last = doomed.at(-1);
    if (last === undefined) break;
    after = last.id;
    for (const some of chunks(doomed, removalsAtOnce)) {
      const keys = some.map(({ objectKey }) => objectKey);
      const removal = await tryRemoveObjects(services, store, keys, (key) => removeObject(store, key));
      failure ??= removal.failure;
      const removed = some.filter(({ objectKey }) => removal.removed.has(objectKey));
      if (removed.length > 0) {
        const rows = await db.transaction((tx) => collectRecords.removeLocations(tx, removed));
        await failpoint('collect:rows-removed');
        // Another collector may have removed some of them too: each counts once.
        const counted = removed.filter(({ id }) => rows.locationIds.has(id));
        tally.removedObjects += counted.length;
        tally.removedBytes += counted.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
        tally.removedBlobs += rows.blobs;
      }
      isAway = removal.isAway;
      if (isAway) break;
    }
    await run.progress(tally.removedObjects, null, 'objects removed');
  }
  if (failure === undefined) return undefined;
  log.warn({ err: failure, store: store.name }, 'objects could not be removed; the next collection tries again');
  return { store: store.name, reason: failure.message };
}

async function removeObject(store: BlobStore, objectKey: string): Promise<void> {
  await failpoint('collect:before-object');
  await store.remove(objectKey);
  await failpoint('collect:object-removed');
}

function chunks<Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size));
}
