/** A closure: an artifact with everything it needs, and its projection for Heat. */
import {
  type Closure,
  type ClosureBlob,
  type ClosureEdge,
  type ClosureNode,
  type ClosureProblem,
  problemKinds,
} from '#core/closure.ts';
import { getClosure } from '#ops/get-closure.ts';
import { projectHeat } from '#ops/project-heat.ts';
import type { SchemaParts } from './schema-parts.ts';

type Refs = ReturnType<typeof defineParts>;

export function addClosure(parts: SchemaParts): void {
  const { builder, enums } = parts;
  const refs = defineParts(parts);
  const closure = defineClosure(parts, refs);
  builder.queryField('closure', (t) =>
    t.field({
      type: closure,
      description: 'Everything a reference needs, read in one snapshot. Problems are part of the answer.',
      args: {
        ref: t.arg.string({ required: true }),
        mode: t.arg({ type: enums.closureMode, defaultValue: 'pinned' }),
        inlineBytes: t.arg.int({ description: 'Blobs of text slots up to this size come with their text.' }),
        maxNodes: t.arg.int({}),
      },
      resolve: (_root, args, { op }) =>
        getClosure(op, {
          ref: args.ref,
          mode: args.mode ?? 'pinned',
          allDigests: true,
          inlineBytes: args.inlineBytes ?? undefined,
          maxNodes: args.maxNodes ?? undefined,
        }),
    }),
  );
  builder.queryField('heatProjection', (t) =>
    t.field({
      type: 'JSON',
      description: 'The closure as Heat takes it: template, files, environment_files, parameters.',
      args: {
        ref: t.arg.string({ required: true }),
        mode: t.arg({ type: enums.closureMode, defaultValue: 'pinned' }),
      },
      resolve: async (_root, args, { op }) => ({ ...(await projectHeat(op, { ref: args.ref, mode: args.mode ?? 'pinned' })) }),
    }),
  );
}

function defineClosure({ builder, enums }: SchemaParts, { node, edge, problem }: Refs) {
  return builder.objectRef<Closure>('Closure').implement({
    description: 'An artifact with everything it needs, each pinned to version and digest.',
    fields: (t) => ({
      root: t.exposeID('root'),
      mode: t.field({ type: enums.closureMode, resolve: (value) => value.mode }),
      complete: t.exposeBoolean('complete', {
        description: 'Nothing is missing; problems that are left are usable all the same.',
      }),
      closureDigest: t.exposeString('closureDigest', { nullable: true, description: 'Null unless complete.' }),
      nodes: t.field({ type: [node], description: 'Dependencies first.', resolve: (value) => value.nodes }),
      edges: t.field({ type: [edge], resolve: (value) => value.edges }),
      problems: t.field({ type: [problem], resolve: (value) => value.problems }),
    }),
  });
}

function defineParts({ builder }: SchemaParts) {
  const problemKind = builder.enumType('ClosureProblemKind', { values: problemKinds });
  const blob = builder.objectRef<ClosureBlob>('ClosureBlob').implement({
    fields: (t) => ({
      slot: t.exposeString('slot'),
      path: t.exposeString('path'),
      mediaType: t.exposeString('mediaType'),
      sizeBytes: t.field({ type: 'Long', resolve: (value) => value.sizeBytes }),
      sha256: t.exposeString('sha256'),
      sha512: t.string({ resolve: (value) => value.sha512 ?? '' }),
      md5: t.string({ resolve: (value) => value.md5 ?? '' }),
      url: t.exposeString('url', { description: 'Path on this server, without host.' }),
      text: t.exposeString('text', { nullable: true, description: 'Where it was asked for by inlineBytes.' }),
    }),
  });
  const node = builder.objectRef<ClosureNode>('ClosureNode').implement({
    description: 'One artifact of a closure; each stands in it once.',
    fields: (t) => ({
      id: t.exposeID('id'),
      project: t.exposeString('project'),
      type: t.exposeString('type'),
      typeVersion: t.exposeString('typeVersion'),
      name: t.exposeString('name', { nullable: true }),
      version: t.exposeString('version', { nullable: true }),
      digest: t.exposeString('digest', { nullable: true }),
      state: t.exposeString('state'),
      yanked: t.exposeBoolean('yanked'),
      properties: t.field({ type: 'JSON', resolve: (value) => value.properties }),
      blobs: t.field({ type: [blob], resolve: (value) => value.blobs }),
    }),
  });
  const edge = builder.objectRef<ClosureEdge>('ClosureDependency').implement({
    description: 'A link between two nodes of a closure, as it was written and as it was resolved.',
    fields: (t) => ({
      from: t.exposeID('from'),
      slot: t.exposeString('slot'),
      alias: t.exposeString('alias'),
      ref: t.exposeString('ref'),
      range: t.exposeString('range'),
      parameter: t.exposeString('parameter', { nullable: true }),
      to: t.exposeID('to', { nullable: true, description: 'Null where it could not be resolved; see problems.' }),
      version: t.exposeString('version', { nullable: true }),
    }),
  });
  const problem = builder.objectRef<ClosureProblem>('ClosureProblem').implement({
    fields: (t) => ({
      kind: t.field({ type: problemKind, resolve: (value) => value.kind }),
      message: t.exposeString('message'),
      node: t.exposeID('node'),
      alias: t.exposeString('alias', { nullable: true }),
      usable: t.exposeBoolean('usable'),
      candidates: t.exposeStringList('candidates', { description: 'Visible versions, newest first.' }),
      path: t.exposeStringList('path', { description: 'The ids of a cycle.' }),
    }),
  });
  return { node, edge, problem };
}
