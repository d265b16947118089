/** The ways to an artifact: by id, by reference, by list. */

import { AppError } from '#base/app-error.ts';
import type { Artifact } from '#core/artifact.ts';
import { getArtifact } from '#ops/get-artifact.ts';
import { listArtifacts } from '#ops/list-artifacts.ts';
import { resolveReference } from '#ops/resolve-reference.ts';
import { defineArtifactFilter, toFilter } from './artifact-filter.ts';
import { toPageRequest } from './connection.ts';
import type { FilterOperands } from './filter-operands.ts';
import { type GraphqlContext, orNull } from './graphql-context.ts';
import type { NodeValue } from './node.ts';
import { defaultOrder, defineOrder, toOrder } from './order.ts';
import type { SchemaParts } from './schema-parts.ts';

/** Ids that one `nodes` may ask for. */
const maxNodeIds = 100;

interface ResolvedReference {
  readonly artifact: Artifact;
  readonly warnings: readonly string[];
}

export function addQueries(parts: SchemaParts, operands: FilterOperands): void {
  addNodes(parts);
  addArtifact(parts);
  addArtifacts(parts, operands);
}

function addNodes({ builder, node }: SchemaParts): void {
  builder.queryFields((t) => ({
    node: t.field({
      type: node,
      nullable: true,
      description: 'Null for what does not exist and for what the caller may not see.',
      args: { id: t.arg.id({ required: true }) },
      resolve: (_root, { id }, context) => findNode(context, id),
    }),
    nodes: t.field({
      type: [node],
      nullable: { list: false, items: true },
      description: `As many answers as ids, in their order; at most ${maxNodeIds}.`,
      args: { ids: t.arg.idList({ required: true }) },
      resolve: (_root, { ids }, context) => findNodes(context, ids),
    }),
  }));
}

function addArtifact({ builder, artifact }: SchemaParts): void {
  const resolved = builder.objectRef<ResolvedReference>('ResolvedReference').implement({
    fields: (t) => ({
      artifact: t.field({ type: artifact, resolve: (value) => value.artifact }),
      warnings: t.exposeStringList('warnings', { description: 'What a reader should know, such as that the version is yanked.' }),
    }),
  });
  builder.queryFields((t) => ({
    artifact: t.field({
      type: artifact,
      nullable: true,
      description: 'Null for what does not exist and for what the caller may not see.',
      args: { id: t.arg.id({ required: true }) },
      resolve: (_root, { id }, { op }) => orNull(getArtifact(op, { id })),
    }),
    resolve: t.field({
      type: resolved,
      description: 'What a reference leads to now: `[project/]type/name[@range | @sha256:<digest>]`, or an id.',
      args: { ref: t.arg.string({ required: true }) },
      resolve: (_root, { ref }, { op }) => resolveReference(op, { ref }),
    }),
  }));
}

function addArtifacts({ builder, types, artifactConnection, pageArguments }: SchemaParts, operands: FilterOperands): void {
  const filter = defineArtifactFilter(builder, 'ArtifactFilter', operands, null);
  const order = defineOrder(builder, 'ArtifactOrder', null);
  const byName = new Map(types.map((type) => [type.manifest.type, type]));
  builder.queryField('artifacts', (t) =>
    t.field({
      type: artifactConnection,
      description: 'The artifacts of all types, or of one, that the caller has listed.',
      args: {
        type: t.arg.string({}),
        filter: t.arg({ type: filter }),
        orderBy: t.arg({ type: order.ref, defaultValue: defaultOrder }),
        includeHidden: t.arg.boolean({ defaultValue: false }),
        ...pageArguments,
      },
      resolve: (_root, args, { op }) => {
        const type = args.type ?? null;
        return listArtifacts(op, {
          type,
          filter: toFilter(args.filter, { types: byName, type, fields: new Map() }),
          orderBy: toOrder(order, args.orderBy),
          page: toPageRequest(args),
          includeHidden: args.includeHidden ?? false,
        });
      },
    }),
  );
}

/** One statement in the first case: most ids are those of artifacts. */
async function findNode({ artifacts, families }: GraphqlContext, id: string): Promise<NodeValue | null> {
  return (await artifacts.load(id)) ?? families.load(id);
}

async function findNodes(context: GraphqlContext, ids: readonly string[]): Promise<readonly (NodeValue | null)[]> {
  if (ids.length > maxNodeIds) throw tooManyIds();
  return Promise.all(ids.map((id) => findNode(context, id)));
}

function tooManyIds(): AppError {
  const message = `At most ${maxNodeIds} ids at once.`;
  return new AppError('INPUT_INVALID', message, { faults: [{ pointer: '/ids', message }] });
}
