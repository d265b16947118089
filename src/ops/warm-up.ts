/** What the first caller after a start would otherwise wait for: a connection that knows the tables, code that has run before. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { randomId } from '#base/id.ts';
import type { Database } from '#metadata/database.ts';
import { closureRecords } from '#metadata/metadata.ts';
import { assembleClosure } from './assemble-closure.ts';
import { loadPinnedGraph } from './load-pinned-graph.ts';

const nobody = { project: '', isAdmin: false };

/** PostgreSQL plans a prepared statement anew for its first five executions, and then keeps one plan. */
const executions = 6;

/** Small closures often, so that V8 has compiled what it takes when the first large one comes. */
const rehearsals = 12;
const rehearsedNodes = 120;

/** Reads nothing: there is no such artifact. Failing is no fault: then the first caller waits, or sees what is wrong. */
export async function warmUp(db: Database): Promise<void> {
  // The code warms while PostgreSQL reads its catalogues.
  await Promise.all([warmConnection(db), rehearse()]);
}

async function warmConnection(db: Database): Promise<void> {
  const parts = { stores: [], hasAllDigests: false };
  for (let execution = 0; execution < executions; execution += 1) {
    await closureRecords.loadPinned(db, nobody, randomId(), 1, parts);
  }
}

async function rehearse(): Promise<void> {
  const { sql, root } = closureRecords.rehearseClosure(rehearsedNodes);
  const rules = { types: { types: new Map() } };
  for (let round = 0; round < rehearsals; round += 1) {
    const graph = await loadPinnedGraph(sql, { caller: nobody, blobs: { stores: new Map() } }, root, rehearsedNodes, false);
    if (graph !== undefined) JSON.stringify(assembleClosure(rules, 'pinned', graph).closure);
    await nextTurn();
  }
}
