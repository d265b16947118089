/** Order and cycles in a graph of dependencies, without recursion: a chain may be thousands long. */

/** `from` depends on `to`. */
export interface GraphEdge {
  readonly from: string;
  readonly to: string;
}

/**
 * Dependencies first; among nodes that are free at the same time, the smallest by `compare` first, which makes the order unique
 * where `compare` never answers 0. In a cycle the smallest node left goes first, as if nothing it needs were missing. Edges to
 * unknown nodes are ignored.
 */
export function topologicalOrder<Node extends { readonly id: string }>(
  nodes: readonly Node[],
  edges: readonly GraphEdge[],
  compare: (a: Node, b: Node) => number,
): Node[] {
  const sorted = nodes.toSorted(compare);
  const rankById = new Map(sorted.map((node, rank) => [node.id, rank]));
  const dependents: number[][] = sorted.map(() => []);
  const missing: number[] = sorted.map(() => 0);
  for (const { from, to } of edges) {
    const consumer = rankById.get(from);
    const needed = rankById.get(to);
    if (consumer === undefined || needed === undefined || consumer === needed) continue;
    dependents[needed]?.push(consumer);
    missing[consumer] = (missing[consumer] ?? 0) + 1;
  }
  return walk(missing, dependents).flatMap((rank) => sorted[rank] ?? []);
}

/** The ids along one cycle, its first id repeated at the end; undefined when there is none. The same for the same input order. */
export function findCycle(nodes: readonly string[], edges: readonly GraphEdge[]): string[] | undefined {
  const targets = new Map<string, string[]>(nodes.map((id) => [id, []]));
  for (const { from, to } of edges) if (targets.has(to)) targets.get(from)?.push(to);
  const done = new Set<string>();
  for (const start of nodes) {
    const cycle = done.has(start) ? undefined : findCycleFrom(start, targets, done);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

/** Ranks in topological order; ranks are already sorted, so a heap of numbers decides ties. */
function walk(missing: number[], dependents: readonly (readonly number[])[]): number[] {
  const ready = createHeap();
  const taken = missing.map(() => false);
  for (const [rank, count] of missing.entries()) if (count === 0) ready.push(rank);
  const order: number[] = [];
  let lowest = 0;
  while (order.length < missing.length) {
    let rank = ready.pop();
    if (rank === undefined) {
      while (taken[lowest]) lowest += 1;
      rank = lowest;
    }
    if (taken[rank]) continue;
    taken[rank] = true;
    order.push(rank);
    for (const consumer of dependents[rank] ?? []) {
      const left = (missing[consumer] ?? 0) - 1;
      missing[consumer] = left;
      if (left === 0 && !taken[consumer]) ready.push(consumer);
    }
  }
  return order;
}

/** Depth first with a stack of our own: `path` is the way from `start`, and an edge back into it is a cycle. */
function findCycleFrom(start: string, targets: ReadonlyMap<string, readonly string[]>, done: Set<string>): string[] | undefined {
  const path: { id: string; next: number }[] = [{ id: start, next: 0 }];
  const onPath = new Set([start]);
  for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
    const target = targets.get(top.id)?.[top.next];
    top.next += 1;
    if (target === undefined) {
      done.add(top.id);
      onPath.delete(top.id);
      path.pop();
    } else if (onPath.has(target)) {
      const ids = path.map((step) => step.id);
      return [...ids.slice(ids.indexOf(target)), target];
    } else if (!done.has(target)) {
      onPath.add(target);
      path.push({ id: target, next: 0 });
    }
  }
  return undefined;
}

/** A binary heap of numbers, smallest first. */
function createHeap() {
  const items: number[] = [];
  const at = (index: number) => items[index] ?? Number.POSITIVE_INFINITY;
  const swap = (a: number, b: number) => {
    const kept = at(a);
    items[a] = at(b);
    items[b] = kept;
  };
  return {
    push(value: number): void {
      let index = items.push(value) - 1;
      for (let parent = (index - 1) >> 1; index > 0 && at(parent) > at(index); parent = (index - 1) >> 1) {
        swap(parent, index);
        index = parent;
      }
    },
    pop(): number | undefined {
      const first = items[0];
      const last = items.pop();
      if (first === undefined || last === undefined || items.length === 0) return first;
      items[0] = last;
      for (let index = 0; ; ) {
        const left = 2 * index + 1;
        const child = at(left + 1) < at(left) ? left + 1 : left;
        if (at(child) >= at(index)) return first;
        swap(child, index);
        index = child;
      }
    },
  };
}
