/** How operations come by an upload session: of one's own project or not found, allowed or forbidden; and how it is shown. */
import { AppError } from '#base/app-error.ts';
import type { ErrorCode } from '#base/error-catalogue.ts';
import { isUuid } from '#base/id.ts';
import type { SlotEntry } from '#core/artifact.ts';
import { type uploadRecords, uploadSessionRecords } from '#metadata/metadata.ts';
import { completeResource } from './complete-resource.ts';
import type { OpContext } from './context.ts';
import { artifactNotFound } from './load-artifact.ts';

type Session = uploadSessionRecords.UploadSession;

/** What is known of an upload to whoever may send it. */
export interface UploadView {
  readonly id: string;
  readonly kind: 'whole' | 'partial' | 'final';
  readonly state: 'open' | 'receiving' | 'verifying' | 'finished' | 'failed' | 'aborted' | 'expired';
  /** Bytes that are durable. */
  readonly offset: number;
  /** Null while the sender has not said it. */
  readonly length: number | null;
  readonly expiresAt: Date;
  /** As the client wrote it at creation. */
  readonly metadata: string | null;
  /** Of a final upload: what it joins. */
  readonly parts: readonly string[] | null;
  /** Why it failed. */
  readonly errorCode: ErrorCode | null;
  /** Of a finished one, while its place still holds what was sent. */
  readonly entry?: (SlotEntry & { readonly artifactId: string; readonly kind: 'one' | 'map' }) | undefined;
}

/** @throws AppError UPLOAD_NOT_FOUND before any FORBIDDEN */
export async function loadUpload(context: OpContext, id: string): Promise<Session> {
  const lower = id.toLowerCase();
  const session = isUuid(lower) ? await uploadSessionRecords.findSession(context.db, lower) : undefined;
  if (session === undefined || session.kind === 'single') throw uploadNotFound(id);
  const { caller, policy } = context;
  if (session.project !== caller.project && !caller.isAdmin) throw uploadNotFound(id);
  // A part belongs to no artifact yet.
  if (session.artifact === null) policy.authorise(caller, 'upload:part', { project: session.project });
  else policy.authorise(caller, 'blob:upload', await completeResource(context, 'blob:upload', session.artifact));
  return session;
}

export function toView(session: Session, entry?: UploadView['entry']): UploadView {
  const { id, kind, offset, length, expiresAt, metadata, parts } = session;
  if (kind === 'single') throw new Error('an upload of one request has no view');
  const isOver = session.isPastExpiry && !session.hasWriter && (session.state === 'open' || session.state === 'receiving');
  const state = isOver ? 'expired' : session.state;
  const errorCode = session.errorCode as ErrorCode | null;
  return { id, kind, state, offset, length, expiresAt, metadata, parts, errorCode, ...(entry === undefined ? {} : { entry }) };
}

/** The same words for what does not exist and what is another project's. */
export function uploadNotFound(id: string): AppError {
  return new AppError('UPLOAD_NOT_FOUND', `There is no upload ${id.slice(0, 100).toWellFormed()}.`);
}

export function uploadGone(session: { readonly state: string; readonly errorCode: string | null }): AppError {
  const { state, errorCode } = session;
  const shown = state === 'open' || state === 'receiving' ? 'expired' : state;
  const detail =
    errorCode === null ? `The upload has ${shown === 'expired' ? 'expired' : 'been ended'}.` : `The upload failed: ${errorCode}.`;
  return new AppError('UPLOAD_GONE', detail, { details: { state: shown, ...(errorCode === null ? {} : { error: errorCode }) } });
}

/** @throws AppError UPLOAD_GONE */
export function assertAlive(session: Session): void {
  assertViewAlive(toView(session));
}

/** @throws AppError UPLOAD_GONE */
export function assertViewAlive(upload: UploadView): void {
  const { state } = upload;
  if (state === 'aborted' || state === 'expired' || state === 'failed') throw uploadGone(upload);
}

/** The artifact whose place it fills. @throws AppError ARTIFACT_NOT_FOUND where it was deleted */
export function artifactOf(session: Session): uploadRecords.UploadTarget {
  if (session.artifact === null || session.artifact.state === 'deleted') throw artifactNotFound(session.artifact?.id ?? '');
  return session.artifact;
}
