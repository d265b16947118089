/** Ends a PostgreSQL that an earlier Vitrine left on the data folder, and clears what only looks like a running one. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '#base/app-error.ts';
import type { ClusterPlace } from './postgres-cluster.ts';

// Each signal, and how long it may take: fast shutdown, immediate shutdown, the end.
const steps = [
  { signal: 'SIGINT', waitMs: 20_000 },
  { signal: 'SIGQUIT', waitMs: 20_000 },
  { signal: 'SIGKILL', waitMs: 10_000 },
] as const;

/**
 * Called under the folder's lock, so whatever runs there has lost its Vitrine. It is ended rather than taken over: only a
 * child of this process ends with it, and a start on an existing folder costs less than 100 ms.
 */
export async function endLeftoverPostgres(place: ClusterPlace): Promise<'none' | 'ended'> {
  const pidFile = join(place.dataFolder, 'postmaster.pid');
  const text = await readFile(pidFile, 'utf8').catch(() => '');
  const pid = Number.parseInt(text, 10);
  const found = pid > 0 && (await isPostmasterOf(pid, place.dataFolder)) ? 'ended' : 'none';
  if (found === 'ended') await end(pid, place.dataFolder);
  await forgetPid(pidFile);
  await Promise.all(['.s.PGSQL.5432', '.s.PGSQL.5432.lock'].map((name) => rm(join(place.socketFolder, name), { force: true })));
  return found;
}

async function end(pid: number, dataFolder: string): Promise<void> {
  for (const { signal, waitMs } of steps) {
    send(pid, signal);
    for (let waited = 0; waited < waitMs; waited += 20) {
      if (!(await isPostmasterOf(pid, dataFolder))) return;
      await sleep(20);
    }
  }
  throw new AppError('DATA_DIR_IN_USE', `PostgreSQL (process ${pid}) still runs on ${dataFolder} and cannot be ended.`);
}

/**
 * PostgreSQL takes any process with the recorded number for itself, also a stranger that got the number meanwhile or a
 * zombie that nobody waits for, as in a container. Its parent's number it passes over, and then still looks whether the
 * recorded shared memory is in use, which is why the file is not simply removed.
 */
async function forgetPid(pidFile: string): Promise<void> {
  const text = await readFile(pidFile, 'utf8').catch(() => undefined);
  if (text !== undefined) await writeFile(pidFile, text.replace(/^-?\d+/, String(process.pid)));
}

/** By state and command line where the system shows them; elsewhere a live process with the number is believed. */
async function isPostmasterOf(pid: number, dataFolder: string): Promise<boolean> {
  if (process.platform !== 'linux') return isAlive(pid);
  // A zombie has an empty command line.
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return commandLine.split('\0').includes(dataFolder);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone between the look and the signal.
  }
}
