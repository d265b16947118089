/** GraphQL's plane: the largest of the modules, loaded when it is first asked for, or when the rush of a start is over. */
import { join } from 'node:path';
import { packageRoot } from '#base/package-root.ts';
import type { Config } from '#config/config.ts';
import type { GraphqlPlane } from '#graphql/graphql-plane.ts';
import { loadGraphqlPlane } from '#graphql/load-graphql-plane.ts';
import type { Services } from '#ops/context.ts';
import type { TypeRegistry } from '#types/type-registry.ts';

/** Whoever boots a machine needs nothing of it, and loading it takes as long as all else. */
const loadAfterMs = 1000;

/** @throws AppError TYPE_INVALID where types of the operator's own do not make one schema: that stands against a start */
export async function openGraphql(
  config: Config,
  services: Services,
  stack: AsyncDisposableStack,
): Promise<GraphqlPlane['handle']> {
  const { types, log } = services;
  let loading: Promise<GraphqlPlane> | undefined;
  const load = (): Promise<GraphqlPlane> => {
    loading ??= loadPlane(config, services).catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
    return loading;
  };
  // Those that are shipped make one schema, as the one in the repository shows.
  if (!areShipped(types)) await load();
  const timer = setTimeout(() => {
    load().catch((err: unknown) => log.error({ err }, 'GraphQL could not be loaded'));
  }, loadAfterMs);
  stack.defer(() => clearTimeout(timer));
  return async (request, response, facts) => (await load()).handle(request, response, facts);
}

function areShipped({ types }: TypeRegistry): boolean {
  const shipped = join(packageRoot(), 'artifact-types');
  return [...types.values()].every(({ folder }) => join(folder, '..') === shipped);
}

async function loadPlane({ graphql, limits }: Config, services: Services): Promise<GraphqlPlane> {
  const { createGraphqlPlane, defaultGraphqlLimits } = await loadGraphqlPlane();
  const { depth, cost, aliases, tokens, graphiql, introspection } = graphql;
  const own = { maxDepth: depth, maxCost: cost, maxAliases: aliases, maxTokens: tokens, maxBodyBytes: limits.bodyBytes };
  return createGraphqlPlane({
    services,
    types: services.types,
    limits: { ...defaultGraphqlLimits, ...own },
    graphiql,
    introspection,
  });
}
