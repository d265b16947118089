/** Bodies of S3 answers: read whole when short, handed to a slow reader without mistaking its pauses for the store's. */
import type { IncomingMessage } from 'node:http';
import type { Writable } from 'node:stream';
import type { SendOptions } from '../blob-store.ts';
import { prematureClose } from '../store-error.ts';
import { noteGarbage } from '../young-garbage.ts';
import { S3TimeoutError } from './s3-error.ts';

const textMaxBytes = 8 * 1024 * 1024;

/** @throws when it is longer than `maxBytes` */
export async function readText(response: IncomingMessage, maxBytes = textMaxBytes): Promise<string> {
  return (await readBytes(response, maxBytes)).toString('utf8');
}

export async function readBytes(response: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let received = 0;
  for await (const chunk of response) {
    received += chunk.length;
    // Leaving the loop destroys the response.
    if (received > maxBytes) throw new RangeError('the answer of the store is longer than expected');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Destroys the response when the store is silent for `idleMs` while its reader wants more. */
export function guardSilence(response: IncomingMessage, idleMs: number): void {
  const { socket } = response;
  let seen = socket.bytesRead;
  const timer = setInterval(() => {
    // Bytes that wait here, or none that are still to come, mean a reader that pauses; else what comes next is up to the store.
    const isUpToReader = response.readableLength > 0 || response.complete;
    if (!isUpToReader && socket.bytesRead === seen) response.destroy(new S3TimeoutError());
    seen = socket.bytesRead;
  }, idleMs).unref();
  response.once('close', () => clearInterval(timer));
}

/**
 * Copies the body to `destination` without ending it; resolves when the destination has taken the last byte.
 * @throws the signal's reason, ERR_STREAM_PREMATURE_CLOSE when the destination closes early, or the store's error
 */
export function sendBody(response: IncomingMessage, destination: Writable, { signal, onSent }: SendOptions): Promise<void> {
  let taken = 0;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onData = (chunk: Buffer): void => {
    taken += chunk.length;
    noteGarbage(chunk.length);
    if (!destination.write(chunk)) response.pause();
  };
  const onDrain = (): void => void response.resume();
  const onEnd = (): void => {
    // The callback of an empty write comes after those of all writes before it.
    destination.write('', (error) => (error == null ? succeed() : onClose(error)));
  };
  const onAbort = (): void => fail(signal.reason);
  const onClose = (error?: unknown): void => fail(prematureClose(error));

  function detach(): void {
    signal.removeEventListener('abort', onAbort);
    destination.off('drain', onDrain).off('close', onClose).off('error', onClose);
    response.off('data', onData).off('end', onEnd).off('error', fail);
    onSent?.(taken);
  }

  function succeed(): void {
    detach();
    resolve();
  }

  function fail(error: unknown): void {
    detach();
    // What the destroyed response still says has nobody left to tell.
    response.on('error', () => undefined).destroy();
    reject(error);
  }

  if (signal.aborted) onAbort();
  else if (destination.destroyed || destination.writableEnded) onClose();
  else {
    signal.addEventListener('abort', onAbort, { once: true });
    destination.on('drain', onDrain).on('close', onClose).on('error', onClose);
    response.on('error', fail).on('end', onEnd).on('data', onData);
  }
  return promise;
}
