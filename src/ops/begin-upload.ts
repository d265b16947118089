/** Begins an upload that may take several requests: into a place of a draft, or a part that has no place until it is joined. */
import { AppError } from '#base/app-error.ts';
import { failpoint } from '#base/failpoint.ts';
import type { BlobStore } from '#blobs/blob-store.ts';
import { newObjectKey } from '#blobs/blobs.ts';
import type { Digests } from '#core/artifact.ts';
import type { Sql } from '#metadata/database.ts';
import { artifactRecords, uploadSessionRecords } from '#metadata/metadata.ts';
import { claimPlace, type PlaceClaim } from './claim-place.ts';
import { clearUpload } from './clear-upload.ts';
import type { OpContext } from './context.ts';
import { toView, type UploadView } from './load-upload.ts';
import { assertRoom, assertWritable, chooseMediaType, findSlotTarget, type PlaceInput } from './slot-place.ts';

/** Open uploads of a project; each costs a row, and what was sent of it. */
const openUploadsMax = 10_000;

interface BegunBytes {
  /** Undefined: said with a later request. */
  readonly lengthBytes?: number | undefined;
  /** A configured store's name; by default the default store. */
  readonly store?: string | undefined;
  /** What a client wants to be given back. */
  readonly metadata?: string | undefined;
}

export interface BeginUploadInput extends PlaceInput, BegunBytes {
  readonly mediaType?: string | undefined;
  /** Digests the whole must have, lower-case hex. */
  readonly declared?: Partial<Digests> | undefined;
}

export interface BegunUpload {
  readonly upload: UploadView;
  /** False: the same upload was begun before, and goes on. */
  readonly isNew: boolean;
}

/**
 * Begun again, by the same caller for the same place with the same declared SHA-256 and length, it is the same upload. Without
 * a digest nobody can tell: an idle one is replaced.
 * @throws AppError ARTIFACT_NOT_FOUND, FORBIDDEN, STATE_CONFLICT, REVISION_CONFLICT, TYPE_UNLOADED, SLOT_UNKNOWN, SLOT_FULL,
 * PATH_INVALID, PATH_TAKEN, MEDIA_TYPE_UNSUPPORTED, STORE_UNKNOWN, STORE_NOT_RESUMABLE, UPLOAD_BUSY, BLOB_TOO_LARGE, LIMIT_EXCEEDED
 */
export async function beginUpload(context: OpContext, input: BeginUploadInput): Promise<BegunUpload> {
  const { artifact, rule, place } = await findSlotTarget(context, 'blob:upload', input);
  const mediaType = chooseMediaType(rule, input.mediaType);
  const store = resumableStore(context, input.store);
  const limitBytes = Math.min(rule.maxBytes ?? context.settings.maxBlobBytes, context.settings.maxBlobBytes);
  assertLength(input.lengthBytes, limitBytes);
  const session = {
    ...newSession(context, input, store, limitBytes),
    ...place,
    kind: 'whole' as const,
    project: artifact.project,
    mediaType,
    declared: input.declared ?? null,
  };
  return openSession(context, session.id, async (tx) => {
    assertWritable(await artifactRecords.lockArtifact(tx, artifact.id), input.expectedRevision);
    const claim = await claimPlace(tx, context, place, (other) => isSameUpload(other, session));
    if (claim.same !== undefined) {
      await uploadSessionRecords.prolongSession(tx, claim.same.id, context.settings.uploadTtlMs);
      return claim;
    }
    await assertRoom(tx, place, rule);
    await assertFewOpen(tx, artifact.project);
    await insertSession(tx, session);
    return claim;
  });
}

/**
 * A part of an upload, to be joined with others (`joinUploads`). It belongs to the caller's project.
 * @throws AppError FORBIDDEN, STORE_UNKNOWN, STORE_NOT_RESUMABLE, BLOB_TOO_LARGE, LIMIT_EXCEEDED
 */
