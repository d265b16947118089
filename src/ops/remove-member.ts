/** Ends a share: by the owner, or by the project it is with, which thereby leaves. */
import { AppError } from '#base/app-error.ts';
import type { Member } from '#core/artifact.ts';
import { assertProject } from '#core/names.ts';
import { memberRecords } from '#metadata/metadata.ts';
import { lockCurrent } from './change-artifact.ts';
import type { OpContext } from './context.ts';
import { artifactNotFound, findArtifact, isOfType, loadedType } from './load-artifact.ts';
import { recordArtifactChange } from './record-change.ts';

export interface RemoveMemberInput {
  readonly artifactId: string;
  readonly project: string;
  /** Only of this type: others are not found. */
  readonly type?: string | undefined;
}

/**
 * Narrowing is always allowed, also while others depend on the artifact. Its row is locked all the same, so that a publish
 * which relies on the share comes wholly before or wholly after.
 * @throws AppError ARTIFACT_NOT_FOUND, FORBIDDEN, TYPE_UNLOADED, MEMBER_NOT_FOUND
 */
export async function removeMember(context: OpContext, input: RemoveMemberInput): Promise<Member> {
  const { artifactId } = input;
  const project = assertProject(input.project);
  const artifact = await findArtifact(context, artifactId);
  if (artifact === undefined || !isOfType(artifact, input.type)) throw artifactNotFound(artifactId);
  context.policy.authorise(context.caller, 'member:remove', { ...artifact, memberProject: project });
  loadedType(context, artifact);
  return context.db.transaction(
    async (tx) => {
      const locked = await lockCurrent(tx, artifact.id, undefined);
      const member = await memberRecords.removeMember(tx, artifact.id, project);
      if (member === undefined) throw new AppError('MEMBER_NOT_FOUND');
      const change = { kind: 'member.removed', action: 'member:remove', detail: { member: project } } as const;
      await recordArtifactChange(tx, context, change, { ...artifact, ...locked });
      return member;
    },
    { signal: context.signal },
  );
}
