/**
 * Pages among 10,000 and 100,000 artifacts: time by depth and by what the caller sees, and rows read by every filter:
 * `node bench/list.ts [pages a series]`. The two sizes are measured in turns, so that both meet the same load.
 */
import { performance } from 'node:perf_hooks';
import type { Order } from '#core/filter.ts';
import type { Database } from '#metadata/database.ts';
import { listArtifacts } from '#metadata/list-records.ts';
import { ensurePropertyIndexes } from '#metadata/property-indexes.ts';
import { createTestDatabase } from '#test/support/database.ts';
import { setup, teardown } from '#test/support/global-setup.ts';
import { indexedTypes, singleFilters } from '#test/support/list-filters.ts';
import { explainPage } from '#test/support/page-plans.ts';
import { createDataset, datasetProjects } from './dataset.ts';
import { median, printMachine, printTargets, type Target } from './report.ts';

const pages = Number(process.argv[2] ?? 200);
const order: Order = { key: 'createdAt', direction: 'desc' };
const budgets = { 10000: 2_000, 100000: 6_500 } as const;

await setup();
try {
  await using small = await createTestDatabase();
  await using large = await createTestDatabase();
  // Few public artifacts, so that the sparse caller sees one in about 1,000.
  for (const [test, artifacts] of [
    [small, 10_000],
    [large, 100_000],
  ] as const) {
    await createDataset(test.db, { artifacts, publicEvery: 2_000 });
    await ensurePropertyIndexes({ url: test.url, types: indexedTypes, signal: AbortSignal.timeout(600_000) });
  }
  printMachine();
  const targets: Target[] = [];
  for (const project of [datasetProjects.big, datasetProjects.sparse]) {
    for (const type of [null, 'image']) {
      for (const depth of project === 'big' ? [0, 0.5, 0.9] : [0]) {
        const [at10, at100] = await timePages(small.db, large.db, project, type, depth);
        const name = `${project}, ${type ?? 'any type'}, at ${depth * 100} %: 100,000 against 10,000`;
        console.log(`${name}: ${at10.toFixed(3)} ms, ${at100.toFixed(3)} ms`);
        targets.push({ name, value: at100 / at10, atMost: 1.3 });
      }
    }
  }
  for (const [db, artifacts] of [
    [small.db, 10_000],
    [large.db, 100_000],
  ] as const) {
    const worst = await worstFilter(db);
    targets.push({ name: `rows read at ${artifacts}, worst: ${worst.name}`, value: worst.rowsRead, atMost: budgets[artifacts] });
  }
  printTargets(targets);
} finally {
  await teardown();
}

async function timePages(small: Database, large: Database, project: string, type: string | null, depth: number) {
  const viewer = { project, isAdmin: false };
  const request = { type, filter: null, order, includeHidden: false };
  const cursors = await Promise.all([small, large].map((db) => cursorAt(db, project, type, depth)));
  // Pages of one size are compared: of the smaller one the sparse caller sees ten rows in all, five of them images.
  const whole = await listArtifacts(small, viewer, request, { limit: 25, direction: 'forward', cursor: cursors[0] ?? null });
  const limit = whole.rows.length;
  const times: [number[], number[]] = [[], []];
  for (let page = 0; page < pages; page += 1) {
    for (const [index, db] of [small, large].entries()) {
      const cursor = cursors[index] ?? null;
      const started = performance.now();
      await listArtifacts(db, viewer, request, { limit, direction: 'forward', cursor });
      times[index]?.push(performance.now() - started);
    }
  }
  // The first pages prepare statements and plans.
  return [median(times[0].slice(pages / 5)), median(times[1].slice(pages / 5))] as const;
}

/** The place after a share of what the project owns. */
async function cursorAt(
  db: Database,
  project: string,
  type: string | null,
  depth: number,
): Promise<readonly [string, string] | null> {
  if (depth === 0) return null;
  const [row] = await db.query<{ readonly at: string; readonly id: string }>(
    {
      text: `SELECT created_at::text AS at, id FROM artifact WHERE project = $1 AND ($2::text IS NULL OR type = $2)
        ORDER BY created_at DESC, id DESC
        OFFSET (SELECT ($3::float8 * count(*))::int FROM artifact WHERE project = $1 AND ($2::text IS NULL OR type = $2)) LIMIT 1`,
    },
    [project, type, depth],
  );
  return row === undefined ? null : [row.at, row.id];
}

async function worstFilter(db: Database): Promise<{ readonly name: string; readonly rowsRead: number }> {
  let worst = { name: '', rowsRead: -1 };
  for (const project of [...Object.values(datasetProjects), 'stranger']) {
    for (const { name, type, filter } of singleFilters) {
      const { rowsRead } = await explainPage(db, project, { type, filter });
      if (rowsRead > worst.rowsRead) worst = { name: `${name} for ${project}`, rowsRead };
    }
  }
  return worst;
}
