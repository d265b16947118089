/** Pushes and pulls as processes of their own, which a test kills in the middle, or whose server it kills. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { root } from '../house/modules.ts';

export interface RunningCli {
  readonly child: ChildProcess;
  /** Exit code (null after a signal), and everything it printed. */
  readonly ended: Promise<{ readonly code: number | null; readonly output: string }>;
}

/** Starts `vitrine` and does not wait for its end. */
export function startCli(args: readonly string[], env: Readonly<Record<string, string>>): RunningCli {
  const child = spawn(process.execPath, [join(root, 'src/launch.js'), ...args], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return { child, ended: once(child, 'close').then(([code]) => ({ code: code as number | null, output })) };
}

/** A file of bytes that repeat nowhere near, without holding them in memory. */
export async function writeNoise(path: string, seed: number, sizeBytes: number): Promise<string> {
  const hash = createHash('sha256');
  await using file = await open(path, 'w');
  const block = Buffer.alloc(1024 * 1024);
  for (let written = 0; written < sizeBytes; written += block.length) {
    let state = (seed * 7919 + written) >>> 0 || 1;
    for (let at = 0; at < block.length; at += 4) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      block.writeUInt32LE(state, at);
    }
    const piece = block.subarray(0, Math.min(block.length, sizeBytes - written));
    hash.update(piece);
    await file.write(piece);
  }
  return hash.digest('hex');
}

export async function sha256OfFile(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}

/** Asks until the answer is good; fails when it never is. */
export async function until<Value>(what: string, ask: () => Promise<Value | undefined>, deadlineMs = 60_000): Promise<Value> {
  const deadline = Date.now() + deadlineMs;
  while (Date.now() < deadline) {
    const value = await ask();
    if (value !== undefined) return value;
    await sleep(10);
  }
  throw new Error(`${what} did not happen within ${deadlineMs} ms`);
}
