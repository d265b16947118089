/** The ceiling of uploads: three threads that hash a static buffer in shared memory, no input or output at all. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

const blockBytes = 1024 * 1024;
const algorithms = ['sha256', 'sha512', 'md5'];

interface Order {
  readonly algorithm: string;
  readonly totalBytes: number;
  readonly memory: SharedArrayBuffer;
}

/** Megabytes (10⁶) a second. */
export async function measureHashCeiling(totalBytes: number): Promise<number> {
  const memory = new SharedArrayBuffer(blockBytes);
  const threads = algorithms.map(
    (algorithm) => new Worker(new URL(import.meta.url), { workerData: { algorithm, totalBytes, memory } satisfies Order }),
  );
  await Promise.all(threads.map((thread) => once(thread, 'message')));
  const startedAt = performance.now();
  const done = threads.map((thread) => once(thread, 'message'));
  for (const thread of threads) thread.postMessage('go');
  await Promise.all(done);
  const seconds = (performance.now() - startedAt) / 1000;
  await Promise.all(threads.map((thread) => thread.terminate()));
  return totalBytes / 1e6 / seconds;
}

if (!isMainThread && parentPort !== null) {
  const { algorithm, totalBytes, memory } = workerData as Order;
  const port = parentPort;
  port.once('message', () => {
    const hash = createHash(algorithm);
    const block = new Uint8Array(memory);
    for (let hashed = 0; hashed < totalBytes; hashed += block.length) hash.update(block);
    port.postMessage(hash.digest('hex'));
  });
  port.postMessage('ready');
}
