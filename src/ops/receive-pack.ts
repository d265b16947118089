/** Makes the members of a pack durable, a few at a time: each under a key of its own, and none waits for another's fault. */
import { AppError, isAppError } from '#base/app-error.ts';
import { failpoint } from '#base/failpoint.ts';
import type { BlobStore } from '#blobs/blob-store.ts';
import { memberKey, type ReceivedBlob } from '#blobs/blobs.ts';
import { packLimits } from '#core/pack.ts';
import type { uploadRecords } from '#metadata/metadata.ts';
import type { SlotRule } from '#sdk/sdk.ts';
import { placeKey } from './check-negotiation.ts';
import type { OpContext } from './context.ts';
import type { PackRoom } from './pack-room.ts';
import { chooseMediaType, findSlotRule, toPlace } from './slot-place.ts';

/** As its sender wrote it. */
export interface PackMember {
  /** `<slot>/<path>`, or a slot that takes one blob. */
  readonly name: string;
  readonly mediaType?: string | undefined;
  /** Lower-case hexadecimal: what the bytes must have. */
  readonly sha256?: string | undefined;
  readonly bytes: Uint8Array;
  /** Why it is not taken, where its header says so already. */
  readonly fault?: AppError | undefined;
}

/** A member whose bytes are durable. */
export interface ReceivedMember {
  readonly place: uploadRecords.SlotPlace;
  readonly rule: SlotRule;
  readonly mediaType: string;
  readonly objectKey: string;
  readonly received: ReceivedBlob;
}

/** What became of a member so far. */
export interface MemberOutcome {
  readonly name: string;
  readonly slot: string;
  readonly path: string | null;
  member?: ReceivedMember;
  error?: AppError;
}

export interface PackTarget {
  readonly artifact: uploadRecords.UploadTarget;
  readonly store: BlobStore;
  /** What the keys of the members begin with. */
  readonly objectKey: string;
  /** A forecast: what is refused by it need not be written. */
  readonly room: PackRoom;
  /** Told of each key before anything is written under it. */
  readonly onKey: (objectKey: string) => void;
}

const membersAtOnce = 16;
const bytesAtOnce = 8 * 1024 * 1024;

type PlannedMember = Omit<ReceivedMember, 'received'>;

/**
 * In the order of the members. Nothing is being written any more when it rejects.
 * @throws AppError LIMIT_EXCEEDED, TYPE_UNLOADED, and what `members` throws
 */
export async function receivePack(
  context: OpContext,
  target: PackTarget,
  members: AsyncIterable<PackMember>,
  signal: AbortSignal,
): Promise<readonly MemberOutcome[]> {
  const outcomes: MemberOutcome[] = [];
  const places = new Set<string>();
  const flight = createFlight();
  try {
    for await (const member of members) {
      signal.throwIfAborted();
      if (outcomes.length === packLimits.blobs) throw tooMany();
      const outcome: MemberOutcome = { name: member.name, ...splitName(member.name) };
      outcomes.push(outcome);
      const planned = settle(outcome, () => planMember(context, target, places, member, outcomes.length));
      if (planned === undefined) continue;
      await flight.room(member.bytes.length);
      target.onKey(planned.objectKey);
      flight.add(member.bytes.length, () => putMember(context, target.store, member, planned, outcome, signal));
    }
  } finally {
    await flight.settled();
  }
  flight.assertSound();
  return outcomes;
}

function planMember(
  context: OpContext,
  { artifact, objectKey, room }: PackTarget,
  places: Set<string>,
  { name, mediaType, bytes, fault }: PackMember,
  index: number,
): PlannedMember {
  if (fault !== undefined) throw fault;
  const { slot, path } = splitName(name);
  const rule = findSlotRule(context, artifact, slot);
  const place = toPlace({ artifactId: artifact.id, slot, path: path ?? undefined }, rule);
  const limitBytes = Math.min(rule.maxBytes ?? Number.POSITIVE_INFINITY, context.settings.maxBlobBytes);
  if (bytes.length > limitBytes) {
    throw new AppError('BLOB_TOO_LARGE', `The slot takes at most ${limitBytes} bytes.`, { details: { limitBytes } });
  }
  const planned = { place, rule, mediaType: chooseMediaType(rule, mediaType), objectKey: memberKey(objectKey, index) };
  if (places.has(placeKey(place)))
    throw new AppError('PATH_TAKEN', `The place ${place.path} of slot ${slot} stands there twice.`);
  room.claim(place, rule);
  places.add(placeKey(place));
  return planned;
}

async function putMember(
  { blobs }: OpContext,
  store: BlobStore,
  { bytes, sha256 }: PackMember,
  planned: PlannedMember,
  outcome: MemberOutcome,
  signal: AbortSignal,
): Promise<void> {
  try {
    const declared = sha256 === undefined ? {} : { declared: { sha256 } };
    const received = await blobs.put(store, planned.objectKey, bytes, { ...declared, signal });
    await failpoint('pack:durable');
    outcome.member = { ...planned, received };
  } catch (error) {
    // A request that has ended is no fault of a member.
    if (!isAppError(error) || signal.aborted) throw error;
    outcome.error = error;
  }
}

/** What is wrong with one member is told of it; what is wrong with all of them is thrown. */
export function settle<Value>(outcome: MemberOutcome, work: () => Value): Value | undefined {
  try {
    return work();
  } catch (error) {
    if (!isAppError(error) || error.code === 'TYPE_UNLOADED') throw error;
    outcome.error = error;
    return undefined;
  }
}

function splitName(name: string): { readonly slot: string; readonly path: string | null } {
  const at = name.indexOf('/');
  return at < 0 ? { slot: name, path: null } : { slot: name.slice(0, at), path: name.slice(at + 1) };
}

function tooMany(): AppError {
  const detail = `A pack has at most ${packLimits.blobs} members.`;
  return new AppError('LIMIT_EXCEEDED', detail, { details: { limit: packLimits.blobs } });
}

/** So much is in memory, and being written, at once. */
function createFlight() {
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];
  let bytesInFlight = 0;
  const assertSound = (): void => {
    if (failures.length > 0) throw failures[0];
  };
  return {
    assertSound,
    /** @throws what a member failed with that is no fault of its own */
    async room(bytes: number): Promise<void> {
      while (running.size >= membersAtOnce || (running.size > 0 && bytesInFlight + bytes > bytesAtOnce)) {
        await Promise.race(running);
      }
      assertSound();
    },
    add(bytes: number, work: () => Promise<void>): void {
      bytesInFlight += bytes;
      const run = work()
        .catch((error: unknown) => void failures.push(error))
        .finally(() => {
          bytesInFlight -= bytes;
          running.delete(run);
        });
      running.add(run);
    },
    async settled(): Promise<void> {
      await Promise.all(running);
    },
  };
}
