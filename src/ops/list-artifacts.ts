/** Pages of artifacts: what the caller has listed, narrowed by a filter, in an order, from a cursor. */
import { AppError } from '#base/app-error.ts';
import type { Artifact } from '#core/artifact.ts';
import { sha256Hex } from '#core/canonical-json.ts';
import { decodeCursor, encodeCursor } from '#core/cursor.ts';
import type { Filter, Order, Page, PageRequest } from '#core/filter.ts';
import { assertPageRequest } from '#core/page.ts';
import { listCount, listRecords } from '#metadata/metadata.ts';
import type { OpContext } from './context.ts';

export interface ListArtifactsInput {
  /** Only artifacts of this type; null: of every type, loaded or not. */
  readonly type: string | null;
  readonly filter: Filter | null;
  readonly orderBy: Order;
  readonly page: PageRequest;
  /** Hidden ones too, of those the caller has listed. */
  readonly includeHidden?: boolean | undefined;
}

/**
 * Own, public and accepted shared artifacts that are active or deactivated; a filter by state reaches drafts of the caller's
 * project, one that names the visibility `community` reaches community artifacts. Administrators list as everybody does, and
 * everything of a project that the filter names.
 * @throws AppError TYPE_UNKNOWN, INPUT_INVALID, QUERY_TOO_COMPLEX, RANGE_INVALID, VERSION_INVALID, CURSOR_INVALID
 */
export async function listArtifacts(context: OpContext, input: ListArtifactsInput): Promise<Page<Artifact>> {
  const { caller, settings, types } = context;
  context.policy.authorise(caller, 'artifact:list', { project: caller.project, type: input.type ?? undefined });
  if (input.type !== null) types.get(input.type);
  const { type, filter, orderBy, includeHidden = false } = input;
  if (filter !== null) listRecords.assertFilterSize(filter);
  const slice = assertPageRequest(input.page, settings.pageSizeMax);
  const list = sha256Hex(JSON.stringify(['artifacts', type, filter, orderBy, includeHidden]));
  const cursor = slice.cursor === undefined ? null : readCursor(slice.cursor, settings.instanceKey, list);
  const { limit, direction } = slice;
  const request = { type, filter, order: orderBy, includeHidden };
  const page = await listRecords.listArtifacts(context.db, caller, request, { limit, direction, cursor });
  const isForward = direction === 'forward';
  return {
    countAll: () => listCount.countArtifacts(context.db, caller, request),
    edges: page.rows.map(({ artifact, cursor: values }) => ({
      // Signed when it is asked for: of most pages only the last cursor is.
      get cursor() {
        return encodeCursor({ key: settings.instanceKey, list, values });
      },
      node: artifact,
    })),
    hasNextPage: isForward ? page.hasMore : page.hasBefore,
    hasPreviousPage: isForward ? page.hasBefore : page.hasMore,
  };
}

function readCursor(text: string, key: Uint8Array, list: string): readonly [string, string] {
  const [sortValue, id] = decodeCursor(text, { key, list });
  if (typeof sortValue !== 'string' || typeof id !== 'string') throw new AppError('CURSOR_INVALID');
  return [sortValue, id];
}
