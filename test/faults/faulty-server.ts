/** A Vitrine that can be told, while it runs, where to fail, wait or die; and that is started again on the same database and store. */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StoreConfig } from '#blobs/blobs.ts';
import { startVitrine, type VitrineProcess } from '#test/support/vitrine-process.ts';

/** A server that may die, and is started again by whoever finds it dead. */
export interface MortalServer {
  url(): string;
  isDead(): boolean;
  /** SIGKILL if it lives, then a new one. */
  restart(env?: Readonly<Record<string, string>>): Promise<void>;
}

export interface FaultyServer extends MortalServer, AsyncDisposable {
  output(): string;
  /** From now on; hits are counted anew. Nothing: no failpoint strikes. */
  arm(plan: string): Promise<void>;
  /** Failpoints that have struck since the last `arm`, as `name=mode`. */
  struck(): Promise<readonly string[]>;
}

export interface FaultyServerOptions {
  readonly databaseUrl: string;
  readonly store: StoreConfig;
}

export async function startFaultyServer({ databaseUrl, store }: FaultyServerOptions): Promise<FaultyServer> {
  const folder = await mkdtemp(join(tmpdir(), 'vitrine-faults-'));
  const config = join(folder, 'vitrine.json');
  await writeFile(config, JSON.stringify({ stores: [store] }));
  const never = ['EXPIRE_UPLOADS', 'EXPIRE_DRAFTS', 'EXPIRE_KEYS', 'COLLECT', 'SCRUB', 'RECONCILE', 'PURGE'];
  const base = {
    ...Object.fromEntries(never.map((name) => [`VITRINE_JOBS_${name}_EVERY_MS`, '0'])),
    VITRINE_DATABASE_URL: databaseUrl,
    VITRINE_CONFIG: config,
    VITRINE_TEST_FAILPOINTS: folder,
    VITRINE_LOG_LEVEL: 'warn',
  };
  const arm = async (plan: string): Promise<void> => {
    await rm(join(folder, 'struck'), { force: true });
    await writeFile(join(folder, 'plan.new'), plan);
    await rename(join(folder, 'plan.new'), join(folder, 'plan'));
  };
  await arm('');
  let earlier = '';
  const start = (env: Readonly<Record<string, string>> = {}): Promise<VitrineProcess> =>
    startVitrine({ dataDir: join(folder, 'data'), env: { ...base, ...env } });
  let current = await start();
  return {
    url: () => current.url,
    isDead: () => current.child.exitCode !== null || current.child.signalCode !== null,
    output: () => earlier + current.output(),
    arm,
    async struck() {
      const file = join(folder, 'struck');
      return existsSync(file) ? (await readFile(file, 'utf8')).trim().split('\n') : [];
    },
    async restart(env) {
      await current.stop('SIGKILL');
      await writeFile(join(folder, 'plan'), '');
      earlier = current.output();
      current = await start(env);
    },
    async [Symbol.asyncDispose]() {
      await current.stop('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
}
