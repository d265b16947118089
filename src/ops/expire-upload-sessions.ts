/** Ends upload sessions that are past their time, removes what they wrote, forgets them, and wakes verifications that were lost. */
import { failpoint } from '#base/failpoint.ts';
import { uploadEndRecords, uploadSessionRecords } from '#metadata/metadata.ts';
import { clearUpload } from './clear-upload.ts';
import type { JobRun, Services } from './context.ts';
import { enqueueVerify } from './write-upload.ts';

const batchSize = 200;
const firstId = '00000000-0000-0000-0000-000000000000';

export interface ExpiredUploads {
  /** Ended now. */
  readonly expired: number;
  /** Of which everything written is gone. */
  readonly cleared: number;
  /** Left as they are: what they wrote could not be removed. */
  readonly left: number;
  /** Asked to be verified once more. */
  readonly woken: number;
}

/** Safe beside any number of others of its kind, and beside writers: a session with a live one is not touched. */
export async function expireUploadSessions(services: Services, _input: object, run: JobRun): Promise<ExpiredUploads> {
  let expired = 0;
  for (let count = batchSize; count === batchSize; expired += count) {
    run.signal.throwIfAborted();
    count = await uploadEndRecords.expireSessions(services.db, batchSize);
  }
  await failpoint('upload:expired');
  const { cleared, left } = await clearAll(services, run);
  while ((await uploadEndRecords.forgetPastSessions(services.db, batchSize)) === batchSize) run.signal.throwIfAborted();
  const woken = await wakeStalled(services);
  return { expired, cleared, left, woken };
}

async function clearAll(services: Services, run: JobRun): Promise<{ cleared: number; left: number }> {
  let cleared = 0;
  let left = 0;
  let afterId: string | undefined = firstId;
  while (afterId !== undefined) {
    const batch: readonly uploadEndRecords.EndedUpload[] = await uploadEndRecords.listUncleared(services.db, afterId, batchSize);
    for (const upload of batch) {
      run.signal.throwIfAborted();
      if (await clearUpload(services, upload)) cleared += 1;
      else left += 1;
    }
    await run.progress(cleared, null, 'ended uploads cleared');
    afterId = batch.length < batchSize ? undefined : batch.at(-1)?.id;
  }
  return { cleared, left };
}

async function wakeStalled(services: Services): Promise<number> {
  const ids = await uploadEndRecords.listStalledSessions(services.db, 5 * uploadSessionRecords.sessionLeaseMs, batchSize);
  for (const id of ids) await enqueueVerify(services, services.db, id);
  return ids.length;
}
