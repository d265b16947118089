/** Joins finished partial uploads, in the order given, into one blob in a place of a draft. */
import { AppError } from '#base/app-error.ts';
import type { Sql } from '#metadata/database.ts';
import { artifactRecords, uploadSessionRecords } from '#metadata/metadata.ts';
import { readBackMaxBytes } from './append-upload.ts';
import {
  assertFewOpen,
  assertLength,
  type BeginUploadInput,
  type BegunUpload,
  insertSession,
  newSession,
  openSession,
  resumableStore,
} from './begin-upload.ts';
import { claimPlace } from './claim-place.ts';
import { completeUpload } from './complete-upload.ts';
import type { OpContext } from './context.ts';
import { tryHoldUpload } from './hold-upload.ts';
import { loadUpload, toView, uploadGone, uploadNotFound } from './load-upload.ts';
import { assertRoom, assertWritable, chooseMediaType, findSlotTarget } from './slot-place.ts';
import { enqueueVerify, openProgress } from './write-upload.ts';

type Session = uploadSessionRecords.UploadSession;

export interface JoinUploadsInput extends Omit<BeginUploadInput, 'lengthBytes'> {
  /** Ids of partial uploads, each finished, none twice. */
  readonly parts: readonly string[];
}

const partsMax = 1000;

/**
 * The answer's state is `verifying` where copying takes long: a job does it. Asked again, it answers the join that was made.
 * @throws AppError as beginUpload does, UPLOAD_NOT_FOUND, UPLOAD_GONE, UPLOAD_INCOMPLETE, INPUT_INVALID
 */
export async function joinUploads(context: OpContext, input: JoinUploadsInput): Promise<BegunUpload> {
  const { artifact, rule, place } = await findSlotTarget(context, 'blob:upload', input);
  const mediaType = chooseMediaType(rule, input.mediaType);
  const store = resumableStore(context, input.store);
  const limitBytes = Math.min(rule.maxBytes ?? context.settings.maxBlobBytes, context.settings.maxBlobBytes);
  const ids = input.parts.map((id) => id.toLowerCase());
  if (ids.length === 0 || ids.length > partsMax || new Set(ids).size !== ids.length) {
    throw new AppError('INPUT_INVALID', `A final upload names 1 to ${partsMax} partial ones, none of them twice.`);
  }
  const parts = [];
  for (const id of ids) parts.push(await loadUpload(context, id));
  const earlier = await findEarlierJoin(context, parts, place);
  if (earlier !== undefined) return { upload: toView(earlier), isNew: false };
  const lengthBytes = sumLengths(parts);
  assertLength(lengthBytes, limitBytes);
  const session = {
    ...newSession(context, { ...input, lengthBytes }, store, limitBytes),
    ...place,
    kind: 'final' as const,
    project: artifact.project,
    mediaType,
    declared: input.declared ?? null,
    parts: ids,
  };
  const begun = await openSession(context, session.id, async (tx) => {
    assertWritable(await artifactRecords.lockArtifact(tx, artifact.id), input.expectedRevision);
    const claim = await claimPlace(tx, context, place);
    await assertRoom(tx, place, rule);
    await assertFewOpen(tx, artifact.project);
    await takeParts(tx, context, ids, session.id);
    await insertSession(tx, session);
    await enqueueVerify(context, tx, session.id);
    return claim;
  });
  if (lengthBytes <= readBackMaxBytes) await joinNow(context, session.id);
  return { ...begun, upload: toView(await loadUpload(context, session.id)) };
}

/** Few bytes are joined while the client waits; when that fails, the job that was asked for does it. */
async function joinNow(context: OpContext, id: string): Promise<void> {
  const held = await tryHoldUpload(context, { id, states: ['verifying'], offset: undefined, signal: context.signal });
  if (held === undefined) return;
  await using lease = held;
  const progress = await openProgress(context, lease);
  await completeUpload(context, lease, progress, { readMaxBytes: readBackMaxBytes });
}

/** Locked: a part is joined once at a time, and does not expire meanwhile. */
async function takeParts(tx: Sql, context: OpContext, ids: readonly string[], into: string): Promise<void> {
  const locked = await uploadSessionRecords.lockSessions(tx, ids);
  if (locked.length < ids.length) throw uploadNotFound(ids.find((id) => !locked.some((part) => part.id === id)) ?? '');
  sumLengths(locked);
  await uploadSessionRecords.joinSessions(tx, ids, into, context.settings.uploadTtlMs);
}

/** @throws AppError INPUT_INVALID, UPLOAD_GONE, UPLOAD_INCOMPLETE */
function sumLengths(parts: readonly Session[]): number {
  let sum = 0;
  for (const part of parts) {
    if (part.kind !== 'partial') throw new AppError('INPUT_INVALID', `The upload ${part.id} is not a partial one.`);
    if (part.state === 'aborted' || part.state === 'expired' || part.state === 'failed') throw uploadGone(part);
    if (part.joinedInto !== null) throw new AppError('INPUT_INVALID', `The upload ${part.id} has been joined already.`);
    if (part.state !== 'finished') throw new AppError('UPLOAD_INCOMPLETE', `The upload ${part.id} has not all its bytes yet.`);
    sum += part.length ?? 0;
  }
  return sum;
}

/** The same parts into the same place, unless it failed: its answer got lost. */
async function findEarlierJoin(
  context: OpContext,
  parts: readonly Session[],
  place: { readonly artifactId: string; readonly slot: string; readonly key: string },
): Promise<Session | undefined> {
  const into = parts[0]?.joinedInto ?? null;
  if (into === null) return undefined;
  const session = await loadUpload(context, into);
  const isSamePlace = session.artifact?.id === place.artifactId && session.slot === place.slot && session.key === place.key;
  const isSame = isSamePlace && session.parts?.join() === parts.map(({ id }) => id).join();
  return isSame && (session.state === 'verifying' || session.state === 'finished') ? session : undefined;
}
