import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Order } from '#core/filter.ts';
import { listArtifacts } from '#metadata/list-records.ts';
import { ensurePropertyIndexes } from '#metadata/property-indexes.ts';
import { createTestDatabase, type TestDatabase } from '#test/support/database.ts';
import { combinedFilters, indexedTypes, singleFilters } from '#test/support/list-filters.ts';
import { explainPage } from '#test/support/page-plans.ts';
import { createDataset, datasetProjects } from '../../bench/dataset.ts';

const rowsReadMax = 2_000;
let open: TestDatabase;
let closed: TestDatabase;

beforeAll(async () => {
  open = await createTestDatabase();
  closed = await createTestDatabase();
  for (const [test, publicEvery] of [
    [open, 5],
    [closed, 2_000],
  ] as const) {
    await createDataset(test.db, { artifacts: 10_000, publicEvery });
    await ensurePropertyIndexes({ url: test.url, types: indexedTypes, signal: AbortSignal.timeout(60_000) });
    // As a server finds it after a while: plans of vacuumed tables differ, and both must keep the budget.
    await test.db.query({ text: 'VACUUM (ANALYZE)' });
  }
}, 120_000);
afterAll(async () => {
  await open[Symbol.asyncDispose]();
  await closed[Symbol.asyncDispose]();
});

describe('the statement of a page, among 10,000 artifacts', () => {
  const callers = [...Object.values(datasetProjects), 'stranger'];
  const orders: readonly Order['key'][] = ['createdAt', 'updatedAt', 'name', 'version'];

  it.each(orders)(
    'reads little more than the page, in either direction by %s, at any depth, whatever the caller sees',
    async (key) => {
      for (const { db } of [open, closed]) {
        for (const project of callers) {
          for (const type of [null, 'image']) {
            const order: Order = { key, direction: 'desc' };
            const request = { type, filter: null, order, includeHidden: false };
            let cursor: readonly [string, string] | null = null;
            for (let depth = 0; depth < 4; depth += 1) {
              const { plan, rowsRead } = await explainPage(db, project, { type, order }, { cursor });
              expect(plan['Actual Rows']).toBeLessThanOrEqual(26);
              expect(rowsRead, `${project} ${type} ${depth}`).toBeLessThanOrEqual(500);
              const page = await listArtifacts(db, { project, isAdmin: false }, request, {
                limit: 100,
                direction: 'forward',
                cursor,
              });
              cursor = page.rows.at(-1)?.cursor ?? cursor;
            }
          }
        }
      }
    },
  );

  it.each(singleFilters)('reads at most 2,000 rows and gives at most first + 1: $name', async ({ type, filter }) => {
    for (const { db } of [open, closed]) {
      for (const project of callers) {
        const { plan, rowsRead } = await explainPage(db, project, { type, filter });
        expect(plan['Actual Rows']).toBeLessThanOrEqual(26);
        expect(rowsRead, project).toBeLessThanOrEqual(rowsReadMax);
      }
    }
  });

  it.each(combinedFilters)('reads no more for a conjunction than for its better part: $name', async ({ left, right }) => {
    const { db } = open;
    const type = left.type ?? right.type;
    const alone = await Promise.all([left, right].map(({ filter }) => explainPage(db, 'big', { type, filter })));
    const both = await explainPage(db, 'big', { type, filter: { kind: 'and', of: [left.filter, right.filter] } });
    expect(both.rowsRead).toBeLessThanOrEqual(Math.min(...alone.map(({ rowsRead }) => rowsRead)));
  });
});
