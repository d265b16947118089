/** Members: the projects an artifact is shared with. */
import type { Member } from '#core/artifact.ts';
import { addMember } from '#ops/add-member.ts';
import { removeMember } from '#ops/remove-member.ts';
import { updateMember } from '#ops/update-member.ts';
import type { SchemaParts } from './schema-parts.ts';

export type MemberRef = ReturnType<typeof defineMember>;

interface MemberPayload {
  readonly member: Member;
}

const errors = ['ValidationError', 'NotFoundError', 'ForbiddenError', 'ConflictError', 'LimitError'] as const;

export function defineMember({ builder, enums }: SchemaParts) {
  return builder.objectRef<Member>('Member').implement({
    description: 'A project that an artifact is shared with.',
    fields: (t) => ({
      artifactId: t.exposeID('artifactId'),
      project: t.exposeString('project'),
      status: t.field({ type: enums.memberStatus, resolve: (member) => member.status }),
      createdAt: t.field({ type: 'DateTime', resolve: (member) => member.createdAt }),
      updatedAt: t.field({ type: 'DateTime', resolve: (member) => member.updatedAt }),
    }),
  });
}

export function addMemberMutations({ builder, enums, defineMutation }: SchemaParts, member: MemberRef): void {
  const payload = builder.objectRef<MemberPayload>('MemberPayload').implement({
    fields: (t) => ({ member: t.field({ type: member, resolve: (value) => value.member }) }),
  });
  defineMutation({
    name: 'addMember',
    description: 'Shares an artifact of visibility `shared` with a project, which may then accept it.',
    input: builder.inputType('AddMemberInput', {
      fields: (t) => ({ artifactId: t.id({ required: true }), project: t.string({ required: true }) }),
    }),
    payload,
    errors,
    run: async ({ op }, input) => ({ member: await addMember(op, input) }),
  });
  defineMutation({
    name: 'updateMember',
    description: 'Accepts or rejects what is shared with a project.',
    input: builder.inputType('UpdateMemberInput', {
      fields: (t) => ({
        artifactId: t.id({ required: true }),
        project: t.string({ required: true }),
        status: t.field({ type: enums.memberStatus, required: true }),
      }),
    }),
    payload,
    errors,
    run: async ({ op }, input) => ({ member: await updateMember(op, input) }),
  });
  defineMutation({
    name: 'removeMember',
    description: 'Ends the sharing of an artifact with a project; answers what was removed.',
    input: builder.inputType('RemoveMemberInput', {
      fields: (t) => ({ artifactId: t.id({ required: true }), project: t.string({ required: true }) }),
    }),
    payload,
    errors,
    run: async ({ op }, input) => ({ member: await removeMember(op, input) }),
  });
}
