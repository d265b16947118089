/**
 * Reads stored bytes again and compares them with their digest, oldest verified first, no faster than it may. What is wrong is
 * quarantined; what was, and has its bytes again, comes back. A run that was cut off goes on where it was: each place keeps when
 * it was verified.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isAppError } from '#base/app-error.ts';
import { failpoint } from '#base/failpoint.ts';
import type { JsonObject } from '#base/json.ts';
import type { BlobStore } from '#blobs/blob-store.ts';
import { collectRecords, instanceRecords, quarantineRecords, reconcileRecords, scrubRecords } from '#metadata/metadata.ts';
import { assertWritesAllowed } from './assert-writes-allowed.ts';
import type { JobRun, StorageServices } from './context.ts';
import { type Damage, type DamagedPlace, quarantineLocation } from './quarantine-location.ts';
import { findUsableStore, type SkippedStore } from './usable-store.ts';

export interface ScrubBlobsInput {
  /** Only what was not verified for so long; by default the setting. 0: everything there is when the scrub begins. */
  readonly olderThanMs?: number | undefined;
  readonly bytesPerSecond?: number | undefined;
  /** Only these; by default every store that the database knows. */
  readonly stores?: readonly string[] | undefined;
}

export interface ScrubReport {
  readonly id: string;
  readonly verified: number;
  readonly verifiedBytes: number;
  /** Quarantined before, and live again. */
  readonly restored: number;
  readonly quarantined: number;
  /** There, of the right size, and could not be read to their end: left as they are, and tried again by the next scrub. */
  readonly unreadable: number;
  /** Some of many. */
  readonly damaged: readonly Damage[];
  readonly skippedStores: readonly SkippedStore[];
}

interface Scrub {
  readonly services: StorageServices;
  readonly run: JobRun;
  readonly bytesPerSecond: number;
  readonly startedAt: number;
  readBytes: number;
  verified: number;
  restored: number;
  quarantined: number;
  unreadable: number;
  readonly damaged: Damage[];
}

/** What was read from a place: the right bytes, a fault, or nothing that could be judged. */
type Verdict = 'right' | 'unreadable' | quarantineRecords.LocationFault;

const namedMax = 100;
/** Small blobs are noted together: one statement for each would cost more than reading them. */
const notedAtOnce = 50;
const notedAfterMs = 2_000;

/** @throws AppError READ_ONLY */
export async function scrubBlobs(services: StorageServices, input: ScrubBlobsInput, run: JobRun): Promise<ScrubReport> {
  await assertWritesAllowed(services.db);
  const { storage } = services.settings;
  const id = services.newId();
  await reconcileRecords.beginReport(services.db, id, 'scrub');
  const before = await scrubRecords.readScrubLimit(services.db, input.olderThanMs ?? storage.scrubAfterMs);
  const scrub: Scrub = {
    ...{ services, run, bytesPerSecond: input.bytesPerSecond ?? storage.scrubBytesPerSecond, startedAt: performance.now() },
    ...{ readBytes: 0, verified: 0, restored: 0, quarantined: 0, unreadable: 0, damaged: [] },
  };
  const skippedStores: SkippedStore[] = [];
  for (const name of input.stores ?? (await instanceRecords.listStoreNames(services.db))) {
    const usable = await findUsableStore(services, name);
    const skipped = 'reason' in usable ? usable : await scrubStore(scrub, usable.store, before);
    if (skipped !== undefined) skippedStores.push(skipped);
  }
  const { verified, restored, quarantined, unreadable, damaged, readBytes: verifiedBytes } = scrub;
  const counts = { verified, verifiedBytes, restored, quarantined, unreadable };
  const report: ScrubReport = { id, ...counts, damaged, skippedStores };
  await reconcileRecords.finishReport(services.db, id, JSON.parse(JSON.stringify(report)) as JsonObject);
  services.log.info({ reportId: id, ...counts, skippedStores }, 'stored bytes were read again');
  return report;
}

/** Undefined, or why it ended early. */
async function scrubStore(scrub: Scrub, store: BlobStore, before: string): Promise<SkippedStore | undefined> {
  try {
    await scrubQuarantined(scrub, store);
    await scrubDue(scrub, store, before);
    return undefined;
  } catch (error) {
    scrub.run.signal.throwIfAborted();
    if (!isAppError(error, 'STORE_UNAVAILABLE')) throw error;
    scrub.services.log.warn({ err: error, store: store.name }, 'a store could not be scrubbed to its end');
    return { store: store.name, reason: error.message };
  }
}

