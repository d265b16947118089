/** Forgets idempotency keys past their time: whoever sends one again begins anew. */
import { expiryRecords } from '#metadata/metadata.ts';
import type { JobRun, Services } from './context.ts';

const batchSize = 1000;

export async function expireKeys({ db }: Services, _input: object, run: JobRun): Promise<{ readonly forgotten: number }> {
  let forgotten = 0;
  for (let count = batchSize; count === batchSize; forgotten += count) {
    run.signal.throwIfAborted();
    count = await expiryRecords.deleteExpiredKeys(db, batchSize);
    await run.progress(forgotten + count, null, 'keys forgotten');
  }
  return { forgotten };
}
