/**
 * The one writer of an upload session. A newcomer leaves word in the session's row; the holder, who looks there twice a second,
 * ends soon and lets go. A holder that died is waited for until its lease has run out.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '#base/app-error.ts';
import { failpoint } from '#base/failpoint.ts';
import { uploadSessionRecords, uploadWriterRecords } from '#metadata/metadata.ts';
import type { Services } from './context.ts';
import { uploadGone, uploadNotFound } from './load-upload.ts';

const { sessionLeaseMs } = uploadSessionRecords;
const renewEveryMs = sessionLeaseMs / 3;
const watchEveryMs = 500;
const askEveryMs = 150;
/** A dead holder's lease, and the time a live one needs to let go. */
const waitMs = sessionLeaseMs + 4_000;

export interface HoldRequest extends Omit<uploadWriterRecords.WriterRequest, 'writer' | 'ttlMs'> {
  readonly signal: AbortSignal;
}

export interface UploadLease extends AsyncDisposable {
  readonly writer: string;
  /** As it was when the lease began. */
  readonly session: uploadSessionRecords.UploadSession;
  /** Aborts when the session is another's: nothing may be written from then on. */
  readonly lost: AbortSignal;
  /**
   * Before each write: after a pause of the whole process its timers come too late to stop it. @throws AppError UPLOAD_LOCKED where
   * another may have the session by now
   */
  assertHeld(): void;
  /** Aborts when another waits: what was received is to be kept, and the session let go. */
  readonly wanted: AbortSignal;
}

/** Undefined while another holds it, or its state is none of those asked for. */
export async function tryHoldUpload(services: Services, request: HoldRequest): Promise<UploadLease | undefined> {
  const writer = services.newId();
  const begunAt = performance.now();
  const session = await uploadWriterRecords.acquireWriter(services.db, {
    ...request,
    writer,
    ttlMs: services.settings.uploadTtlMs,
  });
  return session === undefined ? undefined : keepLease(services, session, writer, begunAt);
}

/**
 * Waits for the session, asking whoever holds it to let go.
 * @throws AppError UPLOAD_NOT_FOUND, UPLOAD_GONE, UPLOAD_OFFSET_MISMATCH, UPLOAD_LOCKED
 */
export async function holdUpload(services: Services, request: HoldRequest): Promise<UploadLease> {
  const until = performance.now() + waitMs;
  for (;;) {
    const lease = await tryHoldUpload(services, request);
    if (lease !== undefined) return lease;
    const session = await uploadSessionRecords.findSession(services.db, request.id);
    if (session === undefined) throw uploadNotFound(request.id);
    assertCanBeHad(session, request);
    if (performance.now() > until) throw new AppError('UPLOAD_LOCKED');
    if (session.wantedBy === null) await uploadWriterRecords.askWriter(services.db, request.id, services.settings.nodeId);
    await failpoint('upload:hand-over');
    await sleep(askEveryMs, undefined, { signal: request.signal });
  }
}

/** The present holder may have ended the session, or come further: then there is nothing to wait for. */
function assertCanBeHad(session: uploadSessionRecords.UploadSession, request: HoldRequest): void {
  const { state, offset } = session;
  if (state === 'aborted' || state === 'expired' || state === 'failed') throw uploadGone(session);
  if (session.isPastExpiry && !session.hasWriter && state !== 'verifying') throw uploadGone(session);
  const isElsewhere = request.offset !== undefined && request.offset !== offset;
  if (isElsewhere || !request.states.includes(state)) throw offsetMismatch(session);
}

export function offsetMismatch({ offset }: Pick<uploadSessionRecords.UploadSession, 'offset'>): AppError {
  return new AppError('UPLOAD_OFFSET_MISMATCH', `The upload stands at ${offset}.`, { details: { offset } });
}

function keepLease(
  services: Services,
  session: uploadSessionRecords.UploadSession,
  writer: string,
  begunAt: number,
): UploadLease {
  const { db, log } = services;
  const { id } = session;
  const lost = new AbortController();
  const wanted = new AbortController();
  // By this process's own clock, counted from before the request: over here before it is over there.
  let validUntil = begunAt + sessionLeaseMs;
  const lose = () => lost.abort(new AppError('UPLOAD_LOCKED', 'Another request took over this upload.'));
  const warn = (error: unknown) => log.warn({ err: error, uploadId: id }, 'the lease of an upload could not be looked after');
  const ignore = () => undefined;
  const renewal = setInterval(() => {
    const askedAt = performance.now();
    if (askedAt > validUntil - renewEveryMs / 2) {
      lose();
      return;
    }
    uploadWriterRecords.renewWriter(db, id, writer).then((isHeld) => {
      if (isHeld) validUntil = askedAt + sessionLeaseMs;
      else lose();
    }, warn);
  }, renewEveryMs);
  const watch = setInterval(() => {
    uploadWriterRecords.watchWriter(db.reads, id, writer).then((standing) => {
      if (!standing.isHeld) lose();
      else if (standing.isWanted) wanted.abort();
      // A database that is away is the renewal's to tell: looking twice a second would tell it too often.
    }, ignore);
  }, watchEveryMs);
  return {
    writer,
    session,
    lost: lost.signal,
    wanted: wanted.signal,
    assertHeld() {
      if (performance.now() > validUntil) lose();
      lost.signal.throwIfAborted();
    },
    [Symbol.asyncDispose]: async () => {
      clearInterval(renewal);
      clearInterval(watch);
      // Not told, the others wait for the lease to run out.
      await uploadWriterRecords.releaseWriter(db, id, writer).catch(warn);
    },
  };
}
