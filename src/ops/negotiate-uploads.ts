/** Says of each blob of a draft whether Vitrine has it already, which attaches it, or that it must be sent. */
import { failpoint } from '#base/failpoint.ts';
import type { SlotEntry } from '#core/artifact.ts';
import type { Sql } from '#metadata/database.ts';
import { artifactRecords, blobRecords, negotiationRecords, uploadEndRecords, type uploadRecords } from '#metadata/metadata.ts';
import { assertRoomForAll, type OfferedBlob, placeKey, planBlobs, type WantedBlob } from './check-negotiation.ts';
import { clearUpload } from './clear-upload.ts';
import { findDownloadable } from './complete-resource.ts';
import type { OpContext } from './context.ts';
import { recordChanges } from './record-change.ts';
import { assertWritable, findDraft } from './slot-place.ts';

export interface NegotiateUploadsInput {
  readonly artifactId: string;
  readonly blobs: readonly OfferedBlob[];
  readonly expectedRevision?: number | undefined;
}

export interface NegotiatedBlob {
  readonly slot: string;
  readonly path: string;
  /** Of the slot: what the blob's URL depends on. */
  readonly kind: 'one' | 'map';
  /** What stands at the place now: the bytes need not be sent. Null: they must be. */
  readonly entry: SlotEntry | null;
  /** An upload of these bytes to this place that the caller has begun, and may go on with. */
  readonly session: { readonly id: string; readonly offset: number } | null;
}

export interface NegotiateUploadsResult {
  readonly artifactId: string;
  /** The artifact's, after the change; as before when nothing was attached. */
  readonly revision: number;
  /** In the order of the input. */
  readonly blobs: readonly NegotiatedBlob[];
}

type LiveBlobs = ReadonlyMap<string, negotiationRecords.LiveBlob>;

/**
 * Bytes count as there only for who may read them already, from any artifact: a digest alone buys nothing, and whether others
 * have its bytes is not told. Asking again changes nothing. The number of statements does not grow with that of the blobs.
 * @throws AppError ARTIFACT_NOT_FOUND, FORBIDDEN, STATE_CONFLICT, REVISION_CONFLICT, TYPE_UNLOADED, LIMIT_EXCEEDED; and with a
 * fault for each bad blob SLOT_UNKNOWN, SLOT_FULL, PATH_INVALID, PATH_TAKEN, MEDIA_TYPE_UNSUPPORTED, DIGEST_INVALID,
 * BLOB_TOO_LARGE, or INPUT_INVALID where they are of several kinds
 */
export async function negotiateUploads(context: OpContext, input: NegotiateUploadsInput): Promise<NegotiateUploadsResult> {
  const artifact = await findDraft(context, 'blob:upload', input);
  const wanted = planBlobs(context, artifact, input.blobs);
  await failpoint('negotiate:begin');
  const { revision, live, sessions, ended } = await context.db.transaction(
    async (tx) => {
      const locked = await artifactRecords.lockArtifact(tx, artifact.id);
      assertWritable(locked, input.expectedRevision);
      const held = await negotiationRecords.readEntries(tx, artifact.id);
      assertRoomForAll(wanted, held);
      const readable = await holdReadable(context, tx, wanted, held);
      const heldAt = new Map(held.map((entry) => [placeKey(entry), entry]));
      const absent = wanted.filter((blob) => {
        return findLive(readable, blob) !== undefined && !isHeldAs(blob, readable, heldAt.get(placeKey(blob)));
      });
      const current = locked?.revision ?? artifact.revision;
      const next = absent.length === 0 ? current : await attachAll(context, tx, artifact, absent, readable);
      const begun = await negotiationRecords.readSessions(tx, artifact.id, context.caller.id, context.caller.project);
      return { revision: next, live: readable, sessions: begun, ended: await endNeedless(tx, wanted, readable, begun) };
    },
    { signal: context.signal },
  );
  await failpoint('negotiate:done');
  for (const upload of ended) await clearUpload(context, upload);
  const sessionAt = new Map(sessions.map((session) => [placeKey(session), session]));
  return {
    artifactId: artifact.id,
    revision,
    blobs: wanted.map((blob) => toAnswer(blob, findLive(live, blob), sessionAt.get(placeKey(blob)))),
  };
}

