/** The graph that publish pinned: one statement, whatever its size. */

import { formatArtifactRef } from '#core/artifact-ref.ts';
import type { ClosureProblem } from '#core/closure.ts';
import type { Sql } from '#metadata/database.ts';
import { closureRecords } from '#metadata/metadata.ts';
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
  /** Where they were read with the graph. */
  readonly blobs?: readonly closureRecords.ClosureBlobRow[];
  /** There are more nodes than were asked for. */
  readonly isCut: boolean;
}

interface Reader {
  readonly caller: Pick<OpContext['caller'], 'project' | 'isAdmin'>;
  readonly blobs: Pick<OpContext['blobs'], 'stores'>;
}

/** Undefined when the caller may not see the root. */
export async function loadPinnedGraph(
  sql: Sql,
  { caller, blobs: { stores } }: Reader,
  root: string,
  maxNodes: number,
  hasAllDigests: boolean,
): Promise<ClosureGraph | undefined> {
  const parts = { stores: [...stores.keys()], hasAllDigests };
  const { isCut, blobs, ...pinned } = await closureRecords.loadPinned(sql, caller, root, maxNodes, parts);
  const nodes = new Map<string, closureRecords.ClosureNodeRow>();
  for (const row of pinned.nodes) nodes.set(row.id, row);
  if (!nodes.has(root)) return undefined;
  const edges = isCut ? pinned.edges.filter(({ artifact_id }) => nodes.has(artifact_id)) : pinned.edges;
  const problems: ClosureProblem[] = [];
  const links = edges.map((row) => {
    const ref = edgeRef(row);
    const target = row.resolved_id === null ? undefined : nodes.get(row.resolved_id);
    // Where the closure was cut, what lies beyond is missing for no other reason.
    if (target === undefined && (!isCut || row.resolved_id === null || row.was_deleted)) problems.push(missing(row, ref));
    return { row, ref, to: target?.id ?? null, version: target?.version ?? null };
  });
  return { root, nodes, links, problems, blobs, isCut };
}

/** What an edge points at, as it is written. */
export function edgeRef(row: closureRecords.ClosureEdgeRow): string {
  if (row.target_id !== null) return row.target_id;
  const { target_project: project, target_type: type, target_name: name, range } = row;
  return formatArtifactRef({ kind: 'range', project, type: type ?? '', name: name ?? '', range, exact: null });
}

/** What the caller may not see and what never was there get the same words; who could see it learns that it was deleted. */
function missing(row: closureRecords.ClosureEdgeRow, ref: string): ClosureProblem {
  const reason = row.resolved_id === null ? 'is not resolved before publish' : row.was_deleted ? 'was deleted' : 'is not there';
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
