/** The end of a pack: all its members that find room become blobs and stand in their places, in one transaction, or none does. */
import { AppError } from '#base/app-error.ts';
import { failpoint } from '#base/failpoint.ts';
import type { BlobStore } from '#blobs/blob-store.ts';
import type { Sql } from '#metadata/database.ts';
import { artifactRecords, blobRecords, negotiationRecords, packRecords, uploadRecords } from '#metadata/metadata.ts';
import type { OpContext } from './context.ts';
import { newBytesId } from './new-blob-ids.ts';
import { createPackRoom } from './pack-room.ts';
import { type MemberOutcome, type ReceivedMember, settle } from './receive-pack.ts';
import { recordChanges } from './record-change.ts';
import { assertWritable } from './slot-place.ts';

export interface PackEnd {
  readonly artifact: uploadRecords.UploadTarget;
  readonly sessionId: string;
  readonly store: BlobStore;
  readonly expectedRevision: number | undefined;
}

export interface AttachedPack {
  /** The artifact's, after the change; as it was when nothing was attached. */
  readonly revision: number;
  readonly outcomes: readonly MemberOutcome[];
  /** Objects that are locations of blobs now; any other is redundant. */
  readonly placed: ReadonlySet<string>;
}

interface RoomedMember extends ReceivedMember {
  readonly blobId: string;
}

const looksAtOnce = 16;

/**
 * The number of statements does not grow with that of the members.
 * @throws AppError ARTIFACT_NOT_FOUND, STATE_CONFLICT, REVISION_CONFLICT, UPLOAD_BUSY, STORE_UNAVAILABLE
 */
export async function attachPack(context: OpContext, pack: PackEnd, outcomes: readonly MemberOutcome[]): Promise<AttachedPack> {
  const brokenIds = await findBrokenLocations(context, pack.store, outcomes);
  await failpoint('pack:attach');
  return context.db.transaction(async (tx) => {
    const locked = await artifactRecords.lockArtifact(tx, pack.artifact.id);
    assertWritable(locked, pack.expectedRevision);
    if (!(await uploadRecords.endUpload(tx, pack.sessionId, context.settings.nodeId))) {
      throw new AppError('UPLOAD_BUSY', 'The pack took longer than its lease.');
    }
    const settled = await giveRoom(tx, pack, outcomes);
    const members = settled.flatMap(({ member }) => (member === undefined ? [] : [member]));
    if (members.length === 0)
      return { revision: locked?.revision ?? pack.artifact.revision, outcomes: settled, placed: new Set() };
    const { roomed, placed } = await placeMembers(tx, context, pack.store, members, brokenIds);
    await failpoint('pack:placed');
    const revision = await attachMembers(tx, context, pack, roomed);
    await failpoint('pack:commit');
    return { revision, outcomes: settled, placed };
  });
}

/** Copies: a transaction may run twice. */
async function giveRoom(tx: Sql, { artifact }: PackEnd, outcomes: readonly MemberOutcome[]): Promise<readonly MemberOutcome[]> {
  const held = await negotiationRecords.readEntries(tx, artifact.id);
  const room = createPackRoom(held, await packRecords.readBusyPlaces(tx, artifact.id));
  return outcomes.map((outcome) => {
    const { member } = outcome;
    if (member === undefined) return outcome;
    const { name, slot, path } = outcome;
    const settled: MemberOutcome = { name, slot, path };
    const isRoomed = settle(settled, () => {
      room.claim(member.place, member.rule);
      return true;
    });
    return isRoomed === true ? { ...settled, member } : settled;
  });
}

async function placeMembers(
  tx: Sql,
  context: OpContext,
  store: BlobStore,
  members: readonly ReceivedMember[],
  brokenIds: readonly string[],
): Promise<{ readonly roomed: readonly RoomedMember[]; readonly placed: ReadonlySet<string> }> {
  const firsts = [...new Map(members.map((member) => [member.received.sha256, member])).values()];
  const newBlobs = firsts.map(({ received: { sha256, sizeBytes } }) => ({ id: newBytesId(context), sha256, sizeBytes }));
  const ids = await packRecords.holdBlobs(tx, newBlobs);
  const idOf = ({ received }: ReceivedMember): string => {
    const id = ids.get(received.sha256);
    if (id === undefined) throw new Error('a blob that was held is gone');
    return id;
  };
  const locations = firsts.map((member) => {
    const { sha512, md5 } = member.received;
    return { blobId: idOf(member), locationId: newBytesId(context), objectKey: member.objectKey, sha512, md5 };
  });
  const placed = await packRecords.placeBlobs(tx, store.name, locations, brokenIds);
  return { roomed: members.map((member) => ({ ...member, blobId: idOf(member) })), placed };
}

/** One revision for all of them. */
async function attachMembers(tx: Sql, context: OpContext, pack: PackEnd, members: readonly RoomedMember[]): Promise<number> {
  const { artifact, store } = pack;
  const attachments = members.map(({ place, mediaType, blobId }) => ({ ...place, mediaType, blobId, store: store.name }));
  await negotiationRecords.attachBlobs(tx, artifact.id, attachments);
  const revision = await blobRecords.touchArtifact(tx, artifact.id);
  const change = { kind: 'artifact.blob.attached', action: 'blob:upload', subjectType: 'artifact' } as const;
  await recordChanges(
    tx,
    context,
    { ...change, project: artifact.project, subjectId: artifact.id, revision },
    members.map(({ place: { slot, path }, mediaType, received: { sizeBytes: size, sha256 } }) => ({
      payload: { slot, path, mediaType, size, sha256 },
      detail: { slot, path, store: store.name, sha256 },
    })),
  );
  return revision;
}

/** Locations that the database calls good while the store has no such object, or one of another size: to be healed. */
async function findBrokenLocations(
  context: OpContext,
  store: BlobStore,
  outcomes: readonly MemberOutcome[],
): Promise<readonly string[]> {
  const sha256s = outcomes.flatMap(({ member }) => (member === undefined ? [] : [member.received.sha256]));
  const stored = await packRecords.findStored(context.db, [...new Set(sha256s)], store.name);
  const broken: string[] = [];
  for (let start = 0; start < stored.length; start += looksAtOnce) {
    const some = stored.slice(start, start + looksAtOnce);
    const found = await Promise.all(some.map(({ objectKey }) => store.stat(objectKey)));
    for (const [index, location] of some.entries()) {
      if (found[index]?.sizeBytes === location.sizeBytes) continue;
      const { sha256, objectKey, id } = location;
      context.log.warn({ sha256, store: store.name, objectKey, id }, 'a blob had lost its object; an upload of it heals it');
      broken.push(id);
    }
  }
  return broken;
}
