/** versitygw for tests: an S3 server of quite another make than MinIO. */
import { glob } from 'node:fs/promises';
import { findS3Binary, type S3Server, startS3Server } from './s3-server.ts';

export const versitygwBinary = findS3Binary('VITRINE_TEST_VERSITYGW', 'versitygw');

export function startVersitygw(): Promise<S3Server> {
  if (versitygwBinary === undefined) throw new Error('no versitygw binary: see VITRINE_TEST_VERSITYGW');
  return startS3Server({
    name: 'versitygw',
    binary: versitygwBinary,
    args: (folder, address) => ['--port', address, 'posix', folder],
    env: (accessKey, secretKey) => ({ ROOT_ACCESS_KEY: accessKey, ROOT_SECRET_KEY: secretKey }),
    unfinishedUploads: (folder) => Array.fromAsync(glob('*/.sgwtmp/multipart/*/*', { cwd: folder })),
  });
}
