/** Receives one blob: from a stream into a store, counted, hashed and checked on the way; whatever fails, nothing is left of it. */
import type { Readable } from 'node:stream';
import { AppError } from '#base/app-error.ts';
import { abortable } from './abortable.ts';
import type { BlobStore } from './blob-store.ts';
import { type BlobTransfer, createBlobTransfer } from './blob-transfer.ts';
import type { ReceivedBlob, ReceiveOptions } from './blobs.ts';
import { type Digests, digestAlgorithms } from './digest-lane.ts';
import type { DigestPool } from './digest-pool.ts';
import { assertObjectKey } from './object-key.ts';
import { createSizeMeter } from './size-meter.ts';
import { tapSource } from './source-tap.ts';

/** The contract is that of `Blobs.receive`. */
export async function receiveBlob(
  pool: DigestPool,
  target: { readonly store: BlobStore; readonly key: string },
  source: Readable,
  options: ReceiveOptions,
): Promise<ReceivedBlob> {
  let transfer: BlobTransfer | undefined;
  try {
    assertObjectKey(target.key);
    const { signal } = options;
    const meter = createSizeMeter(options);
    const begun = createBlobTransfer(pool, {
      ...target,
      expectedBytes: options.expectedBytes,
      signal,
      onRoom: () => tap.resume(),
      onFailure: (error) => tap.fail(error),
    });
    transfer = begun;
    const tap = tapSource(source, {
      signal,
      onChunk(chunk) {
        meter.add(chunk.length);
        return begun.push(chunk);
      },
    });
    await tap.ended;
    meter.assertComplete();
    const digests = await abortable(begun.end(), signal);
    assertDeclared(digests, options.declared);
    signal.throwIfAborted();
    await begun.publish();
    return { sizeBytes: meter.received, ...digests };
  } catch (error) {
    releaseSource(source, options.leaveSource === true);
    throw error;
  } finally {
    await transfer?.close();
  }
}

/** @throws AppError BLOB_DIGEST_MISMATCH */
export function assertDeclared(digests: Digests, declared: ReceiveOptions['declared']): void {
  for (const algorithm of digestAlgorithms) {
    const expected = declared?.[algorithm];
    if (expected === undefined || expected === digests[algorithm]) continue;
    const detail = `The ${algorithm} digest of the bytes is ${digests[algorithm]}, ${expected} was declared.`;
    throw new AppError('BLOB_DIGEST_MISMATCH', detail);
  }
}

/** Left alone, the source stays paused with what it holds, so that its owner can still answer on the same connection. */
export function releaseSource(source: Readable, isLeft: boolean): void {
  source.on('error', () => undefined);
  if (!isLeft) source.destroy();
}
