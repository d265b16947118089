import { randomBytes } from 'node:crypto';
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

describe.skipIf(mustSkip('s3', minioBinary === undefined ? ['a MinIO binary (VITRINE_TEST_MINIO)'] : []))('against MinIO', () => {
  describeBlobStore('s3', { open: () => openIn(startMinio), sizes });
});

describe.skipIf(mustSkip('s3', versitygwBinary === undefined ? ['a versitygw binary (VITRINE_TEST_VERSITYGW)'] : []))(
  'against versitygw',
  () => {
    describeBlobStore('s3', { open: () => openIn(startVersitygw), sizes });
  },
);

async function openIn(start: () => Promise<S3Server>): Promise<BlobStoreSubject> {
  const server = await start();
  const config = server.storeConfig(`bucket-${randomBytes(4).toString('hex')}`);
  const store = await openS3Store(config);
  return {
    store,
    reopen: () => openS3Store(config),
    leftovers: () => server.unfinishedUploads(),
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}
