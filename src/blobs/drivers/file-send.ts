/** Copies a span of an open file to a stream: two buffers, the next read running while the last one is written. */
import { read } from 'node:fs';
import { OutgoingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { AppError } from '#base/app-error.ts';
import { prematureClose, toReadError } from '../store-error.ts';

const bufferBytes = 256 * 1024;
const keptBuffers: Buffer[] = [];
const keptBuffersMax = 16;

export interface SendSpan {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  readonly signal: AbortSignal;
  readonly storeName: string;
  readonly onSent?: ((bytes: number) => void) | undefined;
}

/**
 * Resolves when the destination has taken the last byte; does not end it. Never settles before a running read is over, so the
 * caller may close the file then.
 * @throws the signal's reason, BLOB_UNAVAILABLE, or ERR_STREAM_PREMATURE_CLOSE when the destination closes early
 */
export function sendFile(fd: number, destination: Writable, span: SendSpan): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const free: Buffer[] = [];
  const isReusing = consumesWrites(destination);
  let position = span.start;
  let handedOver = span.start;
  let isReading = false;
  let writing = 0;
  let outcome: { readonly error?: unknown } | undefined;

  const onAbort = (): void => stop({ error: span.signal.reason });
  const onClose = (): void => stop({ error: prematureClose() });
  const onError = (error: Error): void => stop({ error: prematureClose(error) });

  function stop(result: { readonly error?: unknown }): void {
    outcome ??= result;
    settle();
  }

  function settle(): void {
    if (outcome === undefined || isReading) return;
    span.signal.removeEventListener('abort', onAbort);
    destination.off('close', onClose).off('error', onError);
    // A buffer that a destroyed destination may still be reading is left to the garbage collector.
    if (writing === 0 && isReusing) giveBack(free);
    free.length = 0;
    span.onSent?.(handedOver - span.start);
    if ('error' in outcome) reject(outcome.error);
    else resolve();
  }

  function readNext(): void {
    if (outcome !== undefined || isReading || position >= span.end) return;
    const buffer = free.pop();
    if (buffer === undefined) return;
    isReading = true;
    read(fd, buffer, 0, Math.min(buffer.length, span.end - position), position, (error, count) => {
      isReading = false;
      if (outcome !== undefined) return settle();
      if (error !== null) return stop({ error: toReadError(error, span.storeName) });
      if (count === 0) return stop({ error: new AppError('BLOB_UNAVAILABLE', 'The stored object is shorter than it was.') });
      position += count;
      writeOut(buffer, count);
      readNext();
    });
  }

  function writeOut(buffer: Buffer, count: number): void {
    writing += 1;
    destination.write(buffer.subarray(0, count), (error) => {
      writing -= 1;
      if (error != null) return stop({ error: prematureClose(error) });
      free.push(isReusing ? buffer : Buffer.allocUnsafeSlow(buffer.length));
      handedOver += count;
      if (handedOver >= span.end) return stop({});
      readNext();
    });
  }

  if (destination.destroyed || destination.writableEnded) return Promise.reject(prematureClose());
  if (span.signal.aborted) return Promise.reject(span.signal.reason);
  if (position >= span.end) return Promise.resolve();
  span.signal.addEventListener('abort', onAbort, { once: true });
  destination.on('close', onClose).on('error', onError);
  free.push(takeBuffer(span.end - position));
  if (span.end - position > bufferBytes) free.push(takeBuffer(bufferBytes));
  readNext();
  return promise;
}

// Only these are known to be done with the bytes when they call back; a transform, say, passes them on and still needs them.
function consumesWrites(destination: Writable): boolean {
  return destination instanceof OutgoingMessage || destination instanceof Socket;
}

// Fresh buffers cost page faults; a few are kept. A small object gets a small one of its own.
function takeBuffer(needed: number): Buffer {
  if (needed < bufferBytes) return Buffer.allocUnsafe(Math.max(needed, 1));
  return keptBuffers.pop() ?? Buffer.allocUnsafeSlow(bufferBytes);
}

function giveBack(buffers: readonly Buffer[]): void {
  for (const buffer of buffers) {
    if (buffer.length === bufferBytes && keptBuffers.length < keptBuffersMax) keptBuffers.push(buffer);
  }
}
