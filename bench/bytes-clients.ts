/** Runs clients that move bytes, each a process of its own. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { BytesServer } from './bytes-server.ts';

export interface ClientRun {
  readonly mode: 'put' | 'tus' | 'get';
  /** By default a new one. */
  readonly draft?: string;
  readonly seed: number;
  readonly bytes: number;
  readonly partBytes?: number;
}

/** Megabytes a second. */
export async function runClient(server: BytesServer, run: ClientRun): Promise<number> {
  const draft = run.draft ?? (await server.createDraft());
  const script = join(import.meta.dirname, 'bytes-client.ts');
  const args = [script, run.mode, server.url, draft, run.seed, run.bytes, run.partBytes ?? run.bytes].map(String);
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return run.bytes / 1e3 / Number(stdout);
}

/** The same of several at once, together: the bytes of all over the time from the first start to the last end, of the moving only. */
export async function runClients(server: BytesServer, runs: readonly ClientRun[]): Promise<number> {
  const speeds = await Promise.all(runs.map((run) => runClient(server, run)));
  const bytes = runs.reduce((sum, run) => sum + run.bytes, 0);
  const slowestMs = Math.max(...runs.map((run, index) => run.bytes / 1e3 / (speeds[index] ?? Number.NaN)));
  return bytes / 1e3 / slowestMs;
}
