/** Takes a place whose bytes are not the blob's from its readers, and says which artifacts that hits. */
import { AppError } from '#base/app-error.ts';
import { failpoint } from '#base/failpoint.ts';
import { eventRecords, quarantineRecords } from '#metadata/metadata.ts';
import type { Services } from './context.ts';
import { findUsableStore } from './usable-store.ts';

/** A place that lost its bytes. */
export interface DamagedPlace {
  readonly locationId: string;
  readonly blobId: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly store: string;
  readonly objectKey: string;
  readonly fault: quarantineRecords.LocationFault;
}

/** As a report shows it. */
export interface Damage extends DamagedPlace {
  /** The blob can still be read from another place. */
  readonly isReadable: boolean;
  /** Artifacts with the blob; only some of many. */
  readonly artifacts: readonly DamagedArtifact[];
}

interface DamagedArtifact {
  readonly id: string;
  readonly label: string;
  readonly slot: string;
  readonly path: string;
}

const namedMax = 50;
/** Of a blob that very many share, no more artifacts get an event of their own. */
const eventsMax = 1_000;

/** What the damage means, without a change. */
export async function describeDamage(services: Pick<Services, 'db'>, place: DamagedPlace): Promise<Damage> {
  const hit = await quarantineRecords.findHitArtifacts(services.db, place.blobId, namedMax);
  const isReadable = await quarantineRecords.hasOtherPlace(services.db, place.blobId, place.locationId);
  return { ...place, isReadable, artifacts: hit.map(toDamaged) };
}

/**
 * Undefined when the place is no longer live: it was removed or replaced meanwhile, and nothing is to be said.
 * @throws AppError STORE_UNAVAILABLE when the store as a whole is not what it should be: then no object of it is missing
 */
export async function quarantineLocation(
  services: Pick<Services, 'db' | 'blobs' | 'log'>,
  place: DamagedPlace,
  action: 'storage:repair' | 'storage:scrub',
): Promise<Damage | undefined> {
  const { db, log } = services;
  const { locationId, sha256, store, objectKey, fault } = place;
  const usable = fault === 'digest' ? undefined : await findUsableStore(services, store);
  if (usable !== undefined && 'reason' in usable) {
    throw new AppError('STORE_UNAVAILABLE', `The store ${store} is left out: it ${usable.reason}.`);
  }
  await failpoint('quarantine:before');
  const outcome = await db.transaction(async (tx) => {
    const blobId = await quarantineRecords.quarantine(tx, locationId, fault);
    if (blobId === undefined) return undefined;
    const isReadable = await quarantineRecords.hasOtherPlace(tx, blobId, locationId);
    const hit = await quarantineRecords.findHitArtifacts(tx, blobId, eventsMax);
    for (const artifact of isReadable ? [] : hit) {
      await eventRecords.insertChange(tx, {
        ...{ kind: 'artifact.blob.damaged', action, subjectType: 'artifact', caller: 'vitrine' },
        ...{ project: artifact.project, subjectId: artifact.id, revision: artifact.revision },
        payload: { slot: artifact.slot, path: artifact.path, sha256, fault },
        detail: { slot: artifact.slot, path: artifact.path, sha256, fault, store, objectKey },
        ...{ requestId: null, traceparent: null, sourceAddress: null },
      });
    }
    return { isReadable, artifacts: hit.slice(0, namedMax).map(toDamaged), count: hit.length };
  });
  await failpoint('quarantine:done');
  if (outcome === undefined) return undefined;
  const { isReadable, artifacts, count } = outcome;
  log.error({ sha256, store, objectKey, fault, isReadable, artifacts: count }, 'a place of a blob is quarantined');
  return { ...place, isReadable, artifacts };
}

function toDamaged({ id, project, type, name, version, slot, path }: quarantineRecords.HitArtifact): DamagedArtifact {
  const label = name === null ? `${project}/${type}` : `${project}/${type}/${name}${version === null ? '' : `@${version}`}`;
  return { id, label, slot, path };
}
