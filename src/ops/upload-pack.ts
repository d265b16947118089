/**
 * Puts many small blobs into a draft in one request: session, bytes, rows, in the order in which a crash leaves garbage and never
 * a reference without bytes. What a member lacks is told of it alone; they are attached together (attach-pack.ts).
 */
import type { AppError } from '#base/app-error.ts';
import { failpoint } from '#base/failpoint.ts';
import type { BlobStore } from '#blobs/blob-store.ts';
import { newObjectKey } from '#blobs/blobs.ts';
import type { SlotEntry } from '#core/artifact.ts';
import { packLimits } from '#core/pack.ts';
import { negotiationRecords, packRecords, uploadRecords } from '#metadata/metadata.ts';
import { attachPack } from './attach-pack.ts';
import type { OpContext } from './context.ts';
import { createPackRoom } from './pack-room.ts';
import { type MemberOutcome, type PackMember, receivePack } from './receive-pack.ts';
import { findDraft } from './slot-place.ts';
import { underLease } from './upload-lease.ts';

export interface UploadPackInput {
  readonly artifactId: string;
  readonly members: AsyncIterable<PackMember>;
  /** A configured store's name; by default the default store. */
  readonly store?: string | undefined;
  readonly expectedRevision?: number | undefined;
  /** Called once, when nothing stands against the pack but its members. */
  readonly onAccepted?: (() => void) | undefined;
}

export interface PackedMember {
  readonly name: string;
  readonly slot: string;
  readonly path: string | null;
  /** What stands in the place now, and of which kind the slot is; or why it does not. */
  readonly outcome: { readonly entry: SlotEntry; readonly kind: 'one' | 'map' } | { readonly error: AppError };
}

export interface UploadPackResult {
  readonly artifactId: string;
  /** The artifact's, after the change; as it was when nothing was attached. */
  readonly revision: number;
  /** In the order of the pack. */
  readonly members: readonly PackedMember[];
}

interface Session {
  readonly id: string;
  readonly artifact: uploadRecords.UploadTarget;
  readonly store: BlobStore;
  readonly objectKey: string;
  /** Keys that objects may lie under. */
  readonly keys: string[];
}

const removalsAtOnce = 16;

/**
 * @throws AppError ARTIFACT_NOT_FOUND, FORBIDDEN, STATE_CONFLICT, REVISION_CONFLICT, TYPE_UNLOADED, STORE_UNKNOWN, READ_ONLY,
 * LIMIT_EXCEEDED, UPLOAD_BUSY, UPLOAD_INTERRUPTED, and what `members` throws; then nothing of the pack is attached
 */
export async function uploadPack(context: OpContext, input: UploadPackInput): Promise<UploadPackResult> {
  const { expectedRevision } = input;
  const session = await beginSession(context, input);
  const { artifact, store, objectKey, keys } = session;
  try {
    await failpoint('pack:begun');
    const room = createPackRoom(await negotiationRecords.readEntries(context.db, artifact.id));
    input.onAccepted?.();
    const target = { artifact, store, objectKey, room, onKey: (key: string) => void keys.push(key) };
    const received = await underLease(context, session.id, (signal) => receivePack(context, target, input.members, signal));
    await failpoint('pack:received');
    const end = { artifact, sessionId: session.id, store, expectedRevision };
    const { revision, outcomes, placed } = await attachPack(context, end, received);
    await failpoint('pack:attached');
    await removeObjects(
      context,
      store,
      keys.filter((key) => !placed.has(key)),
    );
    await failpoint('pack:cleared');
    return { artifactId: artifact.id, revision, members: outcomes.map(toMember) };
  } catch (error) {
    await abandonSession(context, session);
    throw error;
  }
}

async function beginSession(context: OpContext, input: UploadPackInput): Promise<Session> {
  const artifact = await findDraft(context, 'blob:upload', input);
  const store = input.store === undefined ? context.blobs.defaultStore : context.blobs.store(input.store);
  const session = { id: context.newId(), artifact, store, objectKey: newObjectKey(), keys: [] };
  await failpoint('pack:begin');
  await packRecords.beginPack(context.db, {
    id: session.id,
    project: artifact.project,
    createdBy: context.caller.id,
    artifactId: artifact.id,
    store: store.name,
    objectKey: session.objectKey,
    limitBytes: packLimits.bytes,
    writer: context.settings.nodeId,
  });
  return session;
}

/** Removes what the pack left, unless it was attached after all: the answer to a COMMIT can get lost. */
async function abandonSession(context: OpContext, { id, store, keys }: Session): Promise<void> {
  try {
    if (!(await uploadRecords.abandonUpload(context.db, id))) return;
    await removeObjects(context, store, keys);
    await uploadRecords.forgetUpload(context.db, id);
  } catch (error) {
    context.log.warn({ err: error, uploadId: id }, 'a pack that failed could not be cleared; its lease will run out');
  }
}

/** What is left over when this fails, nobody knows: it is found by whoever compares the store with the rows. */
async function removeObjects(context: OpContext, store: BlobStore, keys: readonly string[]): Promise<void> {
  for (let start = 0; start < keys.length; start += removalsAtOnce) {
    const some = keys.slice(start, start + removalsAtOnce);
    for (const outcome of await Promise.allSettled(some.map((key) => store.remove(key)))) {
      if (outcome.status === 'fulfilled') continue;
      context.log.warn({ err: outcome.reason, store: store.name }, 'an object of a pack could not be removed');
    }
  }
}

function toMember({ name, slot, path, member, error }: MemberOutcome): PackedMember {
  if (error !== undefined) return { name, slot, path, outcome: { error } };
  if (member === undefined) throw new Error('a member of a pack came to nothing');
  const { place, rule, mediaType, received } = member;
  const { sizeBytes, sha256, sha512, md5 } = received;
  const entry = { slot: place.slot, key: place.key, path: place.path, mediaType, sizeBytes, sha256, sha512, md5 };
  return { name, slot: place.slot, path: place.path, outcome: { entry, kind: rule.kind } };
}
