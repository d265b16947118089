/** Runs operations of maintenance: here, or in a child process that a failpoint kills. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { JobRun } from '#ops/context.ts';
import type { MaintenanceOrder } from './maintain-in-child.ts';

export const childApplicationName = 'vitrine-test-child';

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
  await untilForgotten(order.databaseUrl);
  return { code, signal, stdout, stderr };
}

/** PostgreSQL hears of a dead client when it next looks at the connection: until then its locks are held. */
async function untilForgotten(databaseUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    for (let looks = 0; looks < 300; looks += 1) {
      const { rowCount } = await client.query(
        'SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1',
        [childApplicationName],
      );
      if (rowCount === 0) return;
      await sleep(50);
    }
    throw new Error('the sessions of a dead child did not end');
  } finally {
    await client.end();
  }
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
