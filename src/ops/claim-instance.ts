/** At start: this node and the database belong together, by one instance id and one instance key. */
import { createHmac, randomUUID } from 'node:crypto';
import { AppError } from '#base/app-error.ts';
import type { Database } from '#metadata/database.ts';
import { instanceRecords } from '#metadata/metadata.ts';

/** The instance's id. @throws AppError INSTANCE_KEY_MISMATCH */
export async function claimInstance(db: Database, instanceKey: Uint8Array): Promise<string> {
  // Only a fingerprint is kept: enough to refuse a node whose cursors and tokens no other node could read.
  const keyFingerprint = createHmac('sha256', instanceKey).update('vitrine instance key fingerprint').digest('hex').slice(0, 32);
  const instance = await instanceRecords.claimInstance(db, { id: randomUUID(), keyFingerprint });
  if (instance.keyFingerprint !== keyFingerprint) throw new AppError('INSTANCE_KEY_MISMATCH');
  return instance.id;
}