/** The blobs among the wanted that the caller may read and a store has, by their SHA-256; held until the transaction ends. */
async function holdReadable(
  context: OpContext,
  tx: Sql,
  wanted: readonly WantedBlob[],
  held: readonly negotiationRecords.HeldEntry[],
): Promise<LiveBlobs> {
  const { caller, policy, blobs } = context;
  const sha256s = [...new Set(wanted.map((blob) => blob.sha256))];
  // Which artifact it is matters only where policies look at more than its kind.
  const isEach = ![...policy.reads('blob:download')].every((fact) => fact === 'type' || fact === 'visibility');
  const known = await negotiationRecords.findKnownBlobs(tx, caller, sha256s, isEach);
  const artifacts = known.flatMap(({ artifactId, project, type }) =>
    artifactId === null ? [] : { id: artifactId, project, type },
  );
  const downloadable = await findDownloadable(context, artifacts, tx);
  const isReadable = ({ artifactId, project, type, visibility }: negotiationRecords.KnownBlob) =>
    artifactId === null ? policy.allows(caller, 'blob:download', { project, type, visibility }) : downloadable.has(artifactId);
  const readable = known.filter(isReadable).map(({ id }) => id);
  // What stands in place already need not be found among all the references to the same bytes.
  const places = new Set(wanted.map(placeKey));
  const own = held.filter((entry) => places.has(placeKey(entry))).map(({ blobId }) => blobId);
  const ids = [...new Set([...readable, ...own])];
  if (ids.length === 0) return new Map();
  const live = await negotiationRecords.holdLiveBlobs(tx, ids, {
    preferred: blobs.defaultStore.name,
    all: [...blobs.stores.keys()],
  });
  return new Map(live.map((blob) => [blob.sha256, blob]));
}

/** The caller's own idle uploads into places that have their bytes now: nobody goes on with them, and publish would wait for them. */
async function endNeedless(
  tx: Sql,
  wanted: readonly WantedBlob[],
  live: LiveBlobs,
  begun: readonly negotiationRecords.OpenSession[],
): Promise<readonly uploadEndRecords.EndedUpload[]> {
  const filled = new Set(wanted.filter((blob) => findLive(live, blob) !== undefined).map(placeKey));
  const ids = begun.filter((session) => filled.has(placeKey(session))).map(({ id }) => id);
  return ids.length === 0 ? [] : uploadEndRecords.abortIdleSessions(tx, ids);
}

/** A blob with the digest and another size is not what was meant: its upload will tell which of the two is wrong. */
function findLive(live: LiveBlobs, { sha256, sizeBytes }: WantedBlob): negotiationRecords.LiveBlob | undefined {
  const blob = live.get(sha256);
  return blob?.sizeBytes === sizeBytes ? blob : undefined;
}

function isHeldAs(blob: WantedBlob, live: LiveBlobs, entry: negotiationRecords.HeldEntry | undefined): boolean {
  return entry?.blobId === live.get(blob.sha256)?.id && entry?.path === blob.path && entry.mediaType === blob.mediaType;
}

/** One revision for all of them. */
async function attachAll(
  context: OpContext,
  tx: Sql,
  artifact: uploadRecords.UploadTarget,
  absent: readonly WantedBlob[],
  live: LiveBlobs,
): Promise<number> {
  const attachments = absent.flatMap((blob) => {
    const found = findLive(live, blob);
    const { artifactId, slot, key, path, mediaType } = blob;
    return found === undefined ? [] : [{ artifactId, slot, key, path, mediaType, blobId: found.id, store: found.store }];
  });
  await failpoint('negotiate:attach');
  await negotiationRecords.attachBlobs(tx, artifact.id, attachments);
  const revision = await blobRecords.touchArtifact(tx, artifact.id);
  const change = { kind: 'artifact.blob.attached', action: 'blob:upload', subjectType: 'artifact' } as const;
  await recordChanges(
    tx,
    context,
    { ...change, project: artifact.project, subjectId: artifact.id, revision },
    absent.map((blob) => toRecord(blob, findLive(live, blob)?.store ?? '')),
  );
  await failpoint('negotiate:commit');
  return revision;
}

function toRecord({ slot, path, mediaType, sizeBytes, sha256 }: WantedBlob, store: string) {
  return {
    payload: { slot, path, mediaType, size: sizeBytes, sha256 },
    detail: { slot, path, store, sha256, negotiated: true },
  };
}

function toAnswer(
  { slot, key, path, rule, mediaType, sizeBytes, sha256 }: WantedBlob,
  live: negotiationRecords.LiveBlob | undefined,
  session: negotiationRecords.OpenSession | undefined,
): NegotiatedBlob {
  const place = { slot, path, kind: rule.kind };
  if (live !== undefined) {
    const { sha512, md5 } = live;
    return { ...place, entry: { slot, key, path, mediaType, sizeBytes, sha256, sha512, md5 }, session: null };
  }
  const isSameBytes = session?.sha256 === sha256 && session.sizeBytes === sizeBytes;
  const isSame = isSameBytes && session.path === path && session.mediaType === mediaType;
  return { ...place, entry: null, session: isSame ? { id: session.id, offset: session.offset } : null };
}
