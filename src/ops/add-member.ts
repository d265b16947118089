/** Shares an artifact with a project: it can read it at once, and has it in its lists once it accepted. */
import { AppError } from '#base/app-error.ts';
import type { Member } from '#core/artifact.ts';
import { assertProject } from '#core/names.ts';
import type { Sql } from '#metadata/database.ts';
import { artifactRecords, dependencyRecords, memberRecords } from '#metadata/metadata.ts';
import { lockCurrent } from './change-artifact.ts';
import { assertAudience } from './check-visibility.ts';
import type { OpContext } from './context.ts';
import { loadArtifact, loadedType } from './load-artifact.ts';
import { inputFault } from './name-artifact.ts';
import { recordArtifactChange } from './record-change.ts';

export interface AddMemberInput {
  readonly artifactId: string;
  readonly project: string;
  /** Only of this type: others are not found. */
  readonly type?: string | undefined;
  /** Most members; 128 where left out. */
  readonly quota?: number | undefined;
}

const defaultQuota = 128;

/**
 * @throws AppError ARTIFACT_NOT_FOUND, FORBIDDEN, TYPE_UNLOADED, MEMBERS_NOT_SHARED, MEMBER_EXISTS, LIMIT_EXCEEDED,
 *   AUDIENCE_TOO_WIDE when the project could not see what the artifact depends on, NAME_INVALID, INPUT_INVALID
 */
export async function addMember(context: OpContext, input: AddMemberInput): Promise<Member> {
  const artifact = await loadArtifact(context, input.artifactId, 'member:create', input.type);
  loadedType(context, artifact);
  const project = assertProject(input.project);
  const { quota = defaultQuota } = input;
  if (project === artifact.project) throw inputFault('/project', 'owns the artifact and needs no share');
  return context.db.transaction(
    async (tx) => {
      const locked = await lockCurrent(tx, artifact.id, undefined);
      if (locked.visibility !== 'shared') throw new AppError('MEMBERS_NOT_SHARED');
      const members = await memberRecords.listMembers(tx, [artifact.id]);
      if (members.some((member) => member.project === project)) throw new AppError('MEMBER_EXISTS');
      if (members.length >= quota) throw new AppError('LIMIT_EXCEEDED', `An artifact has at most ${quota} members.`);
      if (locked.state !== 'draft') await assertMaySee(tx, context, locked, project);
      const member = await memberRecords.insertMember(tx, artifact.id, project);
      if (member === undefined) throw new AppError('MEMBER_EXISTS');
      const change = { kind: 'member.added', action: 'member:create', detail: { member: project } } as const;
      await recordArtifactChange(tx, context, change, { ...artifact, ...locked });
      return member;
    },
    { signal: context.signal },
  );
}

async function assertMaySee(
  tx: Sql,
  context: OpContext,
  artifact: artifactRecords.LockedArtifact,
  project: string,
): Promise<void> {
  const dependencies = await dependencyRecords.listDependencies(tx, artifact.id);
  const pinned = [...new Set(dependencies.flatMap(({ resolved }) => resolved?.id ?? []))];
  const locked = await artifactRecords.lockArtifactsShared(tx, pinned);
  await assertAudience(tx, context, artifact, locked, [project]);
}
