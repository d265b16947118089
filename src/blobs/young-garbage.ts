/**
 * Keeps the memory of transfers flat. A chunk from a socket is 64 KiB outside the heap behind a small object inside it, so the
 * collector sees little reason to run: at 300 MB/s up to 60 MiB of chunks that nobody needs pile up before it does. Collecting
 * only the young objects after every few megabytes costs under a millisecond each time.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = (options: { type: 'minor'; execution: 'sync' }) => void;

const everyBytes = 16 * 1024 * 1024;
let collect: Collect | undefined;
let uncollectedBytes = 0;

/** Counts bytes that have been taken from their chunks. */
export function noteGarbage(bytes: number): void {
  uncollectedBytes += bytes;
  if (uncollectedBytes < everyBytes) return;
  uncollectedBytes = 0;
  collect ??= findCollector();
  collect({ type: 'minor', execution: 'sync' });
}

// Node has no other way to it than the flag; set late, it shows in contexts made from then on.
function findCollector(): Collect {
  setFlagsFromString('--expose-gc');
  const found: unknown = runInNewContext('typeof gc === "function" ? gc : undefined');
  setFlagsFromString('--no-expose-gc');
  return isCollector(found) ? found : () => undefined;
}

function isCollector(value: unknown): value is Collect {
  return typeof value === 'function';
}
