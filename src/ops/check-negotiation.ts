/** Checks all blobs of a negotiation at once, so that its caller learns of every fault with one question. */
import { AppError, type Fault, isAppError } from '#base/app-error.ts';
import type { ErrorCode } from '#base/error-catalogue.ts';
import { foldPath } from '#core/names.ts';
import { createPathSet } from '#core/path-set.ts';
import type { negotiationRecords, uploadRecords } from '#metadata/metadata.ts';
import type { SlotRule } from '#sdk/sdk.ts';
import type { OpContext } from './context.ts';
import { chooseMediaType, findSlotRule, toPlace } from './slot-place.ts';

/** One blob as its owner describes it. */
export interface OfferedBlob {
  readonly slot: string;
  /** As for an upload: the key in a slot of kind `map`. */
  readonly path?: string | undefined;
  readonly mediaType?: string | undefined;
  readonly sizeBytes: number;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
}

/** An offered blob whose place is known. */
export interface WantedBlob extends uploadRecords.SlotPlace {
  readonly rule: SlotRule;
  readonly mediaType: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** More are negotiated in several rounds, which come to the same. */
export const negotiatedBlobsMax = 1000;

interface CodedFault extends Fault {
  readonly code: ErrorCode;
}

/**
 * What a look at the type alone can tell.
 * @throws AppError LIMIT_EXCEEDED, TYPE_UNLOADED, or as `refuse`
 */
export function planBlobs(
  context: OpContext,
  artifact: uploadRecords.UploadTarget,
  offered: readonly OfferedBlob[],
): readonly WantedBlob[] {
  if (offered.length > negotiatedBlobsMax) {
    const detail = `${offered.length} blobs are more than the ${negotiatedBlobsMax} that one negotiation takes.`;
    throw new AppError('LIMIT_EXCEEDED', detail, { details: { limit: negotiatedBlobsMax } });
  }
  const faults: CodedFault[] = [];
  const wanted: WantedBlob[] = [];
  for (const [index, blob] of offered.entries()) {
    const check = <Value>(member: string, read: () => Value): Value | undefined => {
      try {
        return read();
      } catch (error) {
        // A type that is not loaded is no fault of a blob.
        if (!isAppError(error) || error.code === 'TYPE_UNLOADED') throw error;
        faults.push({ pointer: `/blobs/${index}/${member}`, message: error.message, code: error.code });
        return undefined;
      }
    };
    const { sizeBytes, sha256 } = blob;
    const rule = check('slot', () => findSlotRule(context, artifact, blob.slot));
    const place = rule && check('path', () => toPlace({ ...blob, artifactId: artifact.id }, rule));
    const mediaType = rule && check('mediaType', () => chooseMediaType(rule, blob.mediaType));
    if (rule) check('sizeBytes', () => assertSize(sizeBytes, Math.min(rule.maxBytes ?? Infinity, context.settings.maxBlobBytes)));
    check('sha256', () => assertSha256(sha256));
    if (rule && place && mediaType !== undefined) wanted.push({ ...place, rule, mediaType, sizeBytes, sha256 });
  }
  refuse(faults, offered.length);
  return wanted;
}

/** Under the artifact's lock: what its other entries forbid. @throws AppError SLOT_FULL, PATH_TAKEN, as `refuse` */
export function assertRoomForAll(wanted: readonly WantedBlob[], held: readonly negotiationRecords.HeldEntry[]): void {
  const asked = new Set(wanted.map(placeKey));
  const others = held.filter((entry) => !asked.has(placeKey(entry)));
  refuse([...findFullSlots(wanted, others), ...findClashes(wanted, others)], wanted.length);
}

/** Names a place within its artifact. */
export function placeKey({ slot, key }: { readonly slot: string; readonly key: string }): string {
  return `${slot}\0${key}`;
}

function findFullSlots(wanted: readonly WantedBlob[], others: readonly negotiationRecords.HeldEntry[]): CodedFault[] {
  const counts = new Map<string, number>();
  for (const { slot } of others) counts.set(slot, (counts.get(slot) ?? 0) + 1);
  return wanted.flatMap(({ slot, rule }, index) => {
    const count = (counts.get(slot) ?? 0) + 1;
    counts.set(slot, count);
    if (rule.kind === 'one' || count <= rule.maxEntries) return [];
    return [
      {
        pointer: `/blobs/${index}/slot`,
        message: `The slot holds at most ${rule.maxEntries} blobs.`,
        code: 'SLOT_FULL' as const,
      },
    ];
  });
}

/** Paths that are one file, or a file and its folder, on some file system: for each blob the first; of blobs twice at one place the second. */
function findClashes(wanted: readonly WantedBlob[], others: readonly negotiationRecords.HeldEntry[]): CodedFault[] {
  const faults: CodedFault[] = [];
  const held = createPathSet(others.map(({ path }) => path));
  const places = new Set<string>();
  for (const [index, blob] of wanted.entries()) {
    const { slot, path } = blob;
    const fault = (message: string) => faults.push({ pointer: `/blobs/${index}/path`, message, code: 'PATH_TAKEN' });
    const [clash] = held.clashes(path);
    if (places.has(placeKey(blob))) fault(`The place ${path} of slot ${slot} stands there twice.`);
    else if (clash !== undefined) fault(clashWords(path, clash));
    else held.add(path);
    places.add(placeKey(blob));
  }
  return faults;
}

function clashWords(path: string, clash: string): string {
  return foldPath(path) === foldPath(clash)
    ? `The path ${path} is that of another blob, ${clash}, at least where case does not count.`
    : `The paths ${clash} and ${path} cannot both be files: one is a folder of the other.`;
}

function assertSize(sizeBytes: number, limitBytes: number): void {
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) throw new AppError('INPUT_INVALID', 'It is a number of bytes.');
  if (sizeBytes > limitBytes) throw new AppError('BLOB_TOO_LARGE', `The slot takes at most ${limitBytes} bytes.`);
}

function assertSha256(sha256: string): void {
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw new AppError('DIGEST_INVALID', 'A SHA-256 is 64 lower-case hexadecimal digits.');
}

/** @throws AppError under the code that all faults have, else under INPUT_INVALID */
function refuse(faults: readonly CodedFault[], count: number): void {
  const [first] = faults;
  if (first === undefined) return;
  const codes = [...new Set(faults.map(({ code }) => code))];
  const message = faults.length === 1 ? first.message : `Of ${count} blobs ${new Set(faults.map(blobOf)).size} cannot be taken.`;
  throw new AppError(codes.length === 1 ? first.code : 'INPUT_INVALID', message, {
    faults: faults.map(({ pointer, message: text }) => ({ pointer, message: text })),
    details: { codes },
  });
}

function blobOf({ pointer }: Fault): string {
  return pointer.slice(0, pointer.lastIndexOf('/'));
}
