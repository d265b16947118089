/**
 * Downloads over a real connection: `send` of the filesystem store against `createReadStream().pipe()` from the same folder in
 * the same server, alternated.   node bench/download.ts [--size-mib 1024] [--rounds 5]
 */
import { createReadStream } from 'node:fs';
import { glob, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { BlobStore } from '#blobs/blob-store.ts';
import { newObjectKey, openBlobs } from '#blobs/blobs.ts';
import { median, printMachine, printSeries, printTargets } from './report.ts';

const mebibyte = 1024 * 1024;
const never = new AbortController().signal;

if (isMainThread) await measure();
else readAll();

async function measure(): Promise<void> {
  const { values: flags } = parseArgs({
    options: { 'size-mib': { type: 'string', default: '1024' }, rounds: { type: 'string', default: '5' } },
  });
  const sizeBytes = Number(flags['size-mib']) * mebibyte;
  const path = await mkdtemp(join(tmpdir(), 'vitrine-bench-'));
  await using blobs = await openBlobs({ stores: [{ name: 'files', kind: 'filesystem', path }], defaultStore: 'files' });
  const key = await writeObject(blobs.defaultStore, sizeBytes);
  const [file = ''] = await Array.fromAsync(glob(`objects/*/${key}`, { cwd: path }));
  const ways: Record<string, (response: ServerResponse) => void> = {
    '/send': (response) => {
      void blobs.defaultStore.send(key, response, { signal: never }).then(() => response.end());
    },
    '/pipe': (response) => createReadStream(join(path, file)).pipe(response),
  };
  const server = createServer((request, response) => {
    response.setHeader('content-length', sizeBytes);
    ways[request.url ?? '']?.(response);
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;

  printMachine();
  const speeds = { '/send': [] as number[], '/pipe': [] as number[] };
  for (const way of ['/send', '/pipe'] as const) await download(port, way, sizeBytes);
  for (let round = 0; round < Number(flags.rounds); round += 1) {
    for (const way of ['/pipe', '/send'] as const) speeds[way].push(await download(port, way, sizeBytes));
  }
  server.close();
  await rm(path, { recursive: true });
  printSeries('createReadStream.pipe', speeds['/pipe'], 'MB/s');
  printSeries('store.send', speeds['/send'], 'MB/s');
  printTargets([
    { name: 'download / createReadStream.pipe', value: median(speeds['/send']) / median(speeds['/pipe']), atLeast: 1.5 },
  ]);
}

async function writeObject(store: BlobStore, sizeBytes: number): Promise<string> {
  const key = newObjectKey();
  await using writer = await store.create(key, { signal: never });
  const block = Buffer.alloc(mebibyte, 7);
  for (let written = 0; written < sizeBytes; written += block.length) await writer.write(block);
  await writer.finish();
  return key;
}

/** Megabytes a second of one download by a thread that only reads the socket, into one buffer. */
async function download(port: number, way: string, sizeBytes: number): Promise<number> {
  const reader = new Worker(new URL(import.meta.url), { workerData: { port, way, sizeBytes } });
  const seconds = await new Promise<number>((resolve, reject) => reader.once('message', resolve).once('error', reject));
  return sizeBytes / 1e6 / seconds;
}

function readAll(): void {
  const { port, way, sizeBytes } = workerData as { port: number; way: string; sizeBytes: number };
  let received = 0;
  const startedAt = performance.now();
  const onread = {
    buffer: Buffer.alloc(mebibyte),
    callback(count: number): boolean {
      received += count;
      if (received >= sizeBytes) {
        parentPort?.postMessage((performance.now() - startedAt) / 1000);
        socket.destroy();
      }
      return true;
    },
  };
  const socket = connect({ host: '127.0.0.1', port, onread });
  socket.write(`GET ${way} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
}
