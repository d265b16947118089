/**
 * From the command to the first ready answer, on an empty and on an existing data folder, and what the idle server and its database
 * keep in memory: `node bench/start.ts [starts]`. Beside it a bare node:http server, from the command to its first answer.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '#test/support/free-port.ts';
import { median, printMachine, printSeries, printTargets } from './report.ts';

const starts = Number(process.argv[2] ?? 7);
/** Long enough for what a start leaves to do in the background. */
const idleMs = 8000;
const deadlineMs = 60_000;
const repository = join(import.meta.dirname, '..');

await using stack = new AsyncDisposableStack();
const folder = await mkdtemp(join(tmpdir(), 'vitrine-bench-'));
stack.defer(() => rm(folder, { recursive: true, force: true }));

printMachine();
const first = await measureServer(false);
const existing: number[] = [];
const bare: number[] = [];
for (let run = 0; run < starts; run += 1) {
  existing.push((await measureServer(false)).readyMs);
  bare.push(await measureBare());
}
const { pssMiB } = await measureServer(true);
printSeries('first start, an empty folder', [first.readyMs], 'ms');
printSeries('start on an existing database', existing, 'ms');
printSeries('reference: a bare node:http server', bare, 'ms');
printSeries(`idle ${idleMs / 1000} s after its start, with its database (PSS)`, [pssMiB], 'MiB');
printTargets([
  { name: 'first start', value: first.readyMs, atMost: 4000, unit: ' ms' },
  { name: 'start on an existing database', value: median(existing), atMost: 1000, unit: ' ms' },
  { name: 'idle with its database', value: pssMiB, atMost: 200, unit: ' MiB' },
]);

async function measureServer(isIdleWanted: boolean): Promise<{ readyMs: number; pssMiB: number }> {
  const port = await freePort();
  const args = [join(repository, 'src/launch.js'), 'serve', '--port', String(port), '--data-dir', folder];
  const began = performance.now();
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const readyMs = await untilAnswers(child, `http://127.0.0.1:${port}/readyz`, began);
  if (isIdleWanted) await sleep(idleMs);
  const pssMiB = isIdleWanted && child.pid !== undefined ? (await treePssKiB(child.pid)) / 1024 : Number.NaN;
  await end(child);
  return { readyMs, pssMiB };
}

async function measureBare(): Promise<number> {
  const port = await freePort();
  const code = `require('node:http').createServer((request, response) => response.end('ready')).listen(${port}, '127.0.0.1')`;
  const began = performance.now();
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'ignore', 'inherit'] });
  const readyMs = await untilAnswers(child, `http://127.0.0.1:${port}/`, began);
  await end(child);
  return readyMs;
}

async function untilAnswers(child: ChildProcess, url: string, began: number): Promise<number> {
  while (performance.now() - began < deadlineMs) {
    if (child.exitCode !== null) throw new Error(`the server ended with code ${child.exitCode}`);
    const isReady = await fetch(url).then(
      async (response) => {
        await response.arrayBuffer();
        return response.ok;
      },
      () => false,
    );
    if (isReady) return performance.now() - began;
    await sleep(3);
  }
  throw new Error(`no answer within ${deadlineMs / 1000} s`);
}

async function end(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}

/** A process and everything it started: pages it shares are counted by their share. */
async function treePssKiB(root: number): Promise<number> {
  const parents = new Map<number, number>();
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
    parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
  }
  const isBelow = (pid: number | undefined): boolean => pid !== undefined && (pid === root || isBelow(parents.get(pid)));
  let total = 0;
  for (const pid of parents.keys()) {
    if (!isBelow(pid)) continue;
    const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
    total += Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0);
  }
  return total;
}
