/**
 * The Image API as it is served (a Keystone’s token, policy, log and metrics included) beside a bare server of ready text over the same
 * database: show, list, list with each filter, create: `node bench/facade.ts [seconds a run [images … [what]]]`, `what` being show,
 * list, filters or create. Medians of alternated runs, 16 connections.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate, openDatabase, startEmbeddedPostgres } from '#metadata/metadata.ts';
import { ensurePropertyIndexes } from '#metadata/property-indexes.ts';
import { prepareImages } from '#ops/prepare-images.ts';
import { imageType } from '#rest/images/image-routes.ts';
import { administer, databaseUrl } from '#test/support/database.ts';
import { startFakeKeystone } from '#test/support/fake-keystone.ts';
import { loadTypes } from '#types/load-types.ts';
import { type LoadResult, median, postRequest, runLoad } from './http-load.ts';
import { createImages, imageFilters, imageProjects } from './image-dataset.ts';
import { printMachine, printTargets, type Target } from './report.ts';
import {
  cpuMs,
  cpuMsBelow,
  endProcess,
  issueTokens,
  prepareInstance,
  residentMiB,
  type ServedNode,
  startNode,
} from './served-node.ts';

const durationMs = Number(process.argv[2] ?? 3) * 1000;
const sizes = (process.argv[3] ?? '10000,100000').split(',').map(Number);
const only = process.argv[4];
const runs = 5;
const connections = 16;

interface Side {
  readonly port: number;
  readonly pid: number | undefined;
  readonly request: (index: number) => string;
  /** What each answer has in it. */
  readonly has: string;
}

interface Place {
  readonly id: string;
  readonly created_at: string;
}

interface World {
  readonly size: number;
  readonly node: ServedNode;
  readonly reference: { readonly port: number; readonly pid: number | undefined };
  readonly places: readonly Place[];
  readonly sparsePlaces: readonly Place[];
  readonly head: string;
  readonly sparseHead: string;
}

await using stack = new AsyncDisposableStack();
const folder = await mkdtemp(join(tmpdir(), 'vitrine-bench-'));
stack.defer(() => rm(folder, { recursive: true, force: true }));
const keystone = stack.use(await startFakeKeystone(Date.now));
const postgres = stack.use(await startEmbeddedPostgres({ dataDir: join(folder, 'postgres') }));
const worlds: World[] = [];
for (const size of sizes) worlds.push(await openWorld(size));
printMachine();
const targets: Target[] = [];
if (only === undefined || only === 'show') await benchShow();
if (only === undefined || only === 'list') await benchLists();
if (only === undefined || only === 'filters') await benchFilters();
if (only === undefined || only === 'create') await benchCreate();
for (const { size, node } of worlds) console.log(`${size} images: RSS ${await residentMiB(node.process.pid)} MiB`);
printTargets(targets);

