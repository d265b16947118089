/** The SHA-256 of a local file, in constant memory; a large one off the main thread, which draws and sends meanwhile. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { AppError } from '#base/app-error.ts';

/** Below it a file is hashed sooner than a thread has started. */
const threadFromBytes = 8 * 1024 * 1024;

const workerUrl = new URL(import.meta.url.endsWith('.ts') ? './hash-file-worker.ts' : './hash-file-worker.js', import.meta.url);

export interface HashedFile {
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** @param onBytes told how many bytes more were read. @throws AppError FILE_UNREADABLE */
export async function hashFile(
  file: string,
  sizeBytes: number,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): Promise<HashedFile> {
  signal.throwIfAborted();
  try {
    if (sizeBytes >= threadFromBytes) return await hashInThread(file, onBytes, signal);
    const bytes = await readFile(file, { signal });
    onBytes(bytes.length);
    return { sha256: createHash('sha256').update(bytes).digest('hex'), sizeBytes: bytes.length };
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new AppError('FILE_UNREADABLE', `${file} cannot be read: ${why}`, { cause });
  }
}

/** What the thread says: bytes as they are read, then the result. */
export type HashMessage = { readonly bytes: number } | HashedFile;

async function hashInThread(file: string, onBytes: (bytes: number) => void, signal: AbortSignal): Promise<HashedFile> {
  const { promise, resolve, reject } = Promise.withResolvers<HashedFile>();
  const worker = new Worker(workerUrl, { name: 'vitrine-hash', workerData: file, env: {}, execArgv: [] });
  const stop = () => reject(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  worker.on('message', (message: HashMessage) => {
    if ('bytes' in message) onBytes(message.bytes);
    else resolve(message);
  });
  worker.once('error', reject);
  worker.once('exit', () => reject(new Error('the thread that hashed it ended')));
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', stop);
    await worker.terminate();
  }
}
