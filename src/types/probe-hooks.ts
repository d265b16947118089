/** Loads every hooks file once, in one thread that ends at once: what they export, and which do not load, before anything starts. */
import type { HookLimits } from './hook-limits.ts';
import { type FromWorker, type HookName, hookNames } from './hook-protocol.ts';
import { startHookWorker } from './hook-thread.ts';

export interface ProbedHooks {
  readonly has: ReadonlySet<HookName>;
  readonly problem: string | null;
}

/** By file. A file that hangs or ends the thread has that as its problem; those after it are asked again. */
export async function probeHooks(files: readonly string[], limits: HookLimits): Promise<ReadonlyMap<string, ProbedHooks>> {
  const probed = new Map<string, ProbedHooks>();
  for (let left = files; left.length > 0; left = files.filter((file) => !probed.has(file))) {
    const end = await probeOnce(left, limits, probed);
    const culprit = left.find((file) => !probed.has(file));
    if (culprit !== undefined) probed.set(culprit, { has: new Set(), problem: end });
  }
  return probed;
}

/** Why the thread ended, should a file be without an answer. */
async function probeOnce(files: readonly string[], limits: HookLimits, probed: Map<string, ProbedHooks>): Promise<string> {
  const worker = startHookWorker({ kind: 'probe', files }, limits);
  let end = 'ended its thread while it was loaded';
  const timer = setTimeout(() => {
    end = `did not load within ${limits.startMs} ms`;
    void worker.terminate();
  }, limits.startMs);
  worker.on('error', (error) => {
    end = `crashed while it was loaded: ${error instanceof Error ? error.message : String(error)}`;
  });
  worker.on('message', (message: FromWorker) => {
    if (message.kind !== 'probed') return;
    timer.refresh();
    const has = new Set(hookNames.filter((name) => message.exports.includes(name)));
    probed.set(message.file, { has, problem: message.problem });
    if (probed.size >= files.length && files.every((file) => probed.has(file))) void worker.terminate();
  });
  await new Promise((resolve) => worker.on('exit', resolve));
  clearTimeout(timer);
  return end;
}
