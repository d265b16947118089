import { spawnSync } from 'node:child_process';
import { describe } from 'vitest';
import { minioBinary } from '#test/support/minio.ts';
import { mustSkip } from '#test/support/suites.ts';
import { strikeFailpoints } from './fault-suite.ts';
import { openOutsideBucket } from './outside-store.ts';

const hasBoto = spawnSync('python3', ['-c', 'import boto3']).status === 0;
const missing = [
  ...(minioBinary === undefined ? ['a MinIO binary (VITRINE_TEST_MINIO)'] : []),
  ...(hasBoto ? [] : ['the S3 client of Python, boto3']),
];

describe.skipIf(mustSkip('s3', missing))('a server that is struck in the driver of S3, on MinIO', () => {
  strikeFailpoints({ kind: 's3', open: openOutsideBucket, isMeant: (name) => name.startsWith('store.s3:') });
});
