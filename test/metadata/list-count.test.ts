import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Filter } from '#core/filter.ts';
import { countArtifacts } from '#metadata/list-count.ts';
import { actAs, createTestNode, type Node, publishKit } from '#test/support/operations.ts';

let node: Node;
const viewer = { project: 'own', isAdmin: false };
const all = { type: null, filter: null, includeHidden: false };

beforeAll(async () => {
  node = await createTestNode();
  const own = actAs(node.services, 'own', 'admin');
  // Own and public: come upon twice.
  for (let index = 0; index < 5; index += 1) await publishKit(own, { name: `k${index}`, visibility: 'public' });
});
afterAll(() => node[Symbol.asyncDispose]());

describe('counting a list', () => {
  it('is exact up to its largest number, and null beyond it', async () => {
    const { db } = node.services;
    const counts = [];
    for (const max of [3, 4, 5, 6]) counts.push(await countArtifacts(db, viewer, all, max));
    expect(counts).toEqual([null, null, 5, 5]);
    expect(await countArtifacts(db, { project: 'other', isAdmin: false }, all, 5)).toBe(5);
  });

  it('is 0 where the filter leaves nothing to look at', async () => {
    const filter: Filter = { kind: 'field', field: 'visibility', operator: 'in', value: [] };
    expect(await countArtifacts(node.services.db, viewer, { ...all, filter })).toBe(0);
  });
});
