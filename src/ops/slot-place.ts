/** Which place of which artifact a caller may write, and what its type lets stand there. */
import { AppError } from '#base/app-error.ts';
import { isUuid } from '#base/id.ts';
import type { SlotEntry } from '#core/artifact.ts';
import { assertMediaType, assertPath, findPathClash, foldPath } from '#core/names.ts';
import { findClashingPaths } from '#core/path-set.ts';
import type { Sql } from '#metadata/database.ts';
import { uploadRecords } from '#metadata/metadata.ts';
import type { Action } from '#policy/policy.ts';
import type { SlotRule } from '#sdk/sdk.ts';
import { completeResource } from './complete-resource.ts';
import type { OpContext } from './context.ts';
import { artifactNotFound, assertRevision } from './load-artifact.ts';

export interface PlaceInput {
  readonly artifactId: string;
  readonly slot: string;
  /** The key in a slot of kind `map`; in one of kind `one` the file's path, by default the slot's name. */
  readonly path?: string | undefined;
  readonly expectedRevision?: number | undefined;
}

export interface SlotTarget {
  readonly artifact: uploadRecords.UploadTarget;
  readonly place: uploadRecords.SlotPlace;
  readonly rule: SlotRule;
}

/**
 * A draft that the caller may change.
 * @throws AppError ARTIFACT_NOT_FOUND, FORBIDDEN, STATE_CONFLICT, REVISION_CONFLICT
 */
export async function findDraft(
  context: OpContext,
  action: Action,
  input: Pick<PlaceInput, 'artifactId' | 'expectedRevision'>,
): Promise<uploadRecords.UploadTarget> {
  const artifactId = input.artifactId.toLowerCase();
  const artifact = isUuid(artifactId)
    ? await uploadRecords.findUploadTarget(context.db.reads, context.caller, artifactId)
    : undefined;
  if (artifact === undefined) throw artifactNotFound(input.artifactId);
  context.policy.authorise(context.caller, action, await completeResource(context, action, artifact));
  assertWritable(artifact, input.expectedRevision);
  return artifact;
}

/**
 * A draft of the caller's that has such a slot.
 * @throws AppError ARTIFACT_NOT_FOUND, FORBIDDEN, STATE_CONFLICT, REVISION_CONFLICT, TYPE_UNLOADED, SLOT_UNKNOWN, PATH_INVALID
 */
export async function findSlotTarget(context: OpContext, action: Action, input: PlaceInput): Promise<SlotTarget> {
  const artifact = await findDraft(context, action, input);
  const rule = findSlotRule(context, artifact, input.slot);
  return { artifact, rule, place: toPlace({ ...input, artifactId: artifact.id }, rule) };
}

/** @throws AppError ARTIFACT_NOT_FOUND, STATE_CONFLICT, REVISION_CONFLICT */
export function assertWritable(
  artifact: { readonly state: string; readonly revision: number } | undefined,
  expectedRevision: number | undefined,
): void {
  if (artifact === undefined || artifact.state === 'deleted') throw new AppError('ARTIFACT_NOT_FOUND');
  if (artifact.state !== 'draft') {
    const detail = 'Blobs are put into drafts only; a published artifact keeps its bytes.';
    throw new AppError('STATE_CONFLICT', detail, { details: { state: artifact.state } });
  }
  assertRevision(artifact, expectedRevision);
}

/** @throws AppError TYPE_UNLOADED, SLOT_UNKNOWN */
export function findSlotRule(context: OpContext, artifact: uploadRecords.UploadTarget, slot: string): SlotRule {
  const version = context.types.types.get(artifact.type)?.versions.get(artifact.typeVersion);
  if (version === undefined) throw new AppError('TYPE_UNLOADED', undefined, { details: { type: artifact.type } });
  const { slots } = version.rule;
  const rule = Object.hasOwn(slots, slot) ? slots[slot] : undefined;
  if (rule === undefined) {
    const known = Object.keys(slots);
    const detail = `The type ${artifact.type} has no such slot; it has ${known.length === 0 ? 'none' : known.join(', ')}.`;
    throw new AppError('SLOT_UNKNOWN', detail, { details: { slots: known } });
  }
  return rule;
}

/** @throws AppError PATH_INVALID */
export function toPlace({ artifactId, slot, path }: PlaceInput, rule: SlotRule): uploadRecords.SlotPlace {
  if (rule.kind === 'one') return { artifactId, slot, key: '', path: assertPath(path ?? slot) };
  if (path === undefined) throw new AppError('PATH_INVALID', 'The slot holds several blobs: name one by its path.');
  return { artifactId, slot, key: assertPath(path), path };
}

/** @throws AppError MEDIA_TYPE_UNSUPPORTED, INPUT_INVALID */
export function chooseMediaType(rule: SlotRule, mediaType: string | undefined): string {
  const [preferred] = rule.mediaTypes;
  if (mediaType === undefined) {
    return preferred === undefined || preferred.endsWith('*') ? 'application/octet-stream' : preferred;
  }
  const asked = assertMediaType(mediaType);
  const essence = asked.split(';', 1)[0]?.trim() ?? asked;
  const isAccepted =
    rule.mediaTypes.length === 0 ||
    rule.mediaTypes.some((accepted) =>
      accepted.endsWith('/*') ? essence.startsWith(accepted.slice(0, -1)) : essence === accepted.toLowerCase(),
    );
  if (isAccepted) return asked;
  throw new AppError('MEDIA_TYPE_UNSUPPORTED', `The slot takes ${rule.mediaTypes.join(', ')}, not ${essence}.`);
}

/** Among entries and uploads; under the artifact's lock certain, else a forecast. @throws AppError SLOT_FULL, PATH_TAKEN */
export async function assertRoom(sql: Sql, place: uploadRecords.SlotPlace, rule: SlotRule): Promise<void> {
  assertRoomAmong(await uploadRecords.readOccupancy(sql, place), place, rule);
}

/** @throws AppError SLOT_FULL, PATH_TAKEN */
export function assertRoomAmong({ others, near }: uploadRecords.Occupancy, place: uploadRecords.SlotPlace, rule: SlotRule): void {
  if (rule.kind === 'map' && others >= rule.maxEntries) {
    throw new AppError('SLOT_FULL', `The slot holds at most ${rule.maxEntries} blobs.`);
  }
  const clash = findPathClash(place.path, near);
  if (clash !== undefined) throw pathTaken(place.path, clash);
}

/**
 * Drafts of an older Vitrine may hold paths that differ in case only: they are told so before that can no longer be changed.
 * @throws AppError PATH_TAKEN
 */
export function assertPathsApart(entries: readonly Pick<SlotEntry, 'slot' | 'path'>[]): void {
  const clash = findClashingPaths(entries.map(({ path }) => path));
  if (clash !== undefined) throw pathTaken(clash[1], clash[0]);
}

function pathTaken(path: string, other: string): AppError {
  const how =
    path === other
      ? 'is the path of another blob of the artifact'
      : foldPath(path) === foldPath(other)
        ? `and the path ${other} of another blob are one file where case does not count`
        : `and the path ${other} of another blob cannot both be files: one is a folder of the other`;
  return new AppError('PATH_TAKEN', `The path ${path} ${how}.`, { details: { path: other } });
}
