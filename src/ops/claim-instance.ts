/** At start: this node and the database belong together, by one instance id and one instance key. */
import { createHmac, randomUUID } from 'node:crypto';
import { AppError } from '#base/app-error.ts';
import type { Database } from '#metadata/database.ts';
import { instanceRecords } from '#metadata/metadata.ts';

/** Where this node has its key; as the configuration's room offers it. */
interface KeySource {
  readonly place: string;
  find(): Promise<Uint8Array | undefined>;
  findOrMake(): Promise<Uint8Array>;
}

export interface ClaimedInstance {
  readonly id: string;
  readonly key: Uint8Array;
}

/**
 * A key is made for a database without an instance only: to one that has tokens and cursors of another key, a new key would be
 * of no use, and would hide that the old one is gone.
 * @throws AppError INSTANCE_KEY_MISMATCH, with nothing written; and what the source throws
 */
export async function claimInstance(db: Database, source: KeySource): Promise<ClaimedInstance> {
  const known = await instanceRecords.findInstance(db);
  const key = known === undefined ? await source.findOrMake() : await source.find();
  if (key === undefined) {
    const detail = `The instance key ${source.place} is gone, and the database was made with it.`;
    throw new AppError('INSTANCE_KEY_MISMATCH', detail);
  }
  // Only a fingerprint is kept: enough to refuse a node whose cursors and tokens no other node could read.
  const keyFingerprint = createHmac('sha256', key).update('vitrine instance key fingerprint').digest('hex').slice(0, 32);
  // Of two nodes that start at once on an empty database, one comes second.
  const instance = known ?? (await instanceRecords.claimInstance(db, { id: randomUUID(), keyFingerprint }));
  if (instance.keyFingerprint !== keyFingerprint) {
    throw new AppError('INSTANCE_KEY_MISMATCH', `The instance key ${source.place} is not the one this database was made with.`);
  }
  return { id: instance.id, key };
}
