/** The real MinIO server for tests. */
import { glob } from 'node:fs/promises';
import { join } from 'node:path';
import { findS3Binary, type S3Server, startS3Server } from './s3-server.ts';

export const minioBinary = findS3Binary('VITRINE_TEST_MINIO', 'minio');

export function startMinio(): Promise<S3Server> {
  if (minioBinary === undefined) throw new Error('no MinIO binary: see VITRINE_TEST_MINIO');
  return startS3Server({
    name: 'minio',
    binary: minioBinary,
    args: (folder, address) => ['server', folder, '--address', address, '--quiet'],
    env: (accessKey, secretKey) => ({
      MINIO_ROOT_USER: accessKey,
      MINIO_ROOT_PASSWORD: secretKey,
      MINIO_BROWSER: 'off',
    }),
    // Its ListMultipartUploads shows only uploads of one exact object, so the disk is asked.
    unfinishedUploads: (folder) => Array.fromAsync(glob('*/*/xl.meta', { cwd: join(folder, '.minio.sys', 'multipart') })),
  });
}
