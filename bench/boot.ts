/**
 * The boot path's show, as it is served (a token, policy, log and metrics included), against a bare server of ready text over
 * the same database: `node bench/boot.ts [seconds a run]`. Medians of seven alternated runs, 16 connections, 64 images.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pino } from 'pino';
import { systemClock } from '#base/clock.ts';
import { randomId } from '#base/id.ts';
import { openBlobs } from '#blobs/blobs.ts';
import { instanceKeySource, loadConfig } from '#config/config.ts';
import type { Database } from '#metadata/database.ts';
import { migrate, openDatabase, openJobQueue, startEmbeddedPostgres } from '#metadata/metadata.ts';
import { claimInstance } from '#ops/claim-instance.ts';
import { claimStores } from '#ops/claim-stores.ts';
import { createContext, type OpContext } from '#ops/context.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { createToken } from '#ops/create-token.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { uploadBlob } from '#ops/upload-blob.ts';
import { createCaller, createDefaultPolicy } from '#policy/policy.ts';
import { freePort } from '#test/support/free-port.ts';
import { testSettings } from '#test/support/operations.ts';
import { loadTypes } from '#types/load-types.ts';
import { type LoadResult, median, runLoad } from './http-load.ts';

const durationMs = Number(process.argv[2] ?? 3) * 1000;
const runs = 7;
const images = 64;
const connections = 16;
const goal = 0.4;
const repository = join(import.meta.dirname, '..');

await using stack = new AsyncDisposableStack();
const dataDir = await mkdtemp(join(tmpdir(), 'vitrine-bench-'));
stack.defer(() => rm(dataDir, { recursive: true, force: true }));
const postgres = stack.use(await startEmbeddedPostgres({ dataDir: join(dataDir, 'postgres') }));
await migrate({ url: postgres.url });
const db = stack.use(openDatabase({ url: postgres.url }));
const { ids, secret } = await fill(db);

const port = await freePort();
const environment = { VITRINE_DATABASE_URL: postgres.url, VITRINE_DATA_DIR: dataDir, VITRINE_PORT: String(port) };
const served = spawn(process.execPath, [join(repository, 'src/launch.js'), 'serve'], {
  env: { PATH: process.env['PATH'], ...environment },
  // As a service has it: its log goes somewhere that takes it at once.
  stdio: ['ignore', 'ignore', 'inherit'],
});
stack.defer(() => end(served));
await untilReady(`http://127.0.0.1:${port}/readyz`);
await keepReadyText(db, port);
const reference = fork(join(import.meta.dirname, 'boot-reference.ts'), [postgres.url]);
stack.defer(() => end(reference));
const [referencePort] = (await once(reference, 'message')) as [number];

const at = (index: number): string => ids[(index * 31) % ids.length] ?? '';
const head = `Host: 127.0.0.1\r\nAuthorization: Bearer ${secret}\r\n\r\n`;
const targets = {
  reference: { port: referencePort, request: (index: number) => `GET /${at(index)} HTTP/1.1\r\n${head}` },
  served: { port, request: (index: number) => `GET /v2/images/${at(index)} HTTP/1.1\r\n${head}` },
};
const costs = {
  reference: { node: [] as number[], postgres: [] as number[] },
  served: { node: [] as number[], postgres: [] as number[] },
};
const results = { reference: [] as LoadResult[], served: [] as LoadResult[] };
for (const key of ['reference', 'served'] as const) await measure(key, 1_500);
for (let run = 0; run < runs; run += 1) {
  for (const key of ['reference', 'served'] as const) {
    const before = { node: await cpuMs(childOf(key)), postgres: await cpuMsBelow(postgres.pid) };
    const result = await measure(key, durationMs);
    const requests = (result.requestsPerSecond * durationMs) / 1000;
    results[key].push(result);
    costs[key].node.push(((await cpuMs(childOf(key))) - before.node) / requests);
    costs[key].postgres.push(((await cpuMsBelow(postgres.pid)) - before.postgres) / requests);
  }
}
await report();

function measure(key: keyof typeof targets, forMs: number): Promise<LoadResult> {
  return runLoad({
    ...targets[key],
    connections,
    durationMs: forMs,
    check: (answer) => {
      if (!answer.startsWith('HTTP/1.1 200') || !answer.includes('"disk_format":"raw"')) throw new Error(answer);
    },
  });
}

async function report(): Promise<void> {
  const rates = { reference: 0, served: 0 };
  for (const key of ['reference', 'served'] as const) {
    const of = (pick: (result: LoadResult) => number): number => median(results[key].map(pick));
    rates[key] = of((result) => result.requestsPerSecond);
    const [p50, p99] = [of((result) => result.p50Ms), of((result) => result.p99Ms)];
    const memory = `RSS ${await residentMiB(childOf(key))} MiB`;
    const microseconds = (values: readonly number[]): number => Math.round(median(values) * 1000);
    const cpu = `CPU a request: node ${microseconds(costs[key].node)} µs, PostgreSQL ${microseconds(costs[key].postgres)} µs`;
    console.log(`${key}: ${Math.round(rates[key])}/s, p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms, ${memory}, ${cpu}`);
  }
  // Of each run to the one beside it: what else the machine did meanwhile, it did to both.
  const ratio = median(
    results.served.map((result, run) => result.requestsPerSecond / (results.reference[run]?.requestsPerSecond ?? 1)),
  );
  console.log(`show of the boot path: ${ratio.toFixed(3)} of the reference (goal ${goal})`);
  console.log(
    `node ${process.version}, ${connections} connections, ${runs} runs of ${durationMs} ms each, ${process.execArgv.join(' ') || 'no flags'}`,
  );
}

/** Published images with data, and a token of the project that owns them. */
async function fill(database: Database): Promise<{ readonly ids: readonly string[]; readonly secret: string }> {
  const { config } = loadConfig({ env: { VITRINE_DATA_DIR: dataDir }, cwd: dataDir });
  const instance = await claimInstance(database, instanceKeySource(config));
  const settings = { ...testSettings, instanceKey: instance.key };
  await using blobs = await openBlobs({
    stores: [{ name: 'default', kind: 'filesystem', path: join(dataDir, 'blobs') }],
    defaultStore: 'default',
  });
  await claimStores(database, blobs, instance.id);
  await using types = await loadTypes({ folders: [join(repository, 'artifact-types')] });
  const log = pino({ level: 'silent' });
  await using queue = openJobQueue(database);
  const parts = { db: database, blobs, queue, types, settings, log };
  const services = { ...parts, policy: createDefaultPolicy(), clock: systemClock, newId: randomId };
  const caller = createCaller('bench', 'bench', ['admin', 'member']);
  const context = createContext(services, { caller, requestId: 'req-bench', signal: new AbortController().signal });
  const made: string[] = [];
  for (let index = 0; index < images; index += 1) made.push(await publishImage(context, index));
  const token = await createToken(context, { project: 'bench', subject: 'bench', roles: ['member'] });
  return { ids: made, secret: token.secret };
}

