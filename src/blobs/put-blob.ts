/** Puts bytes that are at hand into a store: hashed and checked before anything is written, durable when it resolves. */
import { Readable } from 'node:stream';
import type { BlobStore } from './blob-store.ts';
import { hashInline, inlineMaxBytes } from './blob-transfer.ts';
import type { PutOptions, ReceivedBlob } from './blobs.ts';
import type { DigestPool } from './digest-pool.ts';
import { assertObjectKey } from './object-key.ts';
import { assertDeclared, receiveBlob } from './receive-blob.ts';

const pieceBytes = 64 * 1024;

/** The contract is that of `Blobs.put`. */
export async function putBlob(
  pool: DigestPool,
  target: { readonly store: BlobStore; readonly key: string },
  bytes: Uint8Array,
  { declared, signal }: PutOptions,
): Promise<ReceivedBlob> {
  const sizeBytes = bytes.length;
  if (sizeBytes > inlineMaxBytes) {
    const options = { expectedBytes: sizeBytes, limitBytes: sizeBytes, ...(declared === undefined ? {} : { declared }), signal };
    return receiveBlob(pool, target, Readable.from(pieces(bytes), { objectMode: false }), options);
  }
  const digests = hashInline([bytes]);
  assertDeclared(digests, declared);
  await using writer = await target.store.create(assertObjectKey(target.key), { expectedBytes: sizeBytes, signal });
  await writer.write(bytes);
  await writer.finish();
  return { sizeBytes, ...digests };
}

function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += pieceBytes) yield bytes.subarray(start, start + pieceBytes);
}
