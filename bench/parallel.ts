/**
 * Eight uploads, then eight downloads, at once: what they move together against what one moves alone, in turns.
 *
 *   node bench/parallel.ts [--size-mib 256] [--count 8] [--rounds 5] [--mode put|tus]
 */
import { parseArgs } from 'node:util';
import { runClient, runClients } from './bytes-clients.ts';
import { startBytesServer } from './bytes-server.ts';
import { median, printMachine, printSeries, printTargets } from './report.ts';

const mebibyte = 1024 * 1024;
const { values: flags } = parseArgs({
  options: {
    'size-mib': { type: 'string', default: '256' },
    count: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '5' },
    mode: { type: 'string', default: 'put' },
  },
});
const bytes = Number(flags['size-mib']) * mebibyte;
const count = Number(flags.count);
const rounds = Number(flags.rounds);
const mode = flags.mode === 'tus' ? 'tus' : 'put';
const partBytes = 16 * mebibyte;

printMachine();
await using server = await startBytesServer();
const all = Array.from({ length: count }, (_, index) => index);
const drafts = await Promise.all(all.map(() => server.createDraft()));
const upload = (index: number) => ({ mode, seed: index, bytes, partBytes, draft: drafts[index] ?? '' }) as const;
const download = (index: number) => ({ ...upload(index), mode: 'get' }) as const;
const series = { up: [] as number[], ups: [] as number[], down: [] as number[], downs: [] as number[], peak: [] as number[] };

// Stored once before it is measured: each round then does the same, down to removing what was known already.
await runClients(server, all.map(upload));
for (let round = 0; round < rounds; round += 1) {
  await server.resetPeak();
  series.up.push(await runClient(server, upload(0)));
  series.ups.push(await runClients(server, all.map(upload)));
  series.peak.push(await server.peakMib());
  series.down.push(await runClient(server, download(0)));
  series.downs.push(await runClients(server, all.map(download)));
}
printSeries(`one upload (${mode})`, series.up, 'MB/s');
printSeries(`${count} uploads together`, series.ups, 'MB/s');
printSeries('peak memory', series.peak, 'MiB');
printSeries('one download', series.down, 'MB/s');
printSeries(`${count} downloads together`, series.downs, 'MB/s');
printTargets([
  { name: `${count} uploads / one`, value: median(series.ups) / median(series.up), atLeast: 0.9 },
  { name: `${count} downloads / one`, value: median(series.downs) / median(series.down), atLeast: 0.9 },
]);
