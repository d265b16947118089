/** Deletes for good what was deleted with a delay that is over: some at a time, each in a transaction of its own. */
import { failpoint } from '#base/failpoint.ts';
import { randomId } from '#base/id.ts';
import { artifactRecords, purgeRecords } from '#metadata/metadata.ts';
import { createCaller } from '#policy/policy.ts';
import { createContext, type JobRun, type Services } from './context.ts';
import { recordArtifactChange } from './record-change.ts';

export interface PurgeArtifactsInput {
  /** How many at once; by default the setting. */
  readonly concurrency?: number | undefined;
}

export interface PurgedArtifacts {
  readonly purged: number;
}

/** Who is named in the audit trail. */
const actor = 'vitrine:artifacts:purge';

/** Safe beside any number of others of its kind, and beside whoever restores: either of the two has the artifact. */
export async function purgeArtifacts(services: Services, input: PurgeArtifactsInput, run: JobRun): Promise<PurgedArtifacts> {
  const requestId = `req-${randomId()}`;
  const total = await purgeRecords.countDue(services.db);
  let purged = 0;
  const work = async (): Promise<void> => {
    while (!run.signal.aborted && (await purgeOne(services, requestId, run.signal))) {
      purged += 1;
      await run.progress(purged, Math.max(total, purged), 'artifacts purged');
    }
  };
  const workers = Math.min(total, input.concurrency ?? services.settings.storage.purgeConcurrency);
  await Promise.all(Array.from({ length: workers }, work));
  run.signal.throwIfAborted();
  if (purged > 0) services.log.info({ purged }, 'deleted artifacts whose delay was over were purged');
  return { purged };
}

async function purgeOne(services: Services, requestId: string, signal: AbortSignal): Promise<boolean> {
  return services.db.transaction(
    async (tx) => {
      const due = await purgeRecords.takeDue(tx);
      if (due === undefined) return false;
      await failpoint('purge:taken');
      const artifact = await artifactRecords.deleteArtifact(tx, due.id);
      await failpoint('purge:rows');
      const context = createContext(services, { caller: createCaller(actor, due.project, []), requestId, signal });
      const detail = { reason: 'The delay of its delete was over.' };
      await recordArtifactChange(tx, context, { kind: 'artifact.deleted', action: 'artifact:delete', detail }, artifact);
      return true;
    },
    { signal },
  );
}