async function openWorld(size: number): Promise<World> {
  await administer(postgres.url, `CREATE DATABASE images_${size}`);
  const url = databaseUrl(postgres.url, `images_${size}`);
  await migrate({ url });
  const dataDir = join(folder, `node-${size}`);
  await prepareInstance(url, dataDir);
  const [big = '', sparse = ''] = issueTokens(keystone, [imageProjects.big, imageProjects.sparse]);
  await using db = openDatabase({ url, statementTimeoutMs: 0 });
  await createImages(db, size);
  // As a publish by the API leaves them: text and stores are ready.
  await prepareImages(
    { db, settings: { imageType } },
    {},
    { signal: AbortSignal.timeout(900_000), progress: () => Promise.resolve() },
  );
  await using registry = await loadTypes({ folders: [join(import.meta.dirname, '../artifact-types')] });
  const types = [...registry.types.values()].map(({ manifest, properties, extraKind }) => ({
    type: manifest.type,
    properties,
    hasExtra: extraKind !== null,
  }));
  await ensurePropertyIndexes({ url, types, signal: AbortSignal.timeout(900_000) });
  await db.query({ text: 'VACUUM (ANALYZE)' });
  const node = stack.use(await startNode(url, dataDir, keystone.url));
  const head = `Host: 127.0.0.1\r\nX-Auth-Token: ${big}\r\n\r\n`;
  const sparseHead = `Host: 127.0.0.1\r\nX-Auth-Token: ${sparse}\r\n\r\n`;
  await db.query({ text: 'CREATE TABLE bench_ready (id uuid PRIMARY KEY, created_at timestamptz, body text)' });
  for (let path: string | undefined = '/v2/images?limit=1000'; path !== undefined; ) {
    const answer = await fetch(`http://127.0.0.1:${node.port}${path}`, { headers: { 'x-auth-token': big } });
    const page = (await answer.json()) as { readonly images: readonly { readonly id: string }[]; readonly next?: string };
    await db.query(
      {
        text: `INSERT INTO bench_ready SELECT a.id, a.created_at, t.body FROM unnest($1::uuid[], $2::text[]) AS t (id, body) JOIN artifact a USING (id)`,
      },
      [page.images.map(({ id }) => id), page.images.map((image) => JSON.stringify(image))],
    );
    path = page.next;
  }
  await db.query({ text: 'CREATE INDEX ON bench_ready (created_at DESC, id DESC)' });
  await db.query({ text: 'VACUUM (ANALYZE) bench_ready' });
  const places = await db.query<Place>({
    text: 'SELECT id, created_at::text FROM bench_ready ORDER BY created_at DESC, id DESC',
  });
  const sparsePlaces = await db.query<Place>(
    { text: `SELECT id, created_at::text FROM artifact WHERE project = $1 ORDER BY created_at DESC, id DESC` },
    [imageProjects.sparse],
  );
  const child = fork(join(import.meta.dirname, 'facade-reference.ts'), [url]);
  stack.defer(() => endProcess(child));
  const [port] = (await once(child, 'message')) as [number];
  return { size, node, reference: { port, pid: child.pid }, places: places.slice(0, -26), sparsePlaces, head, sparseHead };
}

async function benchShow(): Promise<void> {
  for (const world of worlds) {
    const { size, places, head } = world;
    const id = (index: number): string => at(places, index).id;
    const { ratio, p99Ms } = await compare(`show among ${size}`, {
      reference: bare(world, (index) => `/row/${id(index)}`),
      served: asked(world, (index) => `/v2/images/${id(index)}`, head),
    });
    targets.push({ name: `show among ${size}, of R`, value: ratio, atLeast: 0.5 });
    targets.push({ name: `show among ${size}, p99`, value: p99Ms, atMost: 15, unit: ' ms' });
  }
}

async function benchLists(): Promise<void> {
  const kinds = {
    'first page': (_world: World) => '/v2/images',
    'any page': ({ places }: World, index: number) => `/v2/images?marker=${at(places, index).id}`,
  };
  for (const [kind, path] of Object.entries(kinds)) {
    for (const world of worlds) {
      const { size, places, head } = world;
      const place = (index: number): Place => (kind === 'first page' ? (places[0] as Place) : at(places, index));
      const { ratio } = await compare(`list of 25, ${kind}, among ${size}`, {
        reference: bare(world, (index) => `/page/${encodeURIComponent(place(index).created_at)}/${place(index).id}`),
        served: asked(world, (index) => path(world, index), head),
      });
      targets.push({ name: `list of 25, ${kind}, among ${size}, of R25`, value: ratio, atLeast: 0.5 });
    }
    await benchFlatness(`list, ${kind}`, (world) => asked(world, (index) => path(world, index), world.head));
  }
  // Of the smaller one the sparse caller sees a dozen: the pages compared are of one size.
  await benchFlatness('list of 8 to who sees 1 in 1,000', (world) => asked(world, () => '/v2/images?limit=8', world.sparseHead));
}

async function benchFlatness(name: string, side: (world: World) => Side): Promise<void> {
  const [small, large] = worlds;
  if (small === undefined || large === undefined) return;
  const { ratio } = await compare(`${name}, ${small.size} against ${large.size}`, {
    reference: side(small),
    served: side(large),
  });
  targets.push({ name: `${name}: ${large.size} against ${small.size}, times`, value: 1 / ratio, atMost: 1.3 });
}

async function benchFilters(): Promise<void> {
  const world = worlds.at(-1);
  if (world === undefined) return;
  for (const filter of imageFilters) {
    const sides = [
      [world.head, 25],
      [world.sparseHead, 25],
    ] as const;
    for (const [index, [head, limit]] of sides.entries()) {
      const plain = asked(world, () => `/v2/images?limit=${limit}`, head);
      const served = asked(world, () => `/v2/images?limit=${limit}&${filter}`, head);
      const who = index === 0 ? 'big' : 'sparse';
      const { ratio } = await compare(`${filter}, ${who}`, { reference: plain, served }, 1);
      targets.push({ name: `list with ${filter}, ${who}: against none, times`, value: 1 / ratio, atMost: 3.5 });
    }
  }
}

