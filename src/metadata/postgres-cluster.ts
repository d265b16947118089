/** Makes, starts and stops one PostgreSQL server on a Unix socket: a child of this process, whose end it never survives. */
import { type ChildProcess, spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '#base/app-error.ts';
import type { PostgresAccount } from './postgres-account.ts';
import type { PostgresBinaries } from './postgres-binaries.ts';

/** The only user; the socket's folder decides who may connect. */
const clusterUser = 'vitrine';
const port = 5432;

export interface ClusterPlace {
  readonly binaries: PostgresBinaries;
  readonly account: PostgresAccount;
  /** PGDATA. */
  readonly dataFolder: string;
  /** Holds the socket; mode 0700, and short: a socket's path is limited to about 100 bytes. */
  readonly socketFolder: string;
  readonly logFile: string;
}

export interface Cluster {
  readonly pid: number;
  /** A connection URL for a database of this server. */
  url(database: string): string;
  /** Resolves when the server is gone, whatever the reason. */
  readonly exited: Promise<void>;
  /** Fast shutdown: sessions are ended, a checkpoint is written. Twice is once. */
  stop(): Promise<void>;
}

/** Further settings by name, above those every cluster gets. */
export type ClusterSettings = Readonly<Record<string, string>>;

// Small when idle, for one application on one machine. On the command line, so that no file can disagree.
const commonSettings: ClusterSettings = {
  listen_addresses: '',
  unix_socket_permissions: '0700',
  cluster_name: 'vitrine',
  max_connections: '100',
  shared_buffers: '128MB',
  io_method: 'sync',
  huge_pages: 'off',
  max_wal_senders: '0',
  max_logical_replication_workers: '0',
  jit: 'off',
  log_checkpoints: 'off',
  // A statement's error is its sender's to report: here it would only repeat values of rows.
  log_min_messages: 'log',
  log_timezone: 'UTC',
  timezone: 'UTC',
};

/** Makes an empty cluster in a folder that does not exist yet. UTF-8, byte-wise order, built in: alike on every system. */
export async function initialiseCluster(place: Omit<ClusterPlace, 'socketFolder'>): Promise<void> {
  const args = ['-D', place.dataFolder, '-U', clusterUser, '--auth-local=trust', '--auth-host=reject', '--encoding=UTF8'];
  const child = await launch(place, place.binaries.initdb, [
    ...args,
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--locale=C',
    '--no-instructions',
  ]);
  const code = await ended(child);
  if (code !== 0) throw await failure('PostgreSQL could not prepare its folder', place.logFile);
}

/** Resolves when the server accepts connections; after a crash it recovers first, however long that takes. */
export async function startCluster(place: ClusterPlace, settings: ClusterSettings = {}): Promise<Cluster> {
  const all = { ...commonSettings, unix_socket_directories: place.socketFolder, ...settings };
  const args = ['-D', place.dataFolder, '-p', String(port)];
  for (const [name, value] of Object.entries(all)) args.push('-c', `${name}=${value}`);
  const child = await launch(place, place.binaries.postgres, args);
  const exited = ended(child).then(() => undefined);
  while (!(await isReady(place.dataFolder, child.pid))) {
    if (hasEnded(child)) throw await failure('PostgreSQL did not start', place.logFile);
    await sleep(5);
  }
  return {
    pid: child.pid ?? 0,
    url: (database) => `postgresql://${clusterUser}@localhost:${port}/${database}?host=${encodeURIComponent(place.socketFolder)}`,
    exited,
    stop: async () => {
      if (!hasEnded(child)) child.kill('SIGINT');
      const stuck = new AbortController();
      await Promise.race([exited, sleep(60_000, undefined, { signal: stuck.signal }).catch(() => undefined)]);
      stuck.abort();
      // Immediate shutdown: nothing committed is lost, the next start recovers.
      if (!hasEnded(child)) child.kill('SIGQUIT');
      await exited;
    },
  };
}

async function launch(
  place: Omit<ClusterPlace, 'socketFolder'>,
  program: string,
  args: readonly string[],
): Promise<ChildProcess> {
  const log = await open(place.logFile, 'a', 0o600);
  try {
    const [first, ...rest] = [...place.account.wrapper, program, ...args];
    if (first === undefined) throw new Error('nothing to launch');
    const child = spawn(first, rest, {
      cwd: '/',
      // A session of its own: Ctrl-C reaches Vitrine alone, which stops its database last.
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C', TZ: 'UTC' },
      ...(place.account.uid === undefined ? {} : { uid: place.account.uid }),
      ...(place.account.gid === undefined ? {} : { gid: place.account.gid }),
    });
    await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject));
    return child;
  } finally {
    await log.close();
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once('exit', resolve));
}

/** The eighth line of postmaster.pid is the server's state, as pg_ctl reads it. */
async function isReady(dataFolder: string, pid: number | undefined): Promise<boolean> {
  try {
    const lines = (await readFile(join(dataFolder, 'postmaster.pid'), 'utf8')).split('\n');
    return Number(lines[0]) === pid && lines[7]?.trim() === 'ready';
  } catch {
    return false;
  }
}

async function failure(what: string, logFile: string): Promise<AppError> {
  const text = await readFile(logFile, 'utf8').catch(() => '');
  const tail = text.trimEnd().split('\n').slice(-6).join('\n');
  return new AppError('DATABASE_UNAVAILABLE', `${what}; the end of ${logFile}:\n${tail}`);
}
