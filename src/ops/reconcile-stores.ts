/**
 * Compares the stores with the rows, both ways, and reports what does not fit; as a repair it also removes objects that nothing
 * knows for long enough, ends unfinished ones of uploads that are over, and takes places without their bytes from their readers.
 */
import { failpoint } from '#base/failpoint.ts';
import type { JsonObject } from '#base/json.ts';
import type { BlobStore } from '#blobs/blob-store.ts';
import { instanceRecords, reconcileRecords } from '#metadata/metadata.ts';
import { assertWritesAllowed } from './assert-writes-allowed.ts';
import type { JobRun, StorageServices } from './context.ts';
import { type Damage, quarantineLocation } from './quarantine-location.ts';
import { tryRemoveObjects } from './try-remove-objects.ts';
import { findUsableStore } from './usable-store.ts';
import { type StoreWalk, walkStore } from './walk-store.ts';

export interface ReconcileStoresInput {
  /** False: nothing is changed, but notes of what was seen. */
  readonly repair: boolean;
  /** Only these; by default every store that the database knows. */
  readonly stores?: readonly string[] | undefined;
  /** For how long an object must have been known as a stray before it is removed; by default the setting. */
  readonly strayAgeMs?: number | undefined;
}

export interface StoreReport {
  readonly store: string;
  /** Why the store was left out, wholly or from there on. */
  readonly skipped: string | null;
  readonly objects: number;
  readonly bytes: number;
  /** Live locations that were there before the walk. */
  readonly rows: number;
  /** Objects that nothing knows. `due` is what a repair removes. */
  readonly strays: reconcileRecords.StrayCount & { readonly removed: number };
  /** Half-written objects of uploads that are over. */
  readonly unfinished: { readonly count: number; readonly first: readonly string[]; readonly removed: number };
  /** Places that lost their bytes. */
  readonly damaged: { readonly count: number; readonly quarantined: number; readonly first: readonly Damage[] };
}

export interface ReconcileReport {
  readonly id: string;
  readonly repair: boolean;
  readonly stores: readonly StoreReport[];
  /** Nothing was found, and no store was left out. */
  readonly isClean: boolean;
}

const namedMax = 100;
const removalsAtOnce = 8;

/**
 * The report is kept as a row too; an operator who looks later finds it there.
 * @throws AppError READ_ONLY for a repair
 */
export async function reconcileStores(
  services: StorageServices,
  input: ReconcileStoresInput,
  run: JobRun,
): Promise<ReconcileReport> {
  if (input.repair) await assertWritesAllowed(services.db);
  const id = services.newId();
  await reconcileRecords.beginReport(services.db, id, input.repair ? 'repair' : 'check');
  const stores: StoreReport[] = [];
  for (const name of input.stores ?? (await instanceRecords.listStoreNames(services.db))) {
    stores.push(await reconcileStore(services, name, id, input, run));
  }
  const report = { id, repair: input.repair, stores, isClean: stores.every(isClean) };
  await reconcileRecords.finishReport(services.db, id, toJson(report));
  services.log[report.isClean ? 'info' : 'warn'](
    { reportId: id, isClean: report.isClean },
    'the stores were compared with the rows',
  );
  return report;
}

async function reconcileStore(
  services: StorageServices,
  name: string,
  id: string,
  input: ReconcileStoresInput,
  run: JobRun,
): Promise<StoreReport> {
  const usable = await findUsableStore(services, name);
  if ('reason' in usable) return emptyReport(name, usable.reason);
  const { store } = usable;
  const found = createFindings(services, input);
  try {
    const walk = await walkStore(services, store, id, run, found.onDamage);
    const ageMs = input.strayAgeMs ?? services.settings.storage.strayAgeMs;
    const strays = await reconcileRecords.countStrays(services.db, name, ageMs, namedMax);
    const removed = input.repair ? await removeStrays(services, store, ageMs, run) : 0;
    const unfinished = await reviewUnfinished(services, store, input, run);
    return { store: name, skipped: null, ...counts(walk), strays: { ...strays, removed }, unfinished, damaged: found.report() };
  } catch (error) {
    run.signal.throwIfAborted();
    services.log.warn({ err: error, store: name }, 'a store could not be compared to its end');
    return { ...emptyReport(name, error instanceof Error ? error.message : String(error)), damaged: found.report() };
  }
}

