import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { glob, mkdtemp, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFilesystemStore } from '#blobs/drivers/filesystem.ts';
import { findExecutable, mustSkip } from '#test/support/suites.ts';

const script = join(import.meta.dirname, '..', 'support', 'receive-in-child.ts');
const never = new AbortController().signal;
const inNamespace = ['--user', '--map-root-user', '--mount', 'sh', '-c'];
const unshare = findExecutable('unshare');
const mayMount =
  unshare !== undefined && spawnSync(unshare, [...inNamespace, 'mount -t tmpfs -o size=1m tmpfs /mnt']).status === 0;

describe('a store folder whose process died', () => {
  let path: string;

  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), 'vitrine-crash-'));
  });
  afterEach(() => rm(path, { recursive: true }));

  const files = (pattern: string): Promise<string[]> => Array.fromAsync(glob(pattern, { cwd: path }));
  const open = (leftoverAgeMs?: number) => openFilesystemStore({ name: 'files', kind: 'filesystem', path, leftoverAgeMs });

  it('after kill -9 in the middle of writes holds leftovers only, which a later start removes once they are old', async () => {
    const child = spawn(process.execPath, [script, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    for await (const line of createInterface(child.stdout)) {
      if (Number(line.split(' ')[1]) > 20_000_000) break;
    }
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await files('tmp/*')).toHaveLength(1);
    expect(await files('objects/*/*')).toEqual([]);

    // Another node may be writing it still.
    await using young = await open();
    expect(await files('tmp/*')).toHaveLength(1);
    expect(await Array.fromAsync(young.list(never))).toEqual([]);

    const [leftover = ''] = await files('tmp/*');
    await utimes(join(path, leftover), 1, 1);
    await using _old = await open();
    expect(await files('tmp/*')).toEqual([]);
  });

  it('keeps objects and identity over a start that removes leftovers', async () => {
    await using first = await open();
    await first.claim('store-1');
    await using writer = await first.create('0123456789abcdef', { signal: never });
    await writer.write(Buffer.from('kept'));
    await writer.finish();
    await using unfinished = await first.create('fedcba9876543210', { signal: never });
    await unfinished.write(Buffer.from('lost'));
    await using second = await open(0);
    expect(await files('tmp/*')).toEqual([]);
    expect(await second.identity()).toBe('store-1');
    expect(await Array.fromAsync(second.list(never))).toEqual([{ key: '0123456789abcdef', sizeBytes: 4 }]);
    await unfinished.abort();
  });
});

describe.skipIf(mustSkip('full-disk', mayMount ? [] : ['unshare with mounts of its own']))('a store on a full disk', () => {
  it('says that it is full, and leaves nothing behind', async () => {
    const mount = await mkdtemp(join(tmpdir(), 'vitrine-full-'));
    // What is mounted in the namespace is gone with it, so the folder is listed inside.
    const inside = `mount -t tmpfs -o size=6m tmpfs ${mount} &&
      '${process.execPath}' '${script}' ${mount}/store 20000000 | tail -1 && find ${mount}/store -type f &&
      '${process.execPath}' '${script}' ${mount}/store 1000000 | tail -1`;
    const output = execFileSync(unshare ?? '', [...inNamespace, inside], { encoding: 'utf8' });
    await rm(mount, { recursive: true });
    expect(output.trim().split('\n')).toEqual(['failed STORE_FULL', 'done 1048576']);
  });
});
