/** The graph that publish pinned: two statements, whatever its size. */

import { formatArtifactRef } from '#core/artifact-ref.ts';
import type { ClosureProblem } from '#core/closure.ts';
import type { Sql } from '#metadata/database.ts';
import { closureRecords } from '#metadata/metadata.ts';
import { targetRef } from './check-dependencies.ts';
import type { OpContext } from './context.ts';

/** An edge with its answer, if it has one. */
export interface GraphLink {
  readonly row: closureRecords.ClosureEdgeRow;
  readonly ref: string;
  readonly to: string | null;
  readonly version: string | null;
}

/** The nodes a root reaches, and the problems found on the way. */
export interface ClosureGraph {
  readonly root: string;
  readonly nodes: ReadonlyMap<string, closureRecords.ClosureNodeRow>;
  readonly links: readonly GraphLink[];
  readonly problems: readonly ClosureProblem[];
  /** There are more nodes than were asked for. */
  readonly isCut: boolean;
}

/** Undefined when the caller may not see the root. */
export async function loadPinnedGraph(
  tx: Sql,
  { caller }: OpContext,
  root: string,
  maxNodes: number,
): Promise<ClosureGraph | undefined> {
  const rows = await closureRecords.listPinnedNodes(tx, caller, root, maxNodes + 1);
  if (!rows.some(({ id }) => id === root)) return undefined;
  const isCut = rows.length > maxNodes;
  // The root comes first out of the recursion, so that a cut never loses it.
  const nodes = new Map((isCut ? keepRoot(rows, root, maxNodes) : rows).map((row) => [row.id, row]));
  const edges = await closureRecords.listClosureEdges(tx, caller, [...nodes.keys()]);
  const problems: ClosureProblem[] = [];
  const links = edges.map((row) => {
    const ref = formatArtifactRef(targetRef(toTarget(row)));
    const isThere = row.resolved_id !== null && row.pinned_state !== 'deleted';
    if (!isThere) problems.push(missing(row, ref));
    const isNode = row.resolved_id !== null && nodes.has(row.resolved_id);
    return { row, ref, to: isNode ? row.resolved_id : null, version: isNode ? row.resolved_version : null };
  });
  return { root, nodes, links, problems, isCut };
}

function keepRoot(rows: readonly closureRecords.ClosureNodeRow[], root: string, maxNodes: number) {
  const others = rows.filter(({ id }) => id !== root).slice(0, maxNodes - 1);
  return [...rows.filter(({ id }) => id === root), ...others];
}

export function toTarget(row: closureRecords.ClosureEdgeRow) {
  return {
    targetProject: row.target_project,
    targetType: row.target_type,
    targetName: row.target_name,
    targetId: row.target_id,
    range: row.range,
  };
}

/** What the caller may not see and what never was there get the same words; who could see it learns that it was deleted. */
function missing(row: closureRecords.ClosureEdgeRow, ref: string): ClosureProblem {
  const reason = !row.has_pin
    ? 'is not resolved before publish'
    : row.pinned_state === 'deleted'
      ? 'was deleted'
      : 'is not there';
  return edgeProblem('NOT_FOUND', row, `${ref} (${row.alias}) ${reason}.`);
}

export function edgeProblem(
  kind: ClosureProblem['kind'],
  { artifact_id, alias }: closureRecords.ClosureEdgeRow,
  message: string,
  candidates: readonly string[] = [],
): ClosureProblem {
  return { kind, message, node: artifact_id, alias, usable: false, candidates, path: [] };
}
