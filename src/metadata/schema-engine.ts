/** Prisma's schema engine as WebAssembly: applies migrations over `pg`, in this process, without a downloaded binary. */
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Migration } from './migration-files.ts';
import type { EngineAnswer, EngineTask } from './schema-engine-worker.ts';

/**
 * Applies what the database lacks; the names of what was applied. Each migration is one transaction.
 * In a thread of its own, whose end gives back the engine's 30 MiB and whatever it still had in hand.
 * @param url a direct connection: the engine takes an advisory lock of its own session
 */
export async function applyWithEngine(url: string, migrations: readonly Migration[]): Promise<readonly string[]> {
  const task: EngineTask = { url, migrations };
  // The sources end in .ts, the built package in .js.
  const file = new URL(`./schema-engine-worker${extname(import.meta.url)}`, import.meta.url);
  const worker = new Worker(file, { workerData: task });
  try {
    const answer = await new Promise<EngineAnswer>((resolve, reject) => {
      worker.once('message', resolve).once('error', reject);
      worker.once('exit', () => reject(new Error('the schema engine ended without an answer')));
    });
    if ('error' in answer) throw new Error(answer.error);
    return answer.applied;
  } finally {
    await worker.terminate();
  }
}
