/** What policies look at of an artifact and an operation has not at hand: read where one of them looks at it, and only there. */
import type { Sql } from '#metadata/database.ts';
import { artifactRecords } from '#metadata/metadata.ts';
import type { Action, Resource } from '#policy/policy.ts';
import type { OpContext } from './context.ts';
import { artifactNotFound } from './load-artifact.ts';

/** An artifact as far as an operation knows it. */
type Known = Resource & { readonly id: string };

/** @throws AppError ARTIFACT_NOT_FOUND where it has gone meanwhile */
export async function completeResource(context: OpContext, action: Action, known: Known): Promise<Resource> {
  const complete = (await completeResources(context, action, [known])).get(known.id);
  if (complete === undefined) throw artifactNotFound(known.id);
  return complete;
}

/**
 * By id, in at most one statement; none as long as the policies look at what is known already. What has gone meanwhile, or the
 * caller may not see, is left out.
 */
async function completeResources(
  context: OpContext,
  action: Action,
  known: readonly Known[],
  sql: Sql = context.db,
): Promise<ReadonlyMap<string, Resource>> {
  const reads = context.policy.reads(action);
  const isTold = (resource: Known) => [...reads].every((fact) => resource[fact] !== undefined);
  if (reads.size === 0 || known.every(isTold)) return new Map(known.map((resource) => [resource.id, resource]));
  const ids = [...new Set(known.map(({ id }) => id))];
  const found = await artifactRecords.findReadableArtifacts(sql, context.caller, ids);
  return new Map(found.map((artifact) => [artifact.id, artifact]));
}

/** An artifact of a closure: not all of it is as policies want it. */
type Node = Pick<Known, 'id' | 'project' | 'type'>;

function toKnown({ id, project, type }: Node): Known {
  return { id, project, type };
}

/**
 * The nodes that are still there, all of whose bytes the caller may have.
 * @throws AppError FORBIDDEN where of one the caller may not
 */
export async function authoriseDownloads(context: OpContext, nodes: readonly Node[]): Promise<ReadonlySet<string>> {
  const resources = await completeResources(context, 'blob:download', nodes.map(toKnown));
  for (const resource of resources.values()) context.policy.authorise(context.caller, 'blob:download', resource);
  return new Set(resources.keys());
}

/** The nodes whose bytes the caller may have. */
export async function findDownloadable(context: OpContext, nodes: readonly Node[], sql?: Sql): Promise<ReadonlySet<string>> {
  const resources = await completeResources(context, 'blob:download', nodes.map(toKnown), sql);
  const allowed = [...resources].filter(([, resource]) => context.policy.allows(context.caller, 'blob:download', resource));
  return new Set(allowed.map(([id]) => id));
}