async function benchCreate(): Promise<void> {
  const world = worlds[0];
  if (world === undefined) return;
  const body = JSON.stringify({
    ...{ name: 'served', disk_format: 'raw', container_format: 'bare', visibility: 'shared' },
    ...{ tags: ['a', 'b'], hw_disk_bus: 'virtio' },
  });
  const token = /X-Auth-Token: (\S+)/.exec(world.head)?.[1] ?? '';
  const create = postRequest('/v2/images', body, { 'X-Auth-Token': token });
  const { ratio, rate } = await compare('create', {
    reference: { ...bare(world, () => '/insert'), has: '"id":' },
    served: { port: world.node.port, pid: world.node.process.pid, request: () => create, has: '"status":"queued"' },
  });
  const isFast = rate >= 900;
  targets.push(
    isFast
      ? { name: 'create a second', value: rate, atLeast: 900 }
      : { name: 'create, of a bare insert', value: ratio, atLeast: 0.4 },
  );
}

function bare({ reference }: World, path: (index: number) => string): Side {
  return { ...reference, has: '"disk_format":', request: (index) => `GET ${path(index)} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n` };
}

function asked({ node }: World, path: (index: number) => string, head: string): Side {
  const has = '"schema":"/v2/schemas/image';
  return { port: node.port, pid: node.process.pid, has, request: (index) => `GET ${path(index)} HTTP/1.1\r\n${head}` };
}

/** Pairs of runs in turns, so that what else the machine does is done to both. */
async function compare(name: string, sides: { readonly reference: Side; readonly served: Side }, pairs = runs) {
  const results = { reference: [] as LoadResult[], served: [] as LoadResult[] };
  const costs = { reference: { node: 0, postgres: 0, requests: 0 }, served: { node: 0, postgres: 0, requests: 0 } };
  const forMs = pairs === 1 ? Math.min(durationMs, 1_000) : durationMs;
  for (const key of ['reference', 'served'] as const) await measure(sides[key], Math.min(1_500, forMs / 2));
  for (let run = 0; run < pairs; run += 1) {
    for (const key of ['reference', 'served'] as const) {
      const before = [await cpuMs(sides[key].pid), await cpuMsBelow(postgres.pid)] as const;
      const result = await measure(sides[key], forMs);
      results[key].push(result);
      costs[key].node += (await cpuMs(sides[key].pid)) - before[0];
      costs[key].postgres += (await cpuMsBelow(postgres.pid)) - before[1];
      costs[key].requests += (result.requestsPerSecond * forMs) / 1000;
    }
  }
  const rate = (key: 'reference' | 'served'): number => median(results[key].map(({ requestsPerSecond }) => requestsPerSecond));
  const p99Ms = median(results.served.map((result) => result.p99Ms));
  const ratio = median(
    results.served.map((result, run) => result.requestsPerSecond / (results.reference[run]?.requestsPerSecond ?? 1)),
  );
  const cost = (key: 'reference' | 'served'): string =>
    [costs[key].node, costs[key].postgres].map((ms) => `${Math.round((ms * 1000) / costs[key].requests)}`).join('/');
  const p50Ms = median(results.served.map((result) => result.p50Ms));
  console.log(
    `${name}: ${Math.round(rate('served'))}/s against ${Math.round(rate('reference'))}/s: ${ratio.toFixed(3)}; p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms; CPU node/PostgreSQL ${cost('served')} against ${cost('reference')} µs`,
  );
  return { ratio, p99Ms, rate: rate('served') };
}

function measure({ port, request, has }: Side, forMs: number): Promise<LoadResult> {
  return runLoad({
    ...{ port, request, connections, durationMs: forMs },
    check: (answer) => {
      if (!/^HTTP\/1.1 20[01]/.test(answer) || !answer.includes(has)) throw new Error(answer.slice(0, 2_000));
    },
  });
}

function at<Item>(items: readonly Item[], index: number): Item {
  return items[(index * 7919) % items.length] as Item;
}
