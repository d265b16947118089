/** Families: all versions of one name. */
import type { Family } from '#ops/get-family.ts';
import { getFamily } from '#ops/get-family.ts';
import { listArtifacts } from '#ops/list-artifacts.ts';
import { updateFamily } from '#ops/update-family.ts';
import { toPageRequest } from './connection.ts';
import { orNull } from './graphql-context.ts';
import type { SchemaParts } from './schema-parts.ts';

export type FamilyRef = ReturnType<typeof defineFamily>;

interface FamilyPayload {
  readonly family: Family;
}

export function defineFamily({ builder, node, pageArguments, artifactConnection }: SchemaParts) {
  return builder.objectRef<Family>('Family').implement({
    interfaces: [node],
    description: 'All versions of one name: (project, type, name).',
    fields: (t) => ({
      project: t.exposeString('project'),
      type: t.exposeString('type'),
      name: t.exposeString('name'),
      description: t.exposeString('description'),
      revision: t.exposeInt('revision'),
      createdAt: t.field({ type: 'DateTime', resolve: (family) => family.createdAt }),
      updatedAt: t.field({ type: 'DateTime', resolve: (family) => family.updatedAt }),
      artifacts: t.field({
        type: artifactConnection,
        description: 'The versions the caller has listed, newest first in SemVer order.',
        args: pageArguments,
        resolve: (family, args, { op }) =>
          listArtifacts(op, {
            // As a condition: of a type that is not loaded there is no list, but its families are readable.
            type: null,
            filter: {
              kind: 'and',
              of: [
                { kind: 'field', field: 'type', operator: 'eq', value: family.type },
                { kind: 'field', field: 'project', operator: 'eq', value: family.project },
                { kind: 'field', field: 'name', operator: 'eq', value: family.name },
              ],
            },
            orderBy: { key: 'version', direction: 'desc' },
            page: toPageRequest(args),
          }),
      }),
    }),
  });
}

export function addFamilyFields(parts: SchemaParts, family: FamilyRef): void {
  const { builder, defineMutation } = parts;
  builder.queryField('family', (t) =>
    t.field({
      type: family,
      nullable: true,
      description:
        "A family by its name. Without a project: the caller's own, then the trusted ones. Null where there is none to be seen.",
      args: {
        project: t.arg.string({}),
        type: t.arg.string({ required: true }),
        name: t.arg.string({ required: true }),
      },
      resolve: (_root, { project, type, name }, { op }) => orNull(getFamily(op, { project: project ?? undefined, type, name })),
    }),
  );
  defineMutation({
    name: 'updateFamily',
    description: 'Changes the description of a family.',
    input: builder.inputType('UpdateFamilyInput', {
      fields: (t) => ({
        id: t.id({ required: true }),
        description: t.string({ required: true }),
        expectedRevision: t.int(),
      }),
    }),
    payload: builder.objectRef<FamilyPayload>('UpdateFamilyPayload').implement({
      fields: (t) => ({ family: t.field({ type: family, resolve: (payload) => payload.family }) }),
    }),
    errors: ['ValidationError', 'NotFoundError', 'ForbiddenError', 'RevisionConflict'],
    run: async ({ op }, input) => ({
      family: await updateFamily(op, { ...input, expectedRevision: input.expectedRevision ?? undefined }),
    }),
  });
}
