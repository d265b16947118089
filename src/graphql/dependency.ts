/** A declared link of an artifact, and what publish resolved it to. */
import type { Dependency, ResolvedPin } from '#core/artifact.ts';
import type { SchemaParts } from './schema-parts.ts';

export function defineDependency({ builder, artifact }: SchemaParts) {
  const pin = builder.objectRef<ResolvedPin>('ResolvedPin').implement({
    description: 'The exact artifact a dependency was pinned to.',
    fields: (t) => ({
      id: t.exposeID('id'),
      project: t.exposeString('project'),
      type: t.exposeString('type'),
      name: t.exposeString('name', { nullable: true }),
      version: t.exposeString('version', { nullable: true }),
      digest: t.exposeString('digest', { nullable: true }),
      artifact: t.field({
        type: artifact,
        nullable: true,
        description: 'Null once it was deleted, or may no longer be seen.',
        resolve: (value, _args, context) => context.artifacts.load(value.id),
      }),
    }),
  });
  return builder.objectRef<Dependency>('Dependency').implement({
    description: 'A declared link: a family by range, or one exact artifact.',
    fields: (t) => ({
      slot: t.exposeString('slot'),
      alias: t.exposeString('alias', { description: "The name that the artifact's own files use." }),
      ref: t.exposeString('ref', { description: 'The reference as written, in canonical form.' }),
      targetProject: t.exposeString('targetProject', { nullable: true }),
      targetType: t.exposeString('targetType', { nullable: true }),
      targetName: t.exposeString('targetName', { nullable: true }),
      targetId: t.exposeID('targetId', { nullable: true }),
      range: t.exposeString('range', { description: "The SemVer range as written; '' is any release." }),
      parameter: t.exposeString('parameter', { nullable: true }),
      resolved: t.field({
        type: pin,
        nullable: true,
        description: 'Null before publish, and where the caller may not see it.',
        resolve: (value) => value.resolved,
      }),
    }),
  });
}
