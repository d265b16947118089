/** What the soak runs on: an external PostgreSQL, MinIO, and two Vitrine nodes, one of which is killed now and then. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { choosePostgresAccount } from '#metadata/postgres-account.ts';
import { findPostgresBinaries } from '#metadata/postgres-binaries.ts';
import { initialiseCluster, startCluster } from '#metadata/postgres-cluster.ts';
import { freePort } from '../support/free-port.ts';
import { startMinio } from '../support/minio.ts';
import type { S3Server } from '../support/s3-server.ts';
import { startVitrine, type VitrineProcess } from '../support/vitrine-process.ts';

/** How soon what clients leave behind is over. */
const uploadTtlMs = 20_000;
export const draftTtlMs = 90_000;

const bucket = 'soak';
/** The clients leave a node that starts little of the machine. */
const readyDeadlineMs = 120_000;

export interface SoakNode {
  readonly name: string;
  readonly url: string;
  /** False from the kill until it is ready again. */
  readonly isUp: boolean;
  /** Was it killed, or down, at any moment since then? Only then may a connection to it fail. */
  wasDownSince(time: number): boolean;
  killAndRestart(): Promise<void>;
  /** As an operator stops it; the exit code. */
  stop(): Promise<number | null>;
  /** Lines of its log at level `error` and above, of all its lives. */
  errors(): readonly Record<string, unknown>[];
  /** The most memory any of its lives has used. */
  peakMebibytes(): Promise<number>;
}

export interface SoakServers extends AsyncDisposable {
  readonly nodes: readonly SoakNode[];
  readonly databaseUrl: string;
  readonly minio: S3Server;
  readonly bucket: string;
}

export async function startSoakServers(): Promise<SoakServers> {
  await using stack = new AsyncDisposableStack();
  const databaseUrl = await startDatabase(stack);
  const minio = stack.use(await startMinio());
  const env = {
    VITRINE_DATABASE_URL: databaseUrl,
    VITRINE_INSTANCE_KEY: randomBytes(32).toString('hex'),
    VITRINE_STORES: JSON.stringify([{ ...minio.storeConfig(bucket), name: 'minio' }]),
    VITRINE_TTL_UPLOAD_MS: String(uploadTtlMs),
    VITRINE_TTL_DRAFT_MS: String(draftTtlMs),
    VITRINE_STORAGE_COLLECT_GRACE_MS: '1000',
    VITRINE_STORAGE_SCRUB_AFTER_MS: '10000',
    VITRINE_JOBS_CONCURRENCY: '4',
    VITRINE_JOBS_COLLECT_EVERY_MS: '1000',
    VITRINE_JOBS_EXPIRE_UPLOADS_EVERY_MS: '2000',
    VITRINE_JOBS_EXPIRE_DRAFTS_EVERY_MS: '5000',
    VITRINE_JOBS_RECONCILE_EVERY_MS: '15000',
    VITRINE_JOBS_SCRUB_EVERY_MS: '20000',
  };
  const nodes: SoakNode[] = [];
  for (const name of ['first', 'second']) nodes.push(stack.use(await startNode(name, env)));
  const kept = stack.move();
  return { nodes, databaseUrl, minio, bucket, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

async function startDatabase(stack: AsyncDisposableStack): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'vitrine-soak-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const account = await choosePostgresAccount(folder);
  const place = { binaries: await findPostgresBinaries(), account, dataFolder: join(folder, 'data') };
  await initialiseCluster({ ...place, logFile: join(folder, 'log') });
  const cluster = await startCluster({ ...place, socketFolder: folder, logFile: join(folder, 'log') });
  stack.defer(() => cluster.stop());
  return cluster.url('postgres');
}

async function startNode(name: string, env: Readonly<Record<string, string>>): Promise<SoakNode & AsyncDisposable> {
  const dataDir = await mkdtemp(join(tmpdir(), 'vitrine-soak-node-'));
  const port = await freePort();
  const lives: VitrineProcess[] = [];
  const downs: { from: number; to: number }[] = [];
  let peak = 0;
  const start = async (): Promise<void> => void lives.push(await startVitrine({ dataDir, port, env, readyDeadlineMs }));
  const life = (): VitrineProcess => {
    const last = lives.at(-1);
    if (last === undefined) throw new Error('the node was never started');
    return last;
  };
  const measure = async (): Promise<void> => {
    const status = await readFile(`/proc/${life().child.pid}/status`, 'utf8').catch(() => '');
    peak = Math.max(peak, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
  };
  await start();
  return {
    name,
    url: life().url,
    get isUp() {
      return (downs.at(-1)?.to ?? 0) < Number.POSITIVE_INFINITY;
    },
    // An error may be noticed a moment after its cause.
    wasDownSince: (time) => downs.some(({ to }) => to + 500 >= time),
    async killAndRestart() {
      await measure();
      const down = { from: performance.now(), to: Number.POSITIVE_INFINITY };
      downs.push(down);
      await life().stop('SIGKILL');
      await sleep(1_000);
      await start();
      down.to = performance.now();
    },
    async stop() {
      await measure();
      await life().stop('SIGTERM');
      return life().child.exitCode;
    },
    errors: () => lives.flatMap((one) => one.output().split('\n').flatMap(readError)),
    async peakMebibytes() {
      await measure();
      return Math.round(peak);
    },
    [Symbol.asyncDispose]: async () => {
      for (const one of lives) await one.stop('SIGKILL');
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

function readError(line: string): readonly Record<string, unknown>[] {
  try {
    const entry = JSON.parse(line) as Record<string, unknown>;
    return Number(entry['level']) >= 50 ? [entry] : [];
  } catch {
    return [];
  }
}
