/** The artifacts that are pinned to one: what a yank or a deletion of it would touch. */
import { AppError } from '#base/app-error.ts';
import type { Artifact } from '#core/artifact.ts';
import { sha256Hex } from '#core/canonical-json.ts';
import { decodeCursor, encodeCursor } from '#core/cursor.ts';
import type { Page, PageRequest } from '#core/filter.ts';
import { assertPageRequest } from '#core/page.ts';
import { dependentRecords } from '#metadata/metadata.ts';
import type { OpContext } from './context.ts';
import { loadArtifact } from './load-artifact.ts';

export interface ListDependentsInput {
  readonly id: string;
  /** Also what depends on the dependents, and so on, through what the caller has listed. */
  readonly transitive?: boolean | undefined;
  readonly page: PageRequest;
}

/** Newest first, as far as the caller has them listed. @throws AppError ARTIFACT_NOT_FOUND, INPUT_INVALID, CURSOR_INVALID */
export async function listDependents(context: OpContext, input: ListDependentsInput): Promise<Page<Artifact>> {
  const { caller, db, settings } = context;
  const { id } = await loadArtifact(context, input.id, 'artifact:dependents');
  const isTransitive = input.transitive ?? false;
  const slice = assertPageRequest(input.page, settings.pageSizeMax);
  const list = sha256Hex(JSON.stringify(['dependents', id, isTransitive]));
  const cursor = slice.cursor === undefined ? null : readCursor(slice.cursor, settings.instanceKey, list);
  const { limit, direction } = slice;
  const page = await dependentRecords.listDependents(db, caller, { id, isTransitive, limit, direction, cursor });
  const isForward = direction === 'forward';
  return {
    countAll: () => dependentRecords.countDependents(db, caller, { id, isTransitive }),
    edges: page.rows.map((row) => ({
      cursor: encodeCursor({ key: settings.instanceKey, list, values: row.cursor }),
      node: row.artifact,
    })),
    hasNextPage: isForward ? page.hasMore : page.hasBefore,
    hasPreviousPage: isForward ? page.hasBefore : page.hasMore,
  };
}

function readCursor(text: string, key: Uint8Array, list: string): readonly [string, string] {
  const [createdAt, id] = decodeCursor(text, { key, list });
  if (typeof createdAt !== 'string' || typeof id !== 'string') throw new AppError('CURSOR_INVALID');
  return [createdAt, id];
}
