/** The projects an artifact is shared with. */
import type { Member } from '#core/artifact.ts';
import { memberRecords } from '#metadata/metadata.ts';
import type { OpContext } from './context.ts';
import { loadArtifact } from './load-artifact.ts';

/**
 * All of them for the owner and for administrators, its own share for a member, none for anybody else: who else has an
 * artifact is not for every reader to know. [] while the visibility is not `shared`.
 * @throws AppError ARTIFACT_NOT_FOUND
 */
export async function listMembers(
  context: OpContext,
  { artifactId }: { readonly artifactId: string },
): Promise<readonly Member[]> {
  const { caller, db } = context;
  const artifact = await loadArtifact(context, artifactId, 'member:list');
  if (artifact.visibility !== 'shared') return [];
  const members = await memberRecords.listMembers(db, [artifact.id]);
  if (caller.isAdmin || artifact.project === caller.project) return members;
  return members.filter(({ project }) => project === caller.project);
}
