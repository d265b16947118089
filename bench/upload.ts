/**
 * Uploads over a real connection, all three digests: speed against the ceiling of hashing alone (filesystem) and against
 * minio-js `fPutObject` (MinIO), and the server's memory over a large upload of unknown length.
 *
 *   node bench/upload.ts [--size-mib 1024] [--rounds 5] [--memory-mib 4096] [--only files|s3|memory]
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { Client } from 'minio';
import type { StoreConfig } from '#blobs/blobs.ts';
import { minioBinary, startMinio } from '#test/support/minio.ts';
import type { S3Server } from '#test/support/s3-server.ts';
import { measureHashCeiling } from './hash-ceiling.ts';
import { median, printMachine, printSeries, printTargets } from './report.ts';

const mebibyte = 1024 * 1024;
const { values: flags } = parseArgs({
  options: {
    'size-mib': { type: 'string', default: '1024' },
    rounds: { type: 'string', default: '5' },
    'memory-mib': { type: 'string', default: '4096' },
    only: { type: 'string' },
  },
});
const sizeBytes = Number(flags['size-mib']) * mebibyte;
const rounds = Number(flags.rounds);
const memoryBytes = Number(flags['memory-mib']) * mebibyte;

interface Upload {
  readonly megabytesPerSecond: number;
  readonly peakMib: number;
}

interface UploadServer extends AsyncDisposable {
  upload(bytes: number, framing: 'length' | 'chunked', pauseMs?: number): Promise<Upload>;
}

async function startServer(config: StoreConfig): Promise<UploadServer> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'upload-server.ts'), JSON.stringify(config)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const next = async () => JSON.parse((await lines.next()).value ?? '{}');
  const { port } = await next();
  return {
    async upload(bytes, framing, pauseMs = 0) {
      const args = [join(import.meta.dirname, 'upload-sender.ts'), port, bytes, framing, pauseMs].map(String);
      const sender = spawn(process.execPath, args, { stdio: 'inherit' });
      const [result, [code]] = await Promise.all([next(), once(sender, 'exit')]);
      if (code !== 0) throw new Error(`the sender ended with ${code}`);
      return result;
    },
    [Symbol.asyncDispose]: () => stop(child),
  };
}

async function stop(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}

async function measureFiles(config: StoreConfig): Promise<void> {
  await using server = await startServer(config);
  await server.upload(64 * mebibyte, 'length');
  const ceiling: number[] = [];
  const uploads: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    ceiling.push(await measureHashCeiling(sizeBytes));
    uploads.push((await server.upload(sizeBytes, 'length')).megabytesPerSecond);
  }
  printSeries('hashing alone, three threads', ceiling, 'MB/s');
  printSeries('upload to files', uploads, 'MB/s');
  printTargets([{ name: 'upload to files / hashing alone', value: median(uploads) / median(ceiling), atLeast: 0.65 }]);
}

async function measureS3(minio: S3Server, config: StoreConfig, folder: string): Promise<void> {
  await using server = await startServer(config);
  await server.upload(64 * mebibyte, 'length');
  const { hostname, port } = new URL(minio.endpoint);
  const { accessKey, secretKey } = minio;
  const client = new Client({ endPoint: hostname, port: Number(port), useSSL: false, accessKey, secretKey });
  const path = join(folder, 'source');
  await writeSource(path, sizeBytes);
  const reference: number[] = [];
  const uploads: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const startedAt = performance.now();
    await client.fPutObject('bench', 'reference', path);
    reference.push(sizeBytes / 1e3 / (performance.now() - startedAt));
    await client.removeObject('bench', 'reference');
    uploads.push((await server.upload(sizeBytes, 'length')).megabytesPerSecond);
  }
  printSeries('minio-js fPutObject', reference, 'MB/s');
  printSeries('upload to MinIO', uploads, 'MB/s');
  printTargets([{ name: 'upload to MinIO / fPutObject', value: median(uploads) / median(reference), atLeast: 0.8 }]);
}

async function writeSource(path: string, bytes: number): Promise<void> {
  await using file = await open(path, 'w');
  const block = Buffer.alloc(mebibyte, 7);
  for (let written = 0; written < bytes; written += block.length) await file.write(block);
}

async function measureMemory(name: string, config: StoreConfig): Promise<void> {
  for (const pauseMs of [0, 100]) {
    await using server = await startServer(config);
    const first = await server.upload(64 * mebibyte, 'chunked');
    const large = await server.upload(memoryBytes, 'chunked', pauseMs);
    const sender = pauseMs === 0 ? 'steady sender' : 'sender that pauses';
    printTargets([
      {
        name: `${name}, ${sender}: VmHWM above the first upload's`,
        value: large.peakMib - first.peakMib,
        atMost: 64,
        unit: ' MiB',
      },
      { name: `${name}, ${sender}: VmHWM`, value: large.peakMib, atMost: 320, unit: ' MiB' },
    ]);
  }
}

printMachine();
const folder = await mkdtemp(join(tmpdir(), 'vitrine-bench-'));
const files: StoreConfig = { name: 'files', kind: 'filesystem', path: join(folder, 'store') };
await using minio = minioBinary === undefined ? undefined : await startMinio();
const s3 = minio?.storeConfig('bench');
const isWanted = (part: string): boolean => flags.only === undefined || flags.only === part;
try {
  if (isWanted('files')) await measureFiles(files);
  if (isWanted('s3') && minio !== undefined && s3 !== undefined) await measureS3(minio, s3, folder);
  if (isWanted('memory')) await measureMemory('files', files);
  if (isWanted('memory') && s3 !== undefined) await measureMemory('MinIO', s3);
  if (minio === undefined) console.log('skipped: MinIO (no binary, see VITRINE_TEST_MINIO)');
} finally {
  await rm(folder, { recursive: true });
}