async function scrubDue(scrub: Scrub, store: BlobStore, before: string): Promise<void> {
  const { services, run } = scrub;
  const total = await scrubRecords.countDueScrubs(services.db, store.name, before);
  const noter = createNoter(services);
  let done = 0;
  try {
    for (let last: scrubRecords.DueScrub | undefined; ; ) {
      run.signal.throwIfAborted();
      const due: readonly scrubRecords.DueScrub[] = await scrubRecords.findDueScrubs(services.db, store.name, before, last);
      last = due.at(-1);
      if (last === undefined) return;
      for (const place of due) {
        const verdict = await judge(scrub, store, place);
        if (verdict === 'right') {
          scrub.verified += 1;
          await noter.note(place.id);
        } else await setAside(scrub, store, place, verdict);
        done += 1;
        await run.progress(done, total, store.name);
      }
    }
  } finally {
    await noter.flush();
  }
}

/** What came back, because a disk or a backup did, is live again once its bytes are the right ones. */
async function scrubQuarantined(scrub: Scrub, store: BlobStore): Promise<void> {
  const { db, log } = scrub.services;
  for (let after = collectRecords.firstId; ; ) {
    const page = await quarantineRecords.listQuarantined(db, store.name, after);
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.id;
    for (const place of page) {
      if ((await judge(scrub, store, place)) !== 'right') continue;
      await failpoint('scrub:before-restore');
      if (!(await db.transaction((tx) => quarantineRecords.restore(tx, place.id)))) continue;
      scrub.restored += 1;
      log.info({ sha256: place.sha256, store: store.name }, 'a quarantined place of a blob has its bytes again');
    }
  }
}

async function setAside(
  scrub: Scrub,
  store: BlobStore,
  due: scrubRecords.DueScrub,
  fault: Exclude<Verdict, 'right'>,
): Promise<void> {
  if (fault === 'unreadable') {
    scrub.unreadable += 1;
    scrub.services.log.error({ sha256: due.sha256, store: store.name, objectKey: due.objectKey }, 'a blob cannot be read');
    return;
  }
  const { id: locationId, blobId, sha256, sizeBytes, objectKey } = due;
  const place: DamagedPlace = { locationId, blobId, sha256, sizeBytes, store: store.name, objectKey, fault };
  const damage = await quarantineLocation(scrub.services, place, 'storage:scrub');
  if (damage === undefined) return;
  scrub.quarantined += 1;
  if (scrub.damaged.length < namedMax) scrub.damaged.push(damage);
}

/** Wrong bytes are read twice before they are believed wrong. @throws AppError STORE_UNAVAILABLE */
async function judge(
  scrub: Scrub,
  store: BlobStore,
  place: Pick<scrubRecords.DueScrub, 'objectKey' | 'sizeBytes' | 'sha256'>,
): Promise<Verdict> {
  for (let attempt = 1; ; attempt += 1) {
    const stored = await store.stat(place.objectKey);
    if (stored === undefined) return 'missing';
    if (stored.sizeBytes !== place.sizeBytes) return 'size';
    await failpoint('scrub:before-read');
    const { bytesPerSecond, run } = scrub;
    const read = await scrub.services.blobs
      .digest(store, place.objectKey, { signal: run.signal, bytesPerSecond })
      .catch((error: unknown) => {
        // Gone since the look: the next look says so.
        if (isAppError(error, 'BLOB_UNAVAILABLE')) return undefined;
        throw error;
      });
    scrub.readBytes += read?.sizeBytes ?? 0;
    await keepPace(scrub);
    if (read?.sha256 === place.sha256) return 'right';
    if (attempt === 2) return read === undefined ? 'unreadable' : 'digest';
  }
}

/** Many small blobs are held to the rate together. */
async function keepPace({ readBytes, bytesPerSecond, startedAt, run }: Scrub): Promise<void> {
  const earlyMs = (readBytes / bytesPerSecond) * 1000 - (performance.now() - startedAt);
  if (earlyMs > 1) await sleep(earlyMs, undefined, { signal: run.signal });
}

function createNoter({ db }: StorageServices) {
  let ids: string[] = [];
  let notedAt = performance.now();
  const flush = async (): Promise<void> => {
    notedAt = performance.now();
    if (ids.length === 0) return;
    const noted = ids;
    ids = [];
    await failpoint('scrub:before-note');
    await scrubRecords.noteVerified(db, noted);
    await failpoint('scrub:noted');
  };
  return {
    flush,
    async note(id: string): Promise<void> {
      ids.push(id);
      if (ids.length >= notedAtOnce || performance.now() - notedAt >= notedAfterMs) await flush();
    },
  };
}
