/**
 * A tus upload in parts, until the blob is verified and in its place, against the same bytes in one request to the same server,
 * in turns; and the server's peak memory in each.
 *
 *   node bench/tus.ts [--size-mib 1024] [--part-mib 16] [--rounds 5]
 */
import { parseArgs } from 'node:util';
import { runClient } from './bytes-clients.ts';
import { startBytesServer } from './bytes-server.ts';
import { median, printMachine, printSeries, printTargets } from './report.ts';

const mebibyte = 1024 * 1024;
const { values: flags } = parseArgs({
  options: {
    'size-mib': { type: 'string', default: '1024' },
    'part-mib': { type: 'string', default: '16' },
    rounds: { type: 'string', default: '5' },
  },
});
const bytes = Number(flags['size-mib']) * mebibyte;
const partBytes = Number(flags['part-mib']) * mebibyte;
const rounds = Number(flags.rounds);

printMachine();
await using server = await startBytesServer();
const speeds = { put: [] as number[], tus: [] as number[] };
const peaks = { put: [] as number[], tus: [] as number[] };

// The first one warms both up. The same bytes each time: what is stored stays one object.
for (const mode of ['put', 'tus'] as const) await runClient(server, { mode, seed: 1, bytes: 64 * mebibyte, partBytes });
for (let round = 0; round < rounds; round += 1) {
  for (const mode of ['put', 'tus'] as const) {
    await server.resetPeak();
    speeds[mode].push(await runClient(server, { mode, seed: 2, bytes, partBytes }));
    peaks[mode].push(await server.peakMib());
  }
}
printSeries('one request', speeds.put, 'MB/s');
printSeries(`tus in parts of ${flags['part-mib']} MiB`, speeds.tus, 'MB/s');
printSeries('peak memory, one request', peaks.put, 'MiB');
printSeries('peak memory, tus', peaks.tus, 'MiB');
printTargets([{ name: 'tus / one request', value: median(speeds.tus) / median(speeds.put), atLeast: 0.8 }]);
