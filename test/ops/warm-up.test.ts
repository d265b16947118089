import { describe, expect, it } from 'vitest';
import { closureRecords } from '#metadata/metadata.ts';
import { assembleClosure } from '#ops/assemble-closure.ts';
import { loadPinnedGraph } from '#ops/load-pinned-graph.ts';
import { warmUp } from '#ops/warm-up.ts';
import { createTestDatabase } from '#test/support/database.ts';

describe('warming up', () => {
  it('rehearses a whole closure, links, blobs and all', async () => {
    const { sql, root } = closureRecords.rehearseClosure(40);
    const caller = { project: 'anybody', isAdmin: false };
    const graph = await loadPinnedGraph(sql, { caller, blobs: { stores: new Map() } }, root, 40, false);
    if (graph === undefined) throw new Error('there is no graph');
    const { closure } = assembleClosure({ types: { types: new Map() } }, 'pinned', graph);
    expect(closure).toMatchObject({ complete: true, root, problems: [] });
    expect(closure.nodes).toHaveLength(40);
    expect(closure.nodes.every(({ blobs }) => blobs.length === 1)).toBe(true);
    expect(closure.edges.length).toBeGreaterThan(80);
  });

  it('prepares the statement of a closure on the connection that the next caller is given', async () => {
    await using test = await createTestDatabase();
    await warmUp(test.db);
    const prepared = await test.db.query<{ name: string; generic_plans: number }>({
      text: 'SELECT name, generic_plans FROM pg_prepared_statements',
    });
    expect(prepared).toMatchObject([{ name: 'closure-pinned', generic_plans: 1 }]);
  });
});
