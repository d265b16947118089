import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Checkpoint } from '#blobs/blob-store.ts';
import { newObjectKey, openBlobs, type StoreConfig } from '#blobs/blobs.ts';
import { minioBinary, startMinio } from '#test/support/minio.ts';
import { patternBytes } from '#test/support/pattern-bytes.ts';
import { mustSkip } from '#test/support/suites.ts';

const script = join(import.meta.dirname, '..', 'support', 'append-in-child.ts');
const signal = new AbortController().signal;

describe('an upload whose process died by kill -9', () => {
  it.each([1, 2, 4])('keeps on the disk what checkpoint %i acknowledged, and goes on there', async (count) => {
    const path = await mkdtemp(join(tmpdir(), 'vitrine-append-crash-'));
    await goesOn({ name: 'files', kind: 'filesystem', path }, count);
    await rm(path, { recursive: true });
  });

  it.skipIf(mustSkip('s3', minioBinary === undefined ? ['a MinIO binary (VITRINE_TEST_MINIO)'] : []))(
    'keeps in a bucket what a checkpoint acknowledged, and goes on there',
    async () => {
      await using server = await startMinio();
      for (const count of [1, 3]) await goesOn(server.storeConfig('crash'), count);
      expect(await server.unfinishedUploads()).toEqual([]);
    },
  );
});

async function goesOn(config: StoreConfig, count: number): Promise<void> {
  const key = newObjectKey();
  const last = await killAfter(config, key, count);
  expect(last.offset).toBeGreaterThan(0);
  await using blobs = await openBlobs({ stores: [config], defaultStore: config.name });
  const store = blobs.defaultStore;
  expect(await Array.fromAsync(store.resumable?.listUnfinished(signal) ?? [])).toMatchObject([{ key }]);

  const more = 3_000_000;
  const upload = { store, key, sessionId: key };
  const end = await blobs.append({ ...upload, ...last }, Readable.from([patternBytes(last.offset, more)]), {
    limitBytes: more,
    signal,
    onCheckpoint: async () => undefined,
  });
  expect(end.offset).toBe(last.offset + more);
  // Another process hashed the beginning.
  expect(await blobs.finish({ ...upload, state: end.state, sizeBytes: end.offset }, signal)).toBeNull();
  let at = 0;
  for await (const chunk of await store.open(key, { signal })) {
    expect(Buffer.compare(chunk, patternBytes(at, chunk.length))).toBe(0);
    at += chunk.length;
  }
  expect(at).toBe(end.offset);
  expect(await Array.fromAsync(store.resumable?.listUnfinished(signal) ?? [])).toEqual([]);
  await store.remove(key);
}

/** The last checkpoint that the process told of before it was killed, a moment after the one that was waited for. */
async function killAfter(config: StoreConfig, key: string, count: number): Promise<Checkpoint> {
  const child = spawn(process.execPath, [script, JSON.stringify(config), key], { stdio: ['ignore', 'pipe', 'inherit'] });
  const told: Checkpoint[] = [];
  for await (const line of createInterface(child.stdout)) {
    told.push(JSON.parse(line));
    if (told.length === count) setTimeout(() => child.kill('SIGKILL'), 15);
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  expect(child.signalCode).toBe('SIGKILL');
  const last = told.at(-1);
  if (last === undefined) throw new Error('no checkpoint');
  return last;
}