async function publishImage(context: OpContext, index: number): Promise<string> {
  const properties = {
    ...{ disk_format: 'raw', container_format: 'bare', min_ram: 512, min_disk: 8, architecture: 'x86_64' },
    ...{ os_type: 'linux', os_distro: 'debian', os_version: '13', hw_disk_bus: 'virtio', hw_vif_model: 'virtio' },
  };
  const input = { type: 'image', name: `bench-${index}`, version: '1.0.0', tags: ['bench', 'small'], properties };
  const { id } = await createArtifact(context, input);
  await uploadBlob(context, { artifactId: id, slot: 'data', source: Readable.from([Buffer.from(`image ${index}`)]) });
  await publishArtifact(context, { id });
  return id;
}

/** The very bodies that the server answers, ready in a table. */
async function keepReadyText(database: Database, servedPort: number): Promise<void> {
  await database.query({ text: 'CREATE TABLE bench_ready (id uuid PRIMARY KEY, body text NOT NULL)' });
  for (const id of ids) {
    const headers = { authorization: `Bearer ${secret}` };
    const body = await (await fetch(`http://127.0.0.1:${servedPort}/v2/images/${id}`, { headers })).text();
    await database.query({ text: 'INSERT INTO bench_ready VALUES ($1, $2)' }, [id, body]);
  }
  await database.query({ text: 'ANALYZE' });
}

async function untilReady(url: string): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    const isReady = await fetch(url).then(
      (response) => response.ok,
      () => false,
    );
    if (isReady) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('the server was not ready in 15 s');
}

function childOf(key: keyof typeof targets): ChildProcess {
  return key === 'served' ? served : reference;
}

/** Time on a processor, of all threads; steadier than rates where other work shares the machine. */
async function cpuMs({ pid }: ChildProcess | { readonly pid: number }): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // Fields 14 and 15 of proc(5), in ticks of 10 ms.
  return 10 * (Number(fields[11] ?? 0) + Number(fields[12] ?? 0));
}

/** Of the process and its children. */
async function cpuMsBelow(pid: number): Promise<number> {
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).split(' ').filter((text) => text !== '');
  const times = await Promise.all([pid, ...children.map(Number)].map((id) => cpuMs({ pid: id })));
  return times.reduce((sum, time) => sum + time, 0);
}

async function residentMiB(child: ChildProcess): Promise<number> {
  const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill();
  await once(child, 'exit');
}
