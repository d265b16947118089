/** The interface every artifact answers to, whatever its type, and the object for types that are not loaded. */

import { isAppError } from '#base/app-error.ts';
import type { Artifact } from '#core/artifact.ts';
import type { OpContext } from '#ops/context.ts';
import { listDependents } from '#ops/list-dependents.ts';
import { listMembers } from '#ops/list-members.ts';
import { type BlobRef, defineBlob } from './blob.ts';
import { toPageRequest } from './connection.ts';
import { defineDependency } from './dependency.ts';
import { defineFamily, type FamilyRef } from './family.ts';
import { defineMember, type MemberRef } from './member.ts';
import { unknownTypeName } from './node.ts';
import type { SchemaParts } from './schema-parts.ts';
import { defineViewerCan } from './viewer-can.ts';

export interface ArtifactNouns {
  readonly blob: BlobRef;
  readonly family: FamilyRef;
  readonly member: MemberRef;
}

export function implementArtifact(parts: SchemaParts): ArtifactNouns {
  const { builder, artifact, node, enums, typeNameOf } = parts;
  const family = defineFamily(parts);
  const member = defineMember(parts);
  artifact.implement({
    interfaces: [node],
    resolveType: typeNameOf,
    description: 'One version of a family, or a thing of a type without a version.',
    fields: (t) => ({
      project: t.exposeString('project', { description: 'The tenant that owns it.' }),
      type: t.exposeString('type'),
      typeVersion: t.exposeString('typeVersion', { description: 'The version of the type it was written under.' }),
      name: t.exposeString('name', { nullable: true }),
      version: t.exposeString('version', { nullable: true }),
      state: t.field({ type: enums.state, resolve: (value) => value.state }),
      visibility: t.field({ type: enums.visibility, resolve: (value) => value.visibility }),
      hidden: t.exposeBoolean('hidden', { description: 'Left out of lists unless asked for.' }),
      protected: t.exposeBoolean('protected', { description: 'Refuses to be deleted.' }),
      deprecatedAt: t.field({ type: 'DateTime', nullable: true, resolve: (value) => value.deprecatedAt }),
      deprecationMessage: t.exposeString('deprecationMessage', { nullable: true }),
      yankedAt: t.field({ type: 'DateTime', nullable: true, resolve: (value) => value.yankedAt }),
      yankReason: t.exposeString('yankReason', { nullable: true }),
      properties: t.field({
        type: 'JSON',
        description: 'All properties as one JSON object, under their own names.',
        resolve: (value) => value.properties,
      }),
      tags: t.exposeStringList('tags'),
      digest: t.exposeString('digest', {
        nullable: true,
        description: '`sha256:<hex>` of what never changes after publish; null for drafts and unversioned artifacts.',
      }),
      revision: t.exposeInt('revision', { description: 'Grows with each change; give it back as expectedRevision.' }),
      createdAt: t.field({ type: 'DateTime', resolve: (value) => value.createdAt }),
      updatedAt: t.field({ type: 'DateTime', resolve: (value) => value.updatedAt }),
      publishedAt: t.field({ type: 'DateTime', nullable: true, resolve: (value) => value.publishedAt }),
      expiresAt: t.field({ type: 'DateTime', nullable: true, resolve: (value) => value.expiresAt }),
    }),
  });
  const blob = defineBlob(builder);
  addLinks(parts, { blob, family, member });
  builder.objectRef<Artifact>(unknownTypeName).implement({
    interfaces: [artifact, node],
    description: 'An artifact of a type that is not loaded on this server: readable, not writable.',
  });
  return { blob, family, member };
}

/** Everything of an artifact that is not in its own row. */
function addLinks(parts: SchemaParts, { blob, family, member }: ArtifactNouns): void {
  const { builder, artifact, pageArguments, artifactConnection } = parts;
  const dependency = defineDependency(parts);
  const viewerCan = defineViewerCan(builder);
  builder.interfaceFields(artifact, (t) => ({
    family: t.field({
      type: family,
      nullable: true,
      resolve: ({ familyId }, _args, context) => (familyId === null ? null : context.families.load(familyId)),
    }),
    blobs: t.field({
      type: [blob],
      description: 'Ordered by slot, then path.',
      args: { slot: t.arg.string({ description: 'Only those of this slot.' }) },
      resolve: ({ id, slots }, args) => {
        const slot = args.slot ?? undefined;
        const entries = slot === undefined ? slots : slots.filter((entry) => entry.slot === slot);
        return entries.map((entry) => ({ artifactId: id, entry }));
      },
    }),
    dependencies: t.field({
      type: [dependency],
      description: 'In the order they were declared.',
      resolve: ({ id }, _args, context) => context.dependencies.load(id),
    }),
    dependents: t.field({
      type: artifactConnection,
      description: 'The artifacts pinned to this one, as far as the caller may see them.',
      args: {
        transitive: t.arg.boolean({ defaultValue: false, description: 'Also what depends on those, and so on.' }),
        ...pageArguments,
      },
      resolve: ({ id }, args, { op }) =>
        listDependents(op, { id, transitive: args.transitive ?? false, page: toPageRequest(args) }),
    }),
    members: t.field({
      type: [member],
      nullable: true,
      description: 'The projects it is shared with, for whoever may read it; null where the policy says no.',
      resolve: ({ id }, _args, { op }) => membersOrNull(op, id),
    }),
    viewerCan: t.field({
      type: viewerCan,
      description: 'What the policy allows the caller, whatever the state of the artifact.',
      resolve: (value) => value,
    }),
  }));
}

async function membersOrNull(op: OpContext, artifactId: string) {
  try {
    return await listMembers(op, { artifactId });
  } catch (error) {
    if (isAppError(error, 'FORBIDDEN') || isAppError(error, 'ARTIFACT_NOT_FOUND')) return null;
    throw error;
  }
}
