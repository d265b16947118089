/**
 * GraphQL as it is served, document not persisted, against a bare server of ready rows over the same database:
 * `node bench/graphql.ts [seconds a run [artifact|page]]`. Prints medians of five alternated runs and their ratios.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Database } from '#metadata/database.ts';
import { createTestDatabase } from '#test/support/database.ts';
import { setup, teardown } from '#test/support/global-setup.ts';
import { createDataset, datasetProjects } from './dataset.ts';
import { getRequest, median, postRequest, runLoad } from './http-load.ts';

const durationMs = Number(process.argv[2] ?? 4) * 1000;
const only = process.argv[3];
const runs = 5;
const artifacts = 10_000;
// Of the form of our own, without which the server asks nobody.
const token = 'vtr_bench';

const fields = `id name version state visibility revision digest tags createdAt updatedAt publishedAt
  diskFormat minRam osDistro
  blobs { slot path mediaType sizeBytes sha256 sha512 md5 url }`;
const artifactDocument = `query Show($id: ID!) { artifact(id: $id) { ... on Image { ${fields} } } }`;
const pageDocument = `query List($after: String) { images(first: 25, after: $after) {
  nodes { ${fields} } pageInfo { hasNextPage endCursor } } }`;

interface Ports {
  readonly graphqlPort: number;
  readonly referencePort: number;
}

interface Row {
  readonly id: string;
  readonly created_at: string;
}

interface PageAnswer {
  readonly data: { readonly images: { readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string } } };
}

type Ask = (document: string, variables: object) => Promise<string>;

await setup();
try {
  await using test = await createTestDatabase();
  await createDataset(test.db, { artifacts });
  const child = fork(join(import.meta.dirname, 'graphql-server.ts'), [test.url], { execArgv: process.execArgv });
  try {
    const [ports] = (await once(child, 'message')) as [Ports];
    await compare(test.db, ports);
  } finally {
    await end(child);
  }
} finally {
  await teardown();
}

async function compare(db: Database, ports: Ports): Promise<void> {
  const ask: Ask = async (query, variables) => {
    const response = await fetch(`http://127.0.0.1:${ports.graphqlPort}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-auth-token': token },
      body: JSON.stringify({ query, variables }),
    });
    const text = await response.text();
    if (!text.startsWith('{"data":')) throw new Error(text);
    return text;
  };
  const rows = await db.query<Row>(
    {
      text: `SELECT id, created_at::text FROM artifact WHERE type = 'image' AND state = 'active' AND NOT hidden
      AND (project = $1 OR visibility = 'public') ORDER BY created_at DESC, id DESC`,
    },
    [datasetProjects.big],
  );
  await storeReadyRows(db, rows, ask);
  const cursors = await collectCursors(ask);
  const reference = (request: (index: number) => string) => ({ port: ports.referencePort, request });
  const served = (document: string, variables: (index: number) => object) => ({
    port: ports.graphqlPort,
    request: (index: number) =>
      postRequest('/graphql', JSON.stringify({ query: document, variables: variables(index) }), { 'X-Auth-Token': token }),
  });
  const at = <Item>(items: readonly Item[], index: number): Item => items[(index * 7919) % items.length] as Item;
  const inner = rows.slice(0, -26);
  await report('artifact by id', 0.14, {
    reference: reference((index) => getRequest(`/row/${at(rows, index).id}`)),
    served: served(artifactDocument, (index) => ({ id: at(rows, index).id })),
  });
  await report('page of 25', 0.1, {
    reference: reference((index) => {
      const row = at(inner, index);
      return getRequest(`/page/${encodeURIComponent(row.created_at)}/${row.id}`);
    }),
    served: served(pageDocument, (index) => ({ after: at(cursors, index) })),
  });
}

interface Target {
  readonly port: number;
  readonly request: (index: number) => string;
}

async function report(
  name: string,
  goal: number,
  targets: { readonly reference: Target; readonly served: Target },
): Promise<void> {
  if (only !== undefined && !name.startsWith(only)) return;
  const rates = { reference: [] as number[], served: [] as number[] };
  for (const key of ['reference', 'served'] as const) await measure(targets[key], 1000);
  for (let run = 0; run < runs; run += 1) {
    for (const key of ['reference', 'served'] as const) rates[key].push(await measure(targets[key], durationMs));
  }
  const [reference, served] = [median(rates.reference), median(rates.served)];
  console.log(
    `${name}: ${Math.round(served)}/s served, ${Math.round(reference)}/s reference: ${(served / reference).toFixed(3)} (goal ${goal})`,
  );
}

async function measure(target: Target, forMs: number): Promise<number> {
  const check = (answer: string): void => {
    if (!answer.includes('"data":{') || answer.includes('"errors"') || !answer.includes('"sha256"')) throw new Error(answer);
  };
  return (await runLoad({ ...target, connections: 16, durationMs: forMs, check })).requestsPerSecond;
}

/** The reference's rows: the very bodies that GraphQL answers, and the same rows as parts of a page. */
async function storeReadyRows(db: Database, rows: readonly Row[], ask: Ask): Promise<void> {
  await db.query({ text: 'CREATE TABLE bench_row (id uuid PRIMARY KEY, created_at timestamptz, body text, edge text)' });
  for (const row of rows) {
    const body = await ask(artifactDocument, { id: row.id });
    const edge = body.slice('{"data":{"artifact":'.length, -'}}'.length);
    await db.query({ text: 'INSERT INTO bench_row VALUES ($1, $2, $3, $4)' }, [row.id, row.created_at, body, edge]);
  }
  await db.query({ text: 'CREATE INDEX ON bench_row (created_at DESC, id DESC)' });
  await db.query({ text: 'VACUUM ANALYZE bench_row' });
}

/** The cursors of all pages but the last, so that each answer has 25 rows. */
async function collectCursors(ask: Ask): Promise<string[]> {
  const cursors: string[] = [];
  for (let after: string | null = null; ; ) {
    const answer: PageAnswer = JSON.parse(await ask(pageDocument, { after }));
    const { hasNextPage, endCursor } = answer.data.images.pageInfo;
    if (!hasNextPage || cursors.length >= 60) return cursors;
    cursors.push(endCursor);
    after = endCursor;
  }
}

async function end(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.disconnect();
  await gone;
}
