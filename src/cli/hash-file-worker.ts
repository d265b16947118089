/** The thread of hash-file.ts: reads one file from its start to its end, and hashes it. */
import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import type { HashMessage } from './hash-file.ts';

const blockBytes = 1024 * 1024;
const tellEveryBytes = 8 * blockBytes;

function tell(message: HashMessage): void {
  parentPort?.postMessage(message);
}

const hash = createHash('sha256');
const block = Buffer.allocUnsafe(blockBytes);
const file = openSync(String(workerData), 'r');
let sizeBytes = 0;
let untold = 0;
try {
  for (let count = readSync(file, block); count > 0; count = readSync(file, block)) {
    hash.update(block.subarray(0, count));
    sizeBytes += count;
    untold += count;
    if (untold >= tellEveryBytes) {
      tell({ bytes: untold });
      untold = 0;
    }
  }
} finally {
  closeSync(file);
}
tell({ bytes: untold });
tell({ sha256: hash.digest('hex'), sizeBytes });
