/** Receives one blob: from a stream into a store, its three digests computed on the way. */
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { AppError } from '#base/app-error.ts';
import type { BlobStore } from './blob-store.ts';
import type { ReceivedBlob, ReceiveOptions } from './blobs.ts';

export async function receiveBlob(
  store: BlobStore,
  key: string,
  source: Readable,
  options: ReceiveOptions,
): Promise<ReceivedBlob> {
  const writer = await store.create(key, { expectedBytes: options.expectedBytes, signal: options.signal });
  const hashes = { sha256: createHash('sha256'), sha512: createHash('sha512'), md5: createHash('md5') };
  let sizeBytes = 0;
  try {
    for await (const chunk of source) {
      sizeBytes += chunk.length;
      if (sizeBytes > options.limitBytes) throw new AppError('BLOB_TOO_LARGE');
      for (const hash of Object.values(hashes)) hash.update(chunk);
      await writer.write(chunk);
      options.onProgress?.(sizeBytes);
    }
    if (options.expectedBytes !== undefined && options.expectedBytes !== sizeBytes) throw new AppError('BLOB_SIZE_MISMATCH');
    const digests = { sha256: hashes.sha256.digest('hex'), sha512: hashes.sha512.digest('hex'), md5: hashes.md5.digest('hex') };
    for (const [algorithm, value] of Object.entries(options.declared ?? {})) {
      if (value !== undefined && digests[algorithm as keyof typeof digests] !== value) throw new AppError('BLOB_DIGEST_MISMATCH');
    }
    await writer.finish();
    return { sizeBytes, ...digests };
  } catch (error) {
    source.destroy();
    await writer.abort();
    throw source.readableAborted && !options.signal.aborted ? new AppError('UPLOAD_INTERRUPTED') : error;
  }
}
