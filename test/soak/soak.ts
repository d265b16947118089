/**
 * `node test/soak/soak.ts [SECONDS] [SECONDS BETWEEN KILLS]`: clients at full speed on two nodes over one PostgreSQL and one MinIO,
 * collection every second, a node killed every 30 s; then the judges. Exit code 1 for any violation.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { checkSoak, drainSoak } from './soak-check.ts';
import { createLedger, type Ledger } from './soak-ledger.ts';
import { type SoakServers, startSoakServers } from './soak-servers.ts';
import { runWorker } from './soak-work.ts';

const clientCount = 6;
/** A request that hangs ends by its own deadline; past that something is wrong with the soak itself. */
const stopDeadlineMs = 200_000;

async function main(seconds: number, killEverySeconds: number): Promise<number> {
  const ledger = createLedger();
  await using servers = await startSoakServers();
  console.log(`soak: ${clientCount} clients, two nodes, ${seconds} s, a node killed every ${killEverySeconds} s`);
  const startedAt = performance.now();
  const stop = new AbortController();
  const clients = Array.from({ length: clientCount }, (_, index) => runWorker(index, servers.nodes, ledger, stop.signal));
  const kills = await killNodes(servers, ledger, seconds, killEverySeconds).catch((error: unknown) => {
    ledger.violate(`a node that was killed did not come back: ${String(error)}`);
    return 0;
  });
  stop.abort();
  const hasStopped = await Promise.race([Promise.all(clients).then(() => true), sleep(stopDeadlineMs, false, { ref: false })]);
  if (!hasStopped) ledger.violate(`clients were still waiting ${stopDeadlineMs} ms after they were told to stop`);
  const workedSeconds = (performance.now() - startedAt) / 1000;
  try {
    await drainSoak(servers, ledger);
    for (const node of servers.nodes) {
      const code = await node.stop();
      if (code !== 0) ledger.violate(`the ${node.name} node ended with ${code} when it was told to stop`);
    }
    await checkSoak(servers, ledger);
  } catch (error) {
    ledger.violate(`the end was not reached: ${String(error)}`);
  }
  await report(servers, ledger, workedSeconds, kills);
  return ledger.violations.length === 0 ? 0 : 1;
}

async function killNodes({ nodes }: SoakServers, ledger: Ledger, seconds: number, everySeconds: number): Promise<number> {
  const until = performance.now() + seconds * 1000;
  for (let kills = 0; ; kills += 1) {
    const pauseMs = Math.min(everySeconds * 1000, until - performance.now());
    if (pauseMs > 0) await sleep(pauseMs);
    if (performance.now() >= until) return kills;
    console.log(`${Math.round((until - performance.now()) / 1000)} s left, ${ledger.pushed.length} published, a node is killed`);
    await nodes[kills % nodes.length]?.killAndRestart();
  }
}

async function report({ nodes }: SoakServers, ledger: Ledger, seconds: number, kills: number): Promise<void> {
  console.log(`\nworked ${seconds.toFixed(0)} s; ${kills} kills; outcomes:`);
  for (const [outcome, count] of [...ledger.outcomes].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const isBytes = outcome.startsWith('bytes');
    const amount = isBytes ? `${(count / 2 ** 20).toFixed(0)} MiB` : String(count);
    const rate = isBytes ? `${(count / 2 ** 20 / seconds).toFixed(1)} MiB/s` : `${(count / seconds).toFixed(1)}/s`;
    console.log(`  ${outcome.padEnd(44)} ${amount.padStart(10)} ${rate.padStart(12)}`);
  }
  for (const node of nodes) {
    console.log(`${node.name} node: at most ${await node.peakMebibytes()} MiB; errors in its log:`);
    const messages = node
      .errors()
      .map((entry) => `${String(entry['msg'])}: ${(entry['err'] as { message?: string } | undefined)?.message}`);
    for (const message of new Set(messages)) {
      console.log(`  ${messages.filter((one) => one === message).length} × ${message.slice(0, 300)}`);
    }
  }
  console.log(`\n${ledger.violations.length} violations`);
  for (const violation of ledger.violations.slice(0, 50)) console.log(`  ${violation}`);
}

process.exitCode = await main(Number(process.argv[2] ?? 600), Number(process.argv[3] ?? 30));
