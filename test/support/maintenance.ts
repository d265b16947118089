/** Runs operations of maintenance: here, or in a child process that a failpoint kills. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JobRun } from '#ops/context.ts';
import type { MaintenanceOrder } from './maintain-in-child.ts';

export interface ChildOutcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A run that nobody watches and nobody ends. */
export function quietRun(signal: AbortSignal = new AbortController().signal): JobRun {
  return { signal, progress: async () => undefined };
}

/** @param order `failpoints` as `armFailpoints` takes them */
export async function maintainInChild(order: MaintenanceOrder): Promise<ChildOutcome> {
  const script = join(import.meta.dirname, 'maintain-in-child.ts');
  const child = spawn(process.execPath, [script, JSON.stringify(order)], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { code, signal, stdout, stderr };
}

/** The failpoints of an area as the source names them, sorted. @throws Error where there is none */
export async function listFailpoints(area: string): Promise<readonly string[]> {
  const folder = join(import.meta.dirname, '../../src/ops');
  const names = new Set<string>();
  for (const file of await readdir(folder)) {
    const text = await readFile(join(folder, file), 'utf8');
    for (const [, name = ''] of text.matchAll(/failpoint\('([^']+)'\)/g)) if (name.startsWith(`${area}:`)) names.add(name);
  }
  if (names.size === 0) throw new Error(`no failpoint of ${area}`);
  return [...names].sort();
}
