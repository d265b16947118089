/** The direct dependencies of several artifacts in one statement: as written, and what publish pinned. */
import { isUuid } from '#base/id.ts';
import type { Dependency } from '#core/artifact.ts';
import { dependencyRecords } from '#metadata/metadata.ts';
import { toDependency } from './check-dependencies.ts';
import type { OpContext } from './context.ts';

/**
 * By artifact id, in the order they were declared; [] for an artifact without any, or that the caller may not see. A pin of
 * what the caller may not see is null: only the constraint as written stays.
 */
export async function listDependencies(
  context: OpContext,
  { artifactIds }: { readonly artifactIds: readonly string[] },
): Promise<ReadonlyMap<string, readonly Dependency[]>> {
  context.policy.authorise(context.caller, 'artifact:list', { project: context.caller.project });
  const ids = [...new Set(artifactIds.filter(isUuid))];
  const rows = ids.length === 0 ? [] : await dependencyRecords.listReadableDependencies(context.db, context.caller, ids);
  const found = Map.groupBy(rows, ({ artifactId }) => artifactId);
  return new Map(ids.map((id) => [id, (found.get(id) ?? []).map(toDependency)]));
}
