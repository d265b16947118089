/** The job that ends an upload whose bytes are all there: whoever received them could not, or did not live to. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isAppError } from '#base/app-error.ts';
import { randomId } from '#base/id.ts';
import { uploadSessionRecords } from '#metadata/metadata.ts';
import { createCaller } from '#policy/policy.ts';
import { completeReceived } from './complete-upload.ts';
import { createContext, type JobRun, type OpContext, type Services } from './context.ts';
import { tryHoldUpload, type UploadLease } from './hold-upload.ts';
import { enqueueVerify } from './write-upload.ts';

const holdEveryMs = 250;
const holdMaxMs = 3_000;

export interface VerifyUploadInput {
  readonly uploadId: string;
}

export interface VerifiedUpload {
  /** `gone`: nothing to do any more. `busy`: another has it; asked again later. */
  readonly outcome: 'finished' | 'failed' | 'gone' | 'busy';
}

/** Run again after a failure it goes on where it was. @throws whatever may go better another time */
export async function verifyUpload(services: Services, input: VerifyUploadInput, run: JobRun): Promise<VerifiedUpload> {
  const { uploadId: id } = input;
  const lease = await holdSoon(services, id, run.signal);
  if (lease === undefined) return passOn(services, id);
  await using held = lease;
  const context = contextOf(services, held.session, AbortSignal.any([run.signal, held.lost]));
  const signalled = { ...held, lost: context.signal };
  try {
    await completeReceived(context, signalled, { readMaxBytes: Number.POSITIVE_INFINITY, run });
    return { outcome: 'finished' };
  } catch (error) {
    const after = await uploadSessionRecords.findSession(services.db, id);
    if (after?.state !== 'failed') throw error;
    const code = isAppError(error) ? error.code : undefined;
    services.log.warn({ uploadId: id, code }, 'an upload failed its verification');
    return { outcome: 'failed' };
  }
}

/** Whoever received the last byte is most often about to finish, or to let go. */
async function holdSoon(services: Services, id: string, signal: AbortSignal): Promise<UploadLease | undefined> {
  for (let waited = 0; ; waited += holdEveryMs) {
    const lease = await tryHoldUpload(services, { id, states: ['verifying'], offset: undefined, signal });
    if (lease !== undefined || waited >= holdMaxMs) return lease;
    const session = await uploadSessionRecords.findSession(services.db, id);
    if (session?.state !== 'verifying') return undefined;
    await sleep(holdEveryMs, undefined, { signal });
  }
}

async function passOn(services: Services, id: string): Promise<VerifiedUpload> {
  const session = await uploadSessionRecords.findSession(services.db, id);
  if (session?.state !== 'verifying') return { outcome: 'gone' };
  await enqueueVerify(services, services.db, id, uploadSessionRecords.sessionLeaseMs + 1_000);
  return { outcome: 'busy' };
}

/** In the name of the sender, with the facts of its last request: the policy was asked then. */
function contextOf(services: Services, session: uploadSessionRecords.UploadSession, signal: AbortSignal): OpContext {
  const { createdBy, project, origin } = session;
  return createContext(services, {
    caller: createCaller(createdBy, project, []),
    requestId: origin?.requestId ?? `req-${randomId()}`,
    traceparent: origin?.traceparent ?? undefined,
    sourceAddress: origin?.sourceAddress ?? undefined,
    signal,
  });
}
