/** A closure as JSON text. Where every node is a plain version, its texts are ready and only put in order; else it is assembled. */
import { type GraphEdge, topologicalOrder } from '#core/dependency-graph.ts';
import type { Sql } from '#metadata/database.ts';
import { closureOutlineRecords, closurePartRecords } from '#metadata/metadata.ts';
import { compareNodes, digestOfIdentities } from './assemble-closure.ts';
import { joinNode } from './closure-parts.ts';
import type { OpContext } from './context.ts';
import { authoriseClosure, finishClosure, type GetClosureInput, readClosure, readGraph, toNodeLimit } from './get-closure.ts';
import { requireComplete } from './require-complete.ts';

export interface GetClosureJsonInput extends GetClosureInput {
  /** Whether an incomplete one is wanted too. */
  readonly isPartial: boolean;
}

/** @throws AppError as getClosure, CLOSURE_INCOMPLETE */
export async function getClosureJson(context: OpContext, input: GetClosureJsonInput): Promise<string> {
  const { caller, blobs } = context;
  const maxNodes = toNodeLimit(context, input);
  const isPlain = input.mode === 'pinned' && input.inlineBytes === undefined && input.allDigests !== true;
  const found = await readClosure(context, input, async (sql, root) => {
    const stores = [...blobs.stores.keys()];
    const ready = isPlain ? await findReady(sql, caller, root, maxNodes, stores) : undefined;
    return ready ?? readGraph(sql, context, root, input, maxNodes);
  });
  if (found !== undefined && 'json' in found) {
    await authoriseClosure(context, found.root);
    return found.json;
  }
  const { closure } = await finishClosure(context, input, maxNodes, found);
  if (!input.isPartial) requireComplete(closure);
  return JSON.stringify(closure);
}

interface ReadyAnswer {
  readonly root: { readonly id: string; readonly project: string; readonly type: string };
  readonly json: string;
}

async function findReady(
  sql: Sql,
  viewer: OpContext['caller'],
  root: string,
  maxNodes: number,
  stores: readonly string[],
): Promise<ReadyAnswer | undefined> {
  const outlined = await closureOutlineRecords.findOutlinedClosure(sql, viewer, root, maxNodes, stores);
  if (outlined !== undefined) return { root: { id: root, ...outlined }, json: joinClosure(root, outlined) };
  const nodes = await closurePartRecords.findReadyClosure(sql, viewer, root, maxNodes, stores);
  return nodes === undefined ? undefined : joinReady(nodes, root);
}

export interface ReadyClosure extends ReadyAnswer {
  /** In the order they are answered. */
  readonly ids: readonly string[];
  readonly digest: string;
}

/** Undefined where two versions of one family are in it, or the pins go round: what that means is not for texts to say. */
export function joinReady(nodes: readonly closurePartRecords.ReadyNode[], root: string): ReadyClosure | undefined {
  const families = new Set(nodes.map(({ project, type, name }) => `${project}/${type}/${name}`));
  const links = nodes.flatMap(({ id, targets }) => targets.map((to): GraphEdge => ({ from: id, to })));
  const ordered = topologicalOrder(nodes, links, compareNodes);
  const first = nodes.find(({ id }) => id === root);
  if (first === undefined || families.size < nodes.length || !isOrdered(ordered)) return undefined;
  const digest = digestOfIdentities(ordered.map(({ identity }) => identity));
  const json = joinClosure(root, {
    nodes: ordered.map(({ head, properties, blobs }) => joinNode(head, properties, blobs)).join(','),
    edges: ordered.flatMap(({ edges }) => (edges === '' ? [] : edges)).join(','),
    digest,
  });
  return { root: first, json, ids: ordered.map(({ id }) => id), digest };
}

function joinClosure(
  root: string,
  { nodes, edges, digest }: Pick<closureOutlineRecords.OutlinedClosure, 'nodes' | 'edges' | 'digest'>,
): string {
  return `{"root":"${root}","mode":"pinned","nodes":[${nodes}],"edges":[${edges}],"problems":[],"complete":true,"closureDigest":"${digest}"}`;
}

/** Each after all it needs. */
function isOrdered(nodes: readonly closurePartRecords.ReadyNode[]): boolean {
  const done = new Set<string>();
  return nodes.every(({ id, targets }) => {
    done.add(id);
    return targets.every((to) => to !== id && done.has(to));
  });
}
