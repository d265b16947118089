/** The projects an artifact is shared with. */
import { AppError } from '#base/app-error.ts';
import type { Member } from '#core/artifact.ts';
import { memberRecords } from '#metadata/metadata.ts';
import type { OpContext } from './context.ts';
import { loadArtifact } from './load-artifact.ts';

export interface ListMembersInput {
  readonly artifactId: string;
  /** Only of this type: others are not found. */
  readonly type?: string | undefined;
  /** Whether what is not `shared` is refused instead of having none. */
  readonly isSharedOnly?: boolean | undefined;
  /** Whether what waits to be deleted is gone for everybody but administrators. */
  readonly isLiveOnly?: boolean | undefined;
}

/**
 * All of them for whoever may read the artifact: while it is shared that is its project, its members and administrators.
 * [] while the visibility is not `shared`.
 * @throws AppError ARTIFACT_NOT_FOUND, FORBIDDEN, MEMBERS_NOT_SHARED, ARTIFACT_DELETED
 */
export async function listMembers(
  context: OpContext,
  { artifactId, type, isSharedOnly = false, isLiveOnly = false }: ListMembersInput,
): Promise<readonly Member[]> {
  const artifact = await loadArtifact(context, artifactId, 'member:list', type);
  if (isLiveOnly && artifact.state === 'pending_delete' && !context.caller.isAdmin) throw new AppError('ARTIFACT_DELETED');
  if (artifact.visibility !== 'shared') {
    if (isSharedOnly) throw new AppError('MEMBERS_NOT_SHARED');
    return [];
  }
  return memberRecords.listMembers(context.db, [artifact.id]);
}
