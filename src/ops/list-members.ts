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
}

/**
 * All of them for the owner and for administrators, its own share for a member, none for anybody else: who else has an
 * artifact is not for every reader to know. [] while the visibility is not `shared`.
 * @throws AppError ARTIFACT_NOT_FOUND, FORBIDDEN, MEMBERS_NOT_SHARED
 */
export async function listMembers(
  context: OpContext,
  { artifactId, type, isSharedOnly = false }: ListMembersInput,
): Promise<readonly Member[]> {
  const { caller, db } = context;
  const artifact = await loadArtifact(context, artifactId, 'member:list', type);
  if (artifact.visibility !== 'shared') {
    if (isSharedOnly) throw new AppError('MEMBERS_NOT_SHARED');
    return [];
  }
  const members = await memberRecords.listMembers(db, [artifact.id]);
  if (caller.isAdmin || artifact.project === caller.project) return members;
  return members.filter(({ project }) => project === caller.project);
}
