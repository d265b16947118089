/** A store as somebody sees it who knows nothing of Vitrine: what lies in it, by sha256sum or another S3 client, and meddling with it. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { StoreConfig } from '#blobs/blobs.ts';
import { startMinio } from '#test/support/minio.ts';

const run = promisify(execFile);

export interface OutsideObject {
  readonly key: string;
  readonly sha256: string;
}

export interface OutsideStore extends AsyncDisposable {
  readonly config: StoreConfig;
  readonly kind: 'filesystem' | 's3';
  objects(): Promise<readonly OutsideObject[]>;
  /** Whatever else lies there and is no object: half-written files, tails, multipart uploads. */
  leftovers(): Promise<readonly string[]>;
  read(key: string): Promise<Buffer>;
  write(key: string, bytes: Buffer): Promise<void>;
  remove(key: string): Promise<void>;
  /** What an upload leaves that nobody knows of. */
  leaveUnfinished(key: string): Promise<void>;
}

export async function openOutsideFolder(): Promise<OutsideStore> {
  const path = await mkdtemp(join(tmpdir(), 'vitrine-faults-store-'));
  return outsideFolder(path, () => rm(path, { recursive: true, force: true }));
}

/** The folder of a store that is there already, or will be. */
export function outsideFolder(path: string, dispose: () => Promise<void> = async () => undefined): OutsideStore {
  const objectPath = (key: string): string => join(path, 'objects', key.slice(0, 2), key);
  return {
    config: { name: 'store', kind: 'filesystem', path, leftoverAgeMs: 0 },
    kind: 'filesystem',
    async objects() {
      if (!existsSync(join(path, 'objects'))) return [];
      const { stdout } = await run('find', [join(path, 'objects'), '-type', 'f', '-exec', 'sha256sum', '{}', '+']);
      const lines = stdout.split('\n').filter((line) => line !== '');
      return lines.map((line) => ({ sha256: line.slice(0, 64), key: basename(line.slice(66)) }));
    },
    async leftovers() {
      const { stdout } = await run('find', [path, '-type', 'f', '-not', '-path', `${path}/objects/*`]);
      const files = stdout.split('\n').filter((line) => line !== '');
      return files.filter((file) => dirname(file) !== path);
    },
    read: (key) => readFile(objectPath(key)),
    async write(key, bytes) {
      await mkdir(dirname(objectPath(key)), { recursive: true });
      await writeFile(objectPath(key), bytes);
    },
    remove: (key) => rm(objectPath(key)),
    leaveUnfinished: (key) => writeFile(join(path, 'staged', key), 'half'),
    [Symbol.asyncDispose]: dispose,
  };
}

const script = join(import.meta.dirname, 'outside-bucket.py');

export async function openOutsideBucket(): Promise<OutsideStore> {
  const server = await startMinio();
  const config = { ...server.storeConfig('faults'), name: 'store' };
  const ask = async <Answer>(action: string, more: object = {}): Promise<Answer> => {
    const { endpoint, accessKey, secretKey, bucket } = config;
    const order = JSON.stringify({ action, endpoint, accessKey, secretKey, bucket, ...more });
    const { stdout } = await run('python3', [script, order], { maxBuffer: 2 ** 28 });
    return JSON.parse(stdout) as Answer;
  };
  const list = () => ask<{ objects: readonly OutsideObject[]; unfinished: readonly string[] }>('list');
  return {
    config,
    kind: 's3',
    objects: async () => (await list()).objects,
    leftovers: async () => [...(await list()).unfinished, ...(await server.unfinishedUploads())],
    read: async (key) => Buffer.from((await ask<{ bytes: string }>('read', { key })).bytes, 'base64'),
    write: (key, bytes) => ask('write', { key, bytes: bytes.toString('base64') }),
    remove: (key) => ask('remove', { key }),
    leaveUnfinished: (key) => ask('leave-unfinished', { key }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
