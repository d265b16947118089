/** Reads a stream chunk by chunk with as little as possible between: pause, resume, and one end whatever happens. */
import type { Readable } from 'node:stream';
import { AppError, isAppError } from '#base/app-error.ts';

export interface SourceTap {
  /** Resolves after the last chunk. @throws UPLOAD_INTERRUPTED, the signal's reason, or what `fail` was given */
  readonly ended: Promise<void>;
  resume(): void;
  fail(error: unknown): void;
}

export interface SourceTapOptions {
  readonly signal: AbortSignal;
  /** False pauses the source until `resume`. What it throws ends the tap. */
  readonly onChunk: (chunk: Uint8Array) => boolean;
}

/** Starts reading at once. Once `ended` has settled the source is paused and has only a listener that swallows its errors. */
export function tapSource(source: Readable, { signal, onChunk }: SourceTapOptions): SourceTap {
  const over = Promise.withResolvers<void>();

  const onData = (chunk: unknown): void => {
    try {
      if (!onChunk(toBytes(chunk))) source.pause();
    } catch (error) {
      fail(error);
    }
  };
  const onEnd = (): void => {
    detach();
    over.resolve();
  };
  const onError = (error: unknown): void => fail(isAppError(error) ? error : interrupted(error));
  const onClose = (): void => fail(interrupted(undefined));
  const onAbort = (): void => fail(signal.reason);

  function detach(): void {
    signal.removeEventListener('abort', onAbort);
    source.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose);
  }

  function fail(error: unknown): void {
    detach();
    source.pause();
    over.reject(error);
  }

  // An error that comes after the end of the tap has nobody left to tell, and must not end the process.
  source.on('error', () => undefined);
  over.promise.catch(() => undefined);
  if (signal.aborted) over.reject(signal.reason);
  else if (source.destroyed || source.readableEnded) over.reject(interrupted(source.errored));
  else {
    signal.addEventListener('abort', onAbort, { once: true });
    source.on('error', onError).on('end', onEnd).on('close', onClose).on('data', onData);
  }
  return { ended: over.promise, resume: () => source.resume(), fail };
}

function toBytes(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  if (typeof chunk === 'string') return Buffer.from(chunk);
  throw new TypeError('a blob is received from a stream of bytes');
}

function interrupted(cause: unknown): AppError {
  return new AppError('UPLOAD_INTERRUPTED', undefined, { cause });
}
