/** A store whose disk is full, and then is not, under a server that runs on. */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdir, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createTestDatabase } from '#test/support/database.ts';
import { startDegraded, untilDone, useFolder } from '#test/support/degraded.ts';
import { findExecutable, mustSkip } from '#test/support/suites.ts';

const mebibyte = 1024 * 1024;
const unshare = findExecutable('unshare') ?? '';
const inNamespace = [unshare, '--user', '--map-root-user', '--mount', 'sh', '-c'];
const mayMount =
  unshare !== '' && spawnSync(unshare, [...inNamespace.slice(1), 'mount -t tmpfs -o size=1m tmpfs /mnt']).status === 0;

/** Runs a command with this much of a disk at the folder; what is mounted is gone with it. */
function onDisk(folder: string, size: string): readonly string[] {
  return [...inNamespace, `mount -t tmpfs -o size=${size} tmpfs '${folder}' && exec "$@"`, 'sh'];
}

describe.skipIf(mustSkip('full-disk', mayMount ? [] : ['unshare with mounts of its own']))('a store on a full disk', () => {
  it('is said to be full, harms nothing that was stored, and takes uploads again when there is room, without a restart', async () => {
    await using stack = new AsyncDisposableStack();
    const database = stack.use(await createTestDatabase());
    const folder = await useFolder(stack, 'disk');
    const env = {
      VITRINE_DATABASE_URL: database.url,
      VITRINE_STORES: JSON.stringify([{ name: 'small', kind: 'filesystem', path: join(folder, 'store') }]),
      VITRINE_STORAGE_COLLECT_GRACE_MS: '0',
    };
    const vitrine = await startDegraded(stack, { env, wrapper: onDisk(folder, '32m') });
    // The mount is seen in the namespace of the server only.
    const disk = join('/proc', String(vitrine.child.pid), 'root', folder);
    const halfWritten = async () => readdir(join(disk, 'store', 'tmp'));

    const id = await vitrine.newDraft();
    const stored = randomBytes(4 * mebibyte);
    expect(await vitrine.put(id, 'stored', stored)).toBe('OK');
    const parts = randomBytes(8 * mebibyte);
    const upload = await vitrine.beginTus(id, 'parts', parts.length);
    expect(await vitrine.patchTus(upload, 0, parts.subarray(0, 2 * mebibyte))).toBe('OK');
    const staged = await halfWritten();
    await writeFile(join(disk, 'filler'), Buffer.alloc(24 * mebibyte));

    expect(await vitrine.put(id, 'large', randomBytes(9 * mebibyte))).toBe('STORE_FULL');
    expect(await vitrine.put(id, 'middle', randomBytes(3 * mebibyte))).toBe('STORE_FULL');
    expect(await vitrine.patchTus(upload, 2 * mebibyte, parts.subarray(2 * mebibyte))).toBe('STORE_FULL');
    const { state, offset } = await vitrine.tusStatus(upload);
    expect(state).toBe('open');
    expect(offset).toBeGreaterThanOrEqual(2 * mebibyte);
    expect(await halfWritten()).toEqual(staged);
    expect(await vitrine.read(id, 'stored')).toEqual(stored);
    expect(await vitrine.list()).toBe('OK');

    await rm(join(disk, 'filler'));
    expect(await vitrine.put(id, 'large', randomBytes(9 * mebibyte))).toBe('OK');
    expect(await vitrine.patchTus(upload, offset, parts.subarray(offset))).toBe('OK');
    expect(await vitrine.read(id, 'parts')).toEqual(parts);
    expect(await vitrine.put(id, 'middle', randomBytes(8 * mebibyte))).toBe('OK');

    // Full once more, of its own blobs this time: deleting and collecting makes the room.
    expect(await vitrine.put(id, 'one more', randomBytes(8 * mebibyte))).toBe('STORE_FULL');
    expect((await vitrine.mutate('deleteArtifact', { id })).outcome).toBe('OK');
    await vitrine.runJob('blobs:collect');
    const next = await vitrine.newDraft();
    expect(await vitrine.put(next, 'file', randomBytes(20 * mebibyte))).toBe('OK');
    await vitrine.runJob('uploads:expire');
    expect(await vitrine.runJob('stores:reconcile', { repair: true, strayAgeMs: 0 })).toMatchObject({
      stores: [{ objects: 1, strays: { count: 0 }, unfinished: { count: 0 }, damaged: { count: 0 } }],
    });
    expect(await halfWritten()).toEqual([]);
  }, 240_000);

  it('with the database on it too is survived by both, and reads go on', async () => {
    await using stack = new AsyncDisposableStack();
    const dataDir = await useFolder(stack, 'disk');
    const vitrine = await startDegraded(stack, { dataDir, wrapper: onDisk(dataDir, '160m') });
    const disk = join('/proc', String(vitrine.child.pid), 'root', dataDir);
    const id = await vitrine.newDraft();
    const stored = randomBytes(mebibyte);
    expect(await vitrine.put(id, 'stored', stored)).toBe('OK');
    // Made in the background of a first start: they would take the room that is measured now.
    await untilDone('indexes', async () => vitrine.output().includes('indexes of properties were made') || undefined);
    const { bavail, bsize } = await statfs(disk);
    await writeFile(join(disk, 'filler'), Buffer.alloc(bavail * bsize - 64 * 1024));

    expect(await vitrine.put(id, 'large', randomBytes(mebibyte))).toBe('STORE_FULL');
    const tags = Array.from({ length: 100 }, (_, index) => `${index}-${randomBytes(100).toString('hex')}`);
    const outcomes: string[] = [];
    for (let round = 0; round < 20; round += 1)
      outcomes.push((await vitrine.mutate('createArtifact', { type: 'bundle', tags })).outcome);
    expect(new Set(outcomes.filter((outcome) => outcome !== 'OK'))).toEqual(new Set(['DATABASE_UNAVAILABLE']));
    expect(await vitrine.read(id, 'stored')).toEqual(stored);
    expect(await vitrine.list()).toBe('OK');

    await rm(join(disk, 'filler'));
    expect((await vitrine.mutate('createArtifact', { type: 'bundle', tags })).outcome).toBe('OK');
    expect(await vitrine.put(id, 'large', randomBytes(mebibyte))).toBe('OK');
    expect(await vitrine.read(id, 'stored')).toEqual(stored);
  }, 240_000);
});
