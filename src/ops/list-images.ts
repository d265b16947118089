/** Pages of artifacts of one type as the Image API lists them: drafts of one's own among the rest, in an order of several keys. */
import { AppError, isAppError } from '#base/app-error.ts';
import { isUuid } from '#base/id.ts';
import type { MemberStatus } from '#core/artifact.ts';
import type { Filter } from '#core/filter.ts';
import { idOfImageText, imageTextSeparator, toImageText } from '#core/image-text.ts';
import { imageListRecords, listRecords } from '#metadata/metadata.ts';
import type { OpContext } from './context.ts';
import { resolveReference } from './resolve-reference.ts';

export type ImageSort = imageListRecords.Sort;

export interface ListImagesInput {
  readonly type: string;
  /** The slot of kind `one` that holds what is booted. */
  readonly slot: string;
  readonly filter: Filter | null;
  /** By default the newest first. What is not among the keys settles ties: the time of creation, then the id. */
  readonly sorts: readonly ImageSort[];
  /** Which way ties go that no key settles. */
  readonly tieDirection: ImageSort['direction'];
  readonly limit: number;
  /** Id of the image that the page begins after. */
  readonly marker?: string | undefined;
  /** Shares that were answered so; default: accepted ones. */
  readonly memberStatuses?: readonly MemberStatus[] | undefined;
  /** Only the artifact that this reference means for the caller. */
  readonly ref?: string | undefined;
}

export interface ImageList {
  /** Each as its clients read it, `imageTextSeparator` between (core/image-text.ts). */
  readonly texts: string;
  /** Id of the last, if more follow. */
  readonly last: string | undefined;
}

/**
 * Own, public and accepted shared artifacts that are drafts (own ones only), active or deactivated, and not hidden; a filter
 * widens that as it does in every list. Administrators list every project's.
 * @throws AppError FORBIDDEN, TYPE_UNKNOWN, INPUT_INVALID, QUERY_TOO_COMPLEX, RANGE_INVALID, REFERENCE_INVALID
 */
export async function listImages(context: OpContext, input: ListImagesInput): Promise<ImageList> {
  const { caller, db, types } = context;
  context.policy.authorise(caller, 'artifact:list', { project: caller.project, type: input.type });
  types.get(input.type);
  const filter = await withReference(context, input);
  if (filter === 'nothing') return nothing;
  if (filter !== null) listRecords.assertFilterSize(filter);
  const sorts = withTies(input);
  const { type, slot, limit, memberStatuses } = input;
  const flags = { includeHidden: false, includeDrafts: true, everyProject: caller.isAdmin };
  const order = filter === null && memberStatuses === undefined ? imageListRecords.walkedOrder(sorts) : undefined;
  const after = input.marker === undefined ? null : markerId(input.marker);
  if (order !== undefined && limit > 0) {
    const page = await imageListRecords.listPlainImages(db, caller, { type, slot, order, limit, after, ...flags });
    // Nothing may come after a marker, or there is no such marker.
    if ('texts' in page || page.images.length > 0 || after === null) return toList(page);
  }
  const marker = after === null ? null : await findMarker(context, after, type, sorts);
  if (limit === 0) return nothing;
  return toList(
    await imageListRecords.listImages(db, caller, { type, slot, filter, sorts, limit, marker, memberStatuses, ...flags }),
  );
}

function toList(page: imageListRecords.ImagePage | imageListRecords.ReadyPage): ImageList {
  if ('texts' in page) return { texts: page.texts, last: page.last === undefined ? undefined : idOfImageText(page.last) };
  const texts = page.images.map((image) => (typeof image === 'string' ? image : toImageText(image, image.stores)));
  const last = page.hasMore ? texts.at(-1) : undefined;
  return { texts: texts.join(imageTextSeparator), last: last === undefined ? undefined : idOfImageText(last) };
}

const nothing: ImageList = { texts: '', last: undefined };

async function withReference(context: OpContext, { ref, filter }: ListImagesInput): Promise<Filter | null | 'nothing'> {
  if (ref === undefined) return filter;
  try {
    const { artifact } = await resolveReference(context, { ref });
    const meant: Filter = { kind: 'field', field: 'id', operator: 'eq', value: artifact.id };
    return filter === null ? meant : { kind: 'and', of: [meant, filter] };
  } catch (error) {
    if (isAppError(error, 'ARTIFACT_NOT_FOUND') || isAppError(error, 'VERSION_NO_MATCH')) return 'nothing';
    throw error;
  }
}

function withTies({ sorts, tieDirection: direction }: ListImagesInput): readonly ImageSort[] {
  const keys = sorts.length === 0 ? [{ key: 'createdAt', direction } as const] : sorts;
  // What follows the id settles nothing.
  const ends = keys.findIndex(({ key }) => key === 'id');
  if (ends >= 0) return keys.slice(0, ends + 1);
  const created = keys.some(({ key }) => key === 'createdAt') ? [] : [{ key: 'createdAt', direction } as const];
  return [...keys, ...created, { key: 'id', direction }];
}

async function findMarker(context: OpContext, id: string, type: string, sorts: readonly ImageSort[]): Promise<readonly string[]> {
  const marker = await imageListRecords.findMarker(context.db, context.caller, { id, type, sorts });
  if (marker === undefined) throw noMarker(id);
  return marker;
}

function markerId(text: string): string {
  const id = text.toLowerCase();
  if (!isUuid(id)) throw noMarker(text);
  return id;
}

function noMarker(text: string): AppError {
  return new AppError('INPUT_INVALID', `The marker ${text.slice(0, 100).toWellFormed()} is no image of yours.`);
}
