/** The two servers that graphql.ts compares, in one process over one database: GraphQL as it is served, and ready rows. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { pino } from 'pino';
import { systemClock } from '#base/clock.ts';
import { randomId } from '#base/id.ts';
import { openBlobs } from '#blobs/blobs.ts';
import { createGraphqlPlane, defaultGraphqlLimits } from '#graphql/graphql-plane.ts';
import { createMetrics, startHttpServer } from '#http/http-server.ts';
import { openDatabase, openJobQueue } from '#metadata/metadata.ts';
import type { Services } from '#ops/context.ts';
import { createCaller, createDefaultPolicy } from '#policy/policy.ts';
import { testSettings } from '#test/support/operations.ts';
import { loadTypes } from '#types/load-types.ts';
import { datasetProjects } from './dataset.ts';

const url = process.argv[2] ?? '';
const poolSize = 8;

await using stack = new AsyncDisposableStack();
const folder = await mkdtemp(join(tmpdir(), 'vitrine-bench-'));
stack.defer(() => rm(folder, { recursive: true, force: true }));
const log = pino(pino.destination({ dest: join(folder, 'log'), sync: false }));
const types = stack.use(await loadTypes({ folders: [join(import.meta.dirname, '../artifact-types')] }));
const db = stack.use(openDatabase({ url, poolSize }));
const services: Services = {
  db,
  queue: stack.use(openJobQueue(db)),
  blobs: stack.use(await openBlobs({ stores: [{ name: 'default', kind: 'filesystem', path: folder }], defaultStore: 'default' })),
  ...{ types, policy: createDefaultPolicy(), clock: systemClock, newId: randomId, settings: testSettings, log },
};
const plane = createGraphqlPlane({ services, types, limits: defaultGraphqlLimits, graphiql: false, introspection: true });
const caller = createCaller('bench', datasetProjects.big, ['member']);
const server = stack.use(
  await startHttpServer({
    ...{ host: '127.0.0.1', port: 0, services, planes: [], graphql: plane.handle, log, metrics: createMetrics(db) },
    authenticateToken: async () => caller,
    ...{ dev: false, deadlineMs: 30_000, stallMs: 30_000, drainMs: 1_000 },
  }),
);

const pool = new pg.Pool({ connectionString: url, max: poolSize });
stack.defer(() => pool.end());
const reference = createServer((request, response) => {
  const [, kind, ...keys] = (request.url ?? '').split('/');
  const text = kind === 'row' ? readRow(keys[0] ?? '') : readPage(keys[0] ?? '', keys[1] ?? '');
  text.then(
    (body) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
      response.end(body);
    },
    (error) => response.destroy(error),
  );
});
await new Promise<void>((resolve) => reference.listen(0, '127.0.0.1', resolve));
stack.defer(() => reference.closeAllConnections());

process.send?.({ graphqlPort: Number(new URL(server.url).port), referencePort: (reference.address() as AddressInfo).port });
await new Promise((resolve) => process.once('disconnect', resolve));
reference.close();

async function readRow(id: string): Promise<string> {
  const { rows } = await pool.query({ name: 'row', text: 'SELECT body FROM bench_row WHERE id = $1', values: [id] });
  return rows[0].body;
}

async function readPage(createdAt: string, id: string): Promise<string> {
  const { rows } = await pool.query({
    name: 'page',
    text: `SELECT edge FROM bench_row WHERE (created_at, id) < ($1::timestamptz, $2::uuid) ORDER BY created_at DESC, id DESC LIMIT 25`,
    values: [decodeURIComponent(createdAt), id],
  });
  return `{"data":{"images":{"nodes":[${rows.map((row) => row.edge).join(',')}],"pageInfo":{"hasNextPage":true,"endCursor":"${'c'.repeat(150)}"}}}}`;
}
