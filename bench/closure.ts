/**
 * A closure of 1,000 nodes, 50 deep, among 100,000 artifacts, as JSON, the first on a freshly started server:
 * `node bench/closure.ts [artifacts [runs]]`. Beside it the recursive query alone. Each run starts a server of its own.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { createTestDatabase } from '#test/support/database.ts';
import { freePort } from '#test/support/free-port.ts';
import { setup, teardown } from '#test/support/global-setup.ts';
import { createClosureDataset, createDataset } from './dataset.ts';
import { median, printMachine, printSeries, printTargets } from './report.ts';

const artifacts = Number(process.argv[2] ?? 100_000);
const runs = Number(process.argv[3] ?? 7);
const run = promisify(execFile);
const width = 20;
const depth = 50;

await setup();
const dataDir = await mkdtemp(join(tmpdir(), 'vitrine-bench-'));
try {
  await using test = await createTestDatabase();
  await createDataset(test.db, { artifacts });
  // A first start gives the database a store.
  await end((await startServer(test.url)).child);
  const stores = await test.db.query<{ name: string }>({ text: `SELECT name FROM store WHERE name <> 'bench'` });
  const shape = { width, depth, project: 'default', store: stores[0]?.name ?? '' };
  const root = await createClosureDataset(test.db, shape);
  await prepareAll(test.url);
  printMachine();
  const first: number[] = [];
  const second: number[] = [];
  const alone: number[] = [];
  for (let round = 0; round < runs; round += 1) {
    const { child, url } = await startServer(test.url);
    try {
      first.push(await timeClosure(url, root));
      second.push(await timeClosure(url, root));
    } finally {
      await end(child);
    }
    alone.push(await timeRecursion(test.url, root));
  }
  printSeries('first closure on a fresh server', first, 'ms');
  printSeries('second closure', second, 'ms');
  printSeries('the recursive query alone, on a fresh connection', alone, 'ms');
  printTargets([{ name: `closure of ${width * depth} nodes among ${artifacts}`, value: median(first), atMost: 50, unit: ' ms' }]);
} finally {
  await rm(dataDir, { recursive: true, force: true });
  await teardown();
}

/** `vitrine serve` as anybody starts it, ready. */
async function startServer(databaseUrl: string): Promise<{ readonly child: ChildProcess; readonly url: string }> {
  const port = await freePort();
  const child = spawn(process.execPath, [join(import.meta.dirname, '../src/launch.js'), 'serve'], {
    env: {
      PATH: process.env['PATH'],
      VITRINE_DATABASE_URL: databaseUrl,
      VITRINE_DATA_DIR: dataDir,
      VITRINE_PORT: String(port),
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const url = `http://127.0.0.1:${port}`;
  for (;;) {
    const isReady = await fetch(`${url}/readyz`).then(
      (response) => response.ok,
      () => false,
    );
    if (isReady) return { child, url };
    if (child.exitCode !== null) throw new Error('the server did not start');
    await sleep(50);
  }
}

/** The rows stand as publishing would have left them: the job makes ready what publishing makes ready. */
async function prepareAll(databaseUrl: string): Promise<void> {
  const { child, url } = await startServer(databaseUrl);
  const ask = async (...args: readonly string[]): Promise<{ readonly id: string; readonly state: string }> => {
    const env = { PATH: process.env['PATH'], VITRINE_URL: url };
    const launcher = join(import.meta.dirname, '../src/launch.js');
    return JSON.parse((await run(process.execPath, [launcher, 'jobs', ...args, '--json'], { env })).stdout);
  };
  try {
    const { id } = await ask('run', 'closures:prepare');
    for (let waits = 0; (await ask('show', id)).state !== 'completed'; waits += 1) {
      if (waits === 300) throw new Error('closures could not be prepared');
      await sleep(1000);
    }
  } finally {
    await end(child);
  }
}

/** From the connection to the last byte of the answer, which is read as bytes: what a caller makes of them is its own. */
async function timeClosure(url: string, root: string): Promise<number> {
  const started = performance.now();
  const chunks: Buffer[] = [];
  const [response] = (await once(get(`${url}/api/v1/closure?ref=${root}`), 'response')) as [IncomingMessage];
  for await (const chunk of response) chunks.push(chunk);
  const took = performance.now() - started;
  const closure = JSON.parse(Buffer.concat(chunks).toString()) as {
    readonly complete: boolean;
    readonly nodes: readonly unknown[];
  };
  if (!closure.complete || closure.nodes.length !== width * depth) throw new Error('the closure is not the one expected');
  return took;
}

/** One statement, nothing but the nodes: what the database needs for the way itself. Nothing of it is prepared. */
async function timeRecursion(url: string, root: string): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const started = performance.now();
    await client.query(
      `WITH RECURSIVE reach (id) AS (SELECT $1::uuid UNION
         SELECT d.resolved_id FROM reach JOIN dependency d ON d.artifact_id = reach.id WHERE d.resolved_id IS NOT NULL)
       SELECT a.* FROM reach JOIN artifact a USING (id)`,
      [root],
    );
    return performance.now() - started;
  } finally {
    await client.end();
  }
}

async function end(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}
