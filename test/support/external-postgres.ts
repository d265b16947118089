/** A PostgreSQL of one's own that a test stops, crashes and starts again under its users, as safe as in production. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate } from '#metadata/metadata.ts';
import { choosePostgresAccount } from '#metadata/postgres-account.ts';
import { findPostgresBinaries } from '#metadata/postgres-binaries.ts';
import { type Cluster, type ClusterPlace, initialiseCluster, startCluster } from '#metadata/postgres-cluster.ts';

export interface ExternalPostgres extends AsyncDisposable {
  readonly url: string;
  /** `fast`: as an administrator stops it, ending sessions; `crash`: as a power cut, without a last checkpoint. */
  stop(how: 'fast' | 'crash'): Promise<void>;
  /** After that: on the same folder, under the same URL. */
  restart(): Promise<void>;
}

export async function startExternalPostgres(): Promise<ExternalPostgres> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'vitrine-pg-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const place: ClusterPlace = {
    binaries: await findPostgresBinaries(),
    account: await choosePostgresAccount(folder),
    dataFolder: join(folder, 'data'),
    socketFolder: folder,
    logFile: join(folder, 'log'),
  };
  await initialiseCluster(place);
  let cluster: Cluster = await startCluster(place);
  stack.defer(() => cluster.stop());
  const url = cluster.url('postgres');
  await migrate({ url });
  const kept = stack.move();
  return {
    url,
    async stop(how) {
      if (how === 'crash') process.kill(cluster.pid, 'SIGQUIT');
      await cluster.stop();
    },
    async restart() {
      cluster = await startCluster(place);
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