export async function beginPartialUpload(context: OpContext, input: BegunBytes): Promise<BegunUpload> {
  const { caller, settings } = context;
  context.policy.authorise(caller, 'upload:part', { project: caller.project });
  const store = resumableStore(context, input.store);
  assertLength(input.lengthBytes, settings.maxBlobBytes);
  const session = {
    ...newSession(context, input, store, settings.maxBlobBytes),
    ...{ artifactId: null, slot: '', key: '', path: '', mediaType: '' },
    kind: 'partial' as const,
    project: caller.project,
    declared: null,
  };
  return openSession(context, session.id, async (tx) => {
    await assertFewOpen(tx, caller.project);
    await insertSession(tx, session);
    return {};
  });
}

/** Runs what makes the session, clears what made room for it, and answers the one that is open now. */
export async function openSession(
  context: OpContext,
  newId: string,
  work: (tx: Sql) => Promise<PlaceClaim>,
): Promise<BegunUpload> {
  await failpoint('upload:begin-session');
  const { same, replaced } = await context.db.transaction(work, { signal: context.signal });
  await failpoint('upload:session-begun');
  if (replaced !== undefined) await clearUpload(context, replaced);
  const session = await uploadSessionRecords.findSession(context.db, same?.id ?? newId);
  // It had not moved yet, and gave way to another for the same place.
  if (session === undefined) throw new AppError('UPLOAD_BUSY', 'Another upload has just taken the place.');
  return { upload: toView(session), isNew: same === undefined };
}

/** An upload in one request takes a free place without the artifact's lock. @throws AppError UPLOAD_BUSY */
export async function insertSession(tx: Sql, session: uploadSessionRecords.NewSession): Promise<void> {
  if (!(await uploadSessionRecords.insertSession(tx, session))) throw new AppError('UPLOAD_BUSY');
}

/** What every new session has. */
export function newSession(context: OpContext, input: BegunBytes, store: BlobStore, limitBytes: number) {
  const { caller, requestId, traceparent = null, sourceAddress = null } = context;
  return {
    id: context.newId(),
    createdBy: caller.id,
    store: store.name,
    objectKey: newObjectKey(),
    length: input.lengthBytes ?? null,
    limitBytes,
    metadata: input.metadata ?? null,
    origin: { requestId, traceparent, sourceAddress },
    parts: null,
    ttlMs: context.settings.uploadTtlMs,
  };
}

/** @throws AppError STORE_UNKNOWN, STORE_NOT_RESUMABLE */
export function resumableStore(context: OpContext, name: string | undefined): BlobStore {
  const store = name === undefined ? context.blobs.defaultStore : context.blobs.store(name);
  if (store.resumable === undefined) throw new AppError('STORE_NOT_RESUMABLE');
  return store;
}

/** @throws AppError BLOB_TOO_LARGE */
export function assertLength(lengthBytes: number | undefined, limitBytes: number): void {
  if (lengthBytes === undefined || lengthBytes <= limitBytes) return;
  throw new AppError('BLOB_TOO_LARGE', `At most ${limitBytes} bytes are taken here.`, { details: { limitBytes } });
}

/** @throws AppError LIMIT_EXCEEDED */
export async function assertFewOpen(tx: Sql, project: string): Promise<void> {
  if ((await uploadSessionRecords.countOpenSessions(tx, project)) < openUploadsMax) return;
  throw new AppError('LIMIT_EXCEEDED', `A project has at most ${openUploadsMax} open uploads: finish, end or let expire some.`);
}

function isSameUpload(other: uploadSessionRecords.UploadSession, asked: uploadSessionRecords.NewSession): boolean {
  const { declared, length, path, mediaType, store } = other;
  const digest = declared?.sha256;
  const isSameBytes = digest !== undefined && digest === asked.declared?.sha256 && length === asked.length;
  return other.kind === 'whole' && isSameBytes && path === asked.path && mediaType === asked.mediaType && store === asked.store;
}
