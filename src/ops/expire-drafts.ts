/** Deletes drafts past their time, as their owner would: with event and audit, and a tombstone that stays. */
import { failpoint } from '#base/failpoint.ts';
import { randomId } from '#base/id.ts';
import { artifactRecords, expiryRecords } from '#metadata/metadata.ts';
import { createCaller } from '#policy/policy.ts';
import { createContext, type JobRun, type Services } from './context.ts';
import { recordArtifactChange } from './record-change.ts';

export interface ExpiredDrafts {
  readonly deleted: number;
  /** In use when they were looked at: published, protected or written to meanwhile. */
  readonly left: number;
}

const batchSize = 200;

/** Who is named in the audit trail. */
const actor = 'vitrine:drafts:expire';

/** Safe beside any number of others of its kind. A draft that somebody uploads to is left until nobody does. */
export async function expireDrafts(services: Services, _input: object, run: JobRun): Promise<ExpiredDrafts> {
  const requestId = `req-${randomId()}`;
  let [deleted, left] = [0, 0];
  for (let afterId: string | undefined = expiryRecords.firstId; afterId !== undefined; ) {
    const ids = await expiryRecords.listExpiredDrafts(services.db, afterId, batchSize);
    for (const id of ids) {
      run.signal.throwIfAborted();
      if (await expireDraft(services, id, requestId, run.signal)) deleted += 1;
      else left += 1;
    }
    await run.progress(deleted, null, 'drafts deleted');
    afterId = ids.length < batchSize ? undefined : ids.at(-1);
  }
  if (deleted > 0) services.log.info({ deleted }, 'drafts past their time were deleted');
  return { deleted, left };
}

async function expireDraft(services: Services, id: string, requestId: string, signal: AbortSignal): Promise<boolean> {
  return services.db.transaction(
    async (tx) => {
      const project = await expiryRecords.lockExpiredDraft(tx, id);
      if (project === undefined) return false;
      await failpoint('draft:expire');
      const draft = await artifactRecords.deleteArtifact(tx, id);
      const context = createContext(services, { caller: createCaller(actor, project, []), requestId, signal });
      const change = { kind: 'artifact.deleted', action: 'artifact:delete', detail: { reason: 'The draft expired.' } } as const;
      await recordArtifactChange(tx, context, change, draft);
      return true;
    },
    { signal },
  );
}
