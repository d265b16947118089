import { randomBytes } from 'node:crypto';
import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { isAppError } from '#base/app-error.ts';
import { armFailpoints } from '#base/failpoint.ts';
import type { BlobStore, Checkpoint } from '#blobs/blob-store.ts';
import { type Blobs, newObjectKey, openBlobs } from '#blobs/blobs.ts';
import { openBlobFolder } from '#test/support/blob-folder.ts';
import { minioBinary, startMinio } from '#test/support/minio.ts';
import { mustSkip } from '#test/support/suites.ts';

const mebibyte = 1024 * 1024;
const never = new AbortController().signal;
const bytes = randomBytes(20 * mebibyte + 3);

interface Place extends AsyncDisposable {
  readonly blobs: Blobs;
  leftovers(): Promise<readonly string[]>;
}

const points = await findPoints();

describe('a step of the filesystem store that fails', () => {
  steps(points.filesystem, async () => {
    const folder = await openBlobFolder();
    return { ...folder, leftovers: folder.files, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
  });
});

describe.skipIf(mustSkip('s3', minioBinary === undefined ? ['a MinIO binary (VITRINE_TEST_MINIO)'] : []))(
  'a step of the S3 store (MinIO) that fails',
  () => {
    steps(points.s3, async () => {
      const server = await startMinio();
      const config = server.storeConfig('failpoints');
      const blobs = await openBlobs({ stores: [config], defaultStore: config.name });
      return {
        blobs,
        leftovers: async () => [
          ...(await server.unfinishedUploads()),
          ...(await Array.fromAsync(glob('failpoints/*/**/xl.meta', { cwd: server.folder }))),
        ],
        async [Symbol.asyncDispose]() {
          await blobs[Symbol.asyncDispose]();
          await server[Symbol.asyncDispose]();
        },
      };
    });
  },
);

function steps(names: readonly string[], open: () => Promise<Place>): void {
  let place: Place;
  beforeAll(async () => {
    place = await open();
  });
  afterAll(() => place?.[Symbol.asyncDispose]());
  afterEach(() => armFailpoints('none:none=fail'));

  it.each(names)('is a typed error that leaves nothing and loses nothing on record: %s', async (name) => {
    const { blobs } = place;
    const failures: unknown[] = [];
    const arm = (hit: number): void => armFailpoints(`${name}=${name.endsWith('-torn') ? 'truncate' : 'fail'}@${hit}`);
    for (const hit of [1, 2]) {
      arm(hit);
      await receiveOnce(blobs, bytes.length, failures);
      arm(hit);
      await receiveOnce(blobs, 100, failures);
      arm(hit);
      await appendUntilDone(blobs, failures);
    }
    expect(failures.length).toBeGreaterThan(0);
    for (const failure of failures) expect(isAppError(failure) ? failure.code : failure).toBe('STORE_UNAVAILABLE');
    // What a finished upload could not remove is left to reconciliation, which sees it and can.
    const { resumable } = blobs.defaultStore;
    if (name === 'store.s3:delete') {
      for await (const { key } of resumable?.listUnfinished(never) ?? []) await resumable?.abort(key, {});
    }
    expect(await place.leftovers()).toEqual([]);
  });
}

/** One piece: stored, or nothing is there. */
async function receiveOnce(blobs: Blobs, size: number, failures: unknown[]): Promise<void> {
  const key = newObjectKey();
  const store = blobs.defaultStore;
  try {
    await blobs.receive(store, key, pieces(0, size), { limitBytes: size, signal: never });
    await expectStored(store, key, size);
  } catch (error) {
    failures.push(error);
    expect(await store.stat(key)).toBeUndefined();
  }
  await again(failures, () => store.remove(key));
}

/** Several requests, each repeated from the record when it fails; another upload is aborted. */
async function appendUntilDone(blobs: Blobs, failures: unknown[]): Promise<void> {
  const key = newObjectKey();
  const store = blobs.defaultStore;
  const upload = { store, key, sessionId: key };
  let recorded: Checkpoint = {
    offset: 0,
    state: (await again(failures, async () => store.resumable?.begin(key, { signal: never }))) ?? {},
  };
  for (const end of [7 * mebibyte, 7 * mebibyte + 100, bytes.length]) {
    await again(failures, () =>
      blobs.append({ ...upload, ...recorded }, pieces(recorded.offset, end), {
        limitBytes: bytes.length,
        signal: never,
        onCheckpoint: async (checkpoint) => {
          recorded = checkpoint;
        },
      }),
    );
    expect(recorded.offset).toBe(end);
  }
  await again(failures, () => blobs.finish({ ...upload, state: recorded.state, sizeBytes: bytes.length }, never));
  await expectStored(store, key);
  await again(failures, () => store.remove(key));

  const given = newObjectKey();
  const state = (await again(failures, async () => store.resumable?.begin(given, { signal: never }))) ?? {};
  const aborted = { store, key: given, state, sessionId: given };
  const options = { limitBytes: bytes.length, signal: never, onCheckpoint: async () => undefined };
  await again(failures, () => blobs.append({ ...aborted, offset: 0 }, pieces(0, 100), options));
  await again(failures, () => blobs.abort(aborted));
}

/** What fails once is asked for once more. */
async function again<T>(failures: unknown[], work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    failures.push(error);
    return work();
  }
}

async function expectStored(store: BlobStore, key: string, size = bytes.length): Promise<void> {
  const stored = Buffer.concat(await (await store.open(key, { signal: never })).toArray());
  expect(Buffer.compare(stored, bytes.subarray(0, size))).toBe(0);
}

function pieces(start: number, end: number): Readable {
  return Readable.from(
    (async function* () {
      for (let at = start; at < end; at += 65_536) {
        yield bytes.subarray(at, Math.min(at + 65_536, end));
        await setImmediate();
      }
    })(),
  );
}

/** Every failpoint of the drivers, by store, as the source has them. */
async function findPoints(): Promise<{ readonly filesystem: readonly string[]; readonly s3: readonly string[] }> {
  const folder = join(import.meta.dirname, '..', '..', 'src', 'blobs');
  const names = new Set<string>();
  for await (const file of glob('**/*.ts', { cwd: folder })) {
    const text = await readFile(join(folder, file), 'utf8');
    for (const [, name] of text.matchAll(/\b(?:failpoint|tornWrite)\('(store\.[a-z0-9:.-]+)'/g)) names.add(name ?? '');
  }
  const of = (store: string): readonly string[] => [...names].filter((name) => name.startsWith(`store.${store}:`)).toSorted();
  expect([of('filesystem').length > 10, of('s3').length > 10]).toEqual([true, true]);
  return { filesystem: of('filesystem'), s3: of('s3') };
}
