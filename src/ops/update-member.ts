/** Answers a share: only the project it is with says whether it wants the artifact in its lists. */
import { AppError } from '#base/app-error.ts';
import type { Member, MemberStatus } from '#core/artifact.ts';
import { assertProject } from '#core/names.ts';
import { memberRecords } from '#metadata/metadata.ts';
import { lockCurrent } from './change-artifact.ts';
import type { OpContext } from './context.ts';
import { artifactNotFound, findArtifact, isOfType, loadedType } from './load-artifact.ts';
import { recordArtifactChange } from './record-change.ts';

export interface UpdateMemberInput {
  readonly artifactId: string;
  readonly project: string;
  /** Only of this type: others are not found. */
  readonly type?: string | undefined;
  readonly status: MemberStatus;
}

/** Saying the same again changes nothing. @throws AppError ARTIFACT_NOT_FOUND, FORBIDDEN, TYPE_UNLOADED, MEMBERS_NOT_SHARED, MEMBER_NOT_FOUND */
export async function updateMember(context: OpContext, input: UpdateMemberInput): Promise<Member> {
  const { artifactId, status } = input;
  const project = assertProject(input.project);
  const artifact = await findArtifact(context, artifactId);
  if (artifact === undefined || !isOfType(artifact, input.type)) throw artifactNotFound(artifactId);
  context.policy.authorise(context.caller, 'member:update', { ...artifact, memberProject: project });
  loadedType(context, artifact);
  return context.db.transaction(
    async (tx) => {
      const locked = await lockCurrent(tx, artifact.id, undefined);
      if (locked.visibility !== 'shared') throw new AppError('MEMBERS_NOT_SHARED');
      const members = await memberRecords.listMembers(tx, [artifact.id]);
      const current = members.find((member) => member.project === project);
      if (current?.status === status) return current;
      const member = await memberRecords.updateMember(tx, artifact.id, project, status);
      if (member === undefined) throw new AppError('MEMBER_NOT_FOUND');
      const change = { kind: 'member.updated', action: 'member:update', detail: { member: project, status } } as const;
      await recordArtifactChange(tx, context, change, { ...artifact, ...locked });
      return member;
    },
    { signal: context.signal },
  );
}