/** What the walk finds on its way; a repair acts on it at once. */
function createFindings(services: StorageServices, { repair }: ReconcileStoresInput) {
  const first: Damage[] = [];
  let count = 0;
  let quarantined = 0;
  return {
    async onDamage(damage: Damage): Promise<void> {
      count += 1;
      if (first.length < namedMax) first.push(damage);
      if (!repair) {
        const { sha256, store, fault, isReadable } = damage;
        services.log.warn({ sha256, store, fault, isReadable }, 'a place of a blob has lost its bytes');
      } else if ((await quarantineLocation(services, damage, 'storage:repair')) !== undefined) quarantined += 1;
    },
    report: () => ({ count, quarantined, first }),
  };
}

async function removeStrays(services: StorageServices, store: BlobStore, ageMs: number, run: JobRun): Promise<number> {
  const { db, log } = services;
  let removed = 0;
  let failure: Error | undefined;
  for (let after = ''; ; ) {
    run.signal.throwIfAborted();
    await assertWritesAllowed(db);
    const due = await reconcileRecords.findDueStrays(db, store.name, after, ageMs);
    const last = due.at(-1);
    if (last === undefined) break;
    after = last.key;
    for (let start = 0; start < due.length; start += removalsAtOnce) {
      const some = due.slice(start, start + removalsAtOnce).map(({ key }) => key);
      await failpoint('repair:before-stray');
      const removal = await tryRemoveObjects(services, store, some);
      await failpoint('repair:stray-removed');
      await reconcileRecords.forgetStrays(db, store.name, [...removal.removed]);
      removed += removal.removed.size;
      failure ??= removal.failure;
      if (removal.isAway && failure !== undefined) throw failure;
    }
    await run.progress(removed, null, `${store.name}: strays removed`);
  }
  if (failure !== undefined)
    log.warn({ err: failure, store: store.name }, 'strays could not be removed; the next repair tries again');
  return removed;
}

/** Half-written objects whose upload has ended or was never known, and that nobody has written to for the age of strays. */
async function reviewUnfinished(
  services: StorageServices,
  store: BlobStore,
  input: ReconcileStoresInput,
  run: JobRun,
): Promise<StoreReport['unfinished']> {
  const { resumable } = store;
  if (resumable === undefined) return { count: 0, first: [], removed: 0 };
  const { db, log, settings } = services;
  const ageMs = input.strayAgeMs ?? settings.storage.strayAgeMs;
  const before = await reconcileRecords.readClock(db);
  // This node's own clock may be hours off.
  const now = Date.parse(before);
  const first: string[] = [];
  let count = 0;
  let removed = 0;
  for await (const { key, changedAt } of resumable.listUnfinished(run.signal)) {
    if (now - changedAt.getTime() < ageMs) continue;
    const [known] = await reconcileRecords.findKnownObjects(db, store.name, [key], before);
    if (known?.isUploading === true) continue;
    count += 1;
    if (first.length < namedMax) first.push(key);
    if (!input.repair) continue;
    await failpoint('repair:before-abort');
    const removal = await tryRemoveObjects(services, store, [key], () => resumable.abort(key, {}));
    await failpoint('repair:aborted');
    removed += removal.removed.size;
    if (removal.failure === undefined) continue;
    if (removal.isAway) throw removal.failure;
    log.warn(
      { err: removal.failure, store: store.name },
      'a half-written object could not be ended; the next repair tries again',
    );
  }
  return { count, first, removed };
}

function counts({ objects, bytes, rows }: StoreWalk) {
  return { objects, bytes, rows };
}

function isClean({ skipped, strays, unfinished, damaged }: StoreReport): boolean {
  return skipped === null && strays.count === strays.removed && unfinished.count === unfinished.removed && damaged.count === 0;
}

function emptyReport(store: string, skipped: string): StoreReport {
  return {
    ...{ store, skipped, objects: 0, bytes: 0, rows: 0 },
    strays: { count: 0, bytes: 0, due: 0, first: [], removed: 0 },
    unfinished: { count: 0, first: [], removed: 0 },
    damaged: { count: 0, quarantined: 0, first: [] },
  };
}

/** Through JSON, so that what is kept is what `--json` prints. */
function toJson(report: ReconcileReport): JsonObject {
  return JSON.parse(JSON.stringify(report)) as JsonObject;
}
