/** Topological order and cycles: by example, by their definition on random graphs, and on long chains. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findCycle, type GraphEdge, topologicalOrder } from '#core/dependency-graph.ts';

const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1);

function order(ids: readonly string[], edges: readonly GraphEdge[]): string[] {
  return topologicalOrder(
    ids.map((id) => ({ id })),
    edges,
    byId,
  ).map((node) => node.id);
}

function edge(text: string): GraphEdge {
  const [from = '', to = ''] = text.split('>');
  return { from, to };
}

const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
const anyEdge = fc.record({ from: fc.constantFrom(...ids), to: fc.constantFrom(...ids) });
const graph = fc.record({ nodes: fc.shuffledSubarray(ids, { minLength: 7 }), edges: fc.array(anyEdge, { maxLength: 14 }) });
const acyclic = graph.map(({ nodes, edges }) => ({
  nodes,
  edges: edges.filter(({ from, to }) => nodes.indexOf(from) < nodes.indexOf(to)),
}));

describe('topologicalOrder', () => {
  it('puts dependencies first', () => {
    expect(order(['root', 'a', 'b', 'base'], ['root>a', 'root>b', 'a>base', 'b>base'].map(edge))).toEqual([
      'base',
      'a',
      'b',
      'root',
    ]);
  });

  it('breaks ties by the comparison, also among nodes freed later', () => {
    expect(order(['z', 'y', 'c', 'b', 'a'], ['a>z', 'b>y'].map(edge))).toEqual(['c', 'y', 'b', 'z', 'a']);
  });

  it('ignores edges to unknown nodes, to itself, and repeated ones', () => {
    expect(order(['b', 'a'], ['a>b', 'a>b', 'a>a', 'a>nowhere', 'nowhere>b'].map(edge))).toEqual(['b', 'a']);
  });

  it('still answers every node once where there is a cycle', () => {
    expect(order(['d', 'c', 'b', 'a'], ['a>b', 'b>a', 'c>a', 'd>c'].map(edge))).toEqual(['a', 'b', 'c', 'd']);
  });

  it('is the smallest order that respects every edge, whatever order the input has', () => {
    fc.assert(
      fc.property(acyclic, ({ nodes, edges }) => {
        const result = order(nodes, edges);
        expect(order(nodes.toReversed(), edges.toReversed())).toEqual(result);
        for (const [index, id] of result.entries()) {
          const before = new Set(result.slice(0, index));
          const free = ids.filter((node) => !before.has(node) && edges.every(({ from, to }) => from !== node || before.has(to)));
          expect(id).toBe(free.toSorted()[0]);
        }
      }),
    );
  });

  it('orders a chain of 20,000', () => {
    const chain = Array.from({ length: 20_000 }, (_, index) => String(index).padStart(5, '0'));
    const edges = chain.slice(1).map((to, index) => ({ from: chain[index] ?? '', to }));
    expect(order(chain, edges)).toEqual(chain.toReversed());
    expect(findCycle(chain, edges)).toBeUndefined();
    expect(findCycle(chain, [...edges, edge('19999>00000')])).toHaveLength(20_001);
  });
});

describe('findCycle', () => {
  it('answers the path with its first node repeated', () => {
    expect(findCycle(['x', 'a', 'b', 'c'], ['x>a', 'a>b', 'b>c', 'c>a'].map(edge))).toEqual(['a', 'b', 'c', 'a']);
    expect(findCycle(['a'], [edge('a>a')])).toEqual(['a', 'a']);
  });

  it('finds none in a diamond', () => {
    expect(findCycle(['root', 'a', 'b', 'base'], ['root>a', 'root>b', 'a>base', 'b>base'].map(edge))).toBeUndefined();
  });

  it('finds one exactly where there is one, and along edges that exist', () => {
    fc.assert(
      fc.property(graph, ({ nodes, edges }) => {
        const cycle = findCycle(nodes, edges);
        const left = new Set(nodes);
        // Take away what needs nothing that is left, until nothing changes: what stays is in a cycle or needs one.
        for (let before = -1; before !== left.size; ) {
          before = left.size;
          for (const id of [...left]) if (!edges.some(({ from, to }) => from === id && left.has(to))) left.delete(id);
        }
        expect(cycle !== undefined).toBe(left.size > 0);
        for (const [index, from] of (cycle ?? []).slice(0, -1).entries()) {
          expect(edges).toContainEqual({ from, to: cycle?.[index + 1] });
        }
        expect(cycle?.at(-1)).toBe(cycle?.[0]);
      }),
      { numRuns: 500 },
    );
  });
});
