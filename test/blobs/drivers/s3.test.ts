import { randomBytes } from 'node:crypto';
import { glob } from 'node:fs/promises';
import { describe } from 'vitest';
import { openS3Store } from '#blobs/drivers/s3.ts';
import { type BlobStoreSubject, describeBlobStore } from '#test/suites/blob-store-suite.ts';
import { minioBinary, startMinio } from '#test/support/minio.ts';
import type { S3Server } from '#test/support/s3-server.ts';
import { mustSkip } from '#test/support/suites.ts';
import { startVersitygw, versitygwBinary } from '#test/support/versitygw.ts';

const mebibyte = 1024 * 1024;
// Around one part, and several.
const sizes = [8 * mebibyte - 1, 8 * mebibyte, 8 * mebibyte + 1, 33 * mebibyte];
// Around the smallest part, and one part.
const resumable = [5 * mebibyte - 1, 5 * mebibyte, 8 * mebibyte + 1];

describe.skipIf(mustSkip('s3', minioBinary === undefined ? ['a MinIO binary (VITRINE_TEST_MINIO)'] : []))('against MinIO', () => {
  describeBlobStore('s3', { open: () => openIn(startMinio), sizes, resumable });
});

describe.skipIf(mustSkip('s3', versitygwBinary === undefined ? ['a versitygw binary (VITRINE_TEST_VERSITYGW)'] : []))(
  'against versitygw',
  () => {
    describeBlobStore('s3', { open: () => openIn(startVersitygw), sizes, resumable });
  },
);

async function openIn(start: () => Promise<S3Server>): Promise<BlobStoreSubject> {
  const server = await start();
  const config = server.storeConfig(`bucket-${randomBytes(4).toString('hex')}`);
  const store = await openS3Store(config);
  return {
    store,
    reopen: () => openS3Store(config),
    leftovers: async () => [
      ...(await server.unfinishedUploads()),
      ...(await Array.fromAsync(glob(`${config.bucket}/unfinished/**/{upload,tail-*}`, { cwd: server.folder }))),
    ],
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}
