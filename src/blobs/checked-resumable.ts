/** Checks and watches the resumable objects of a store, as `checked-store.ts` does the rest of it. */

import type { createGate } from '#base/gate.ts';
import type { ResumableObjects, ResumableWriter } from './blob-store.ts';
import { assertCount, noteFailures, type Watch } from './checked-store.ts';
import { assertObjectKey } from './object-key.ts';

export function checkResumable(objects: ResumableObjects, watch: Watch, gate: ReturnType<typeof createGate>): ResumableObjects {
  const watched = async <T>(operation: 'append' | 'finish' | 'abort', work: () => Promise<T>): Promise<T> => {
    const end = watch.start(operation);
    try {
      const result = await work();
      end(0);
      return result;
    } catch (error) {
      end(0, error);
      throw error;
    }
  };
  return {
    async begin(key, options) {
      if (options.expectedBytes !== undefined) assertCount(options.expectedBytes);
      return objects.begin(assertObjectKey(key), options);
    },
    async resume(key, state, offset, options) {
      assertObjectKey(key);
      assertCount(offset);
      const end = watch.start('append');
      try {
        return watchWriter(await objects.resume(key, state, offset, options), end);
      } catch (error) {
        end(0, error);
        throw error;
      }
    },
    async finish(key, state, sizeBytes, signal) {
      assertObjectKey(key);
      assertCount(sizeBytes);
      return watched('finish', () => objects.finish(key, state, sizeBytes, signal));
    },
    abort: async (key, state) => gate(() => watched('abort', () => objects.abort(assertObjectKey(key), state))),
    listUnfinished: (signal) => objects.listUnfinished(signal),
  };
}

/** One `append` lasts until its writer is disposed of, and fails with the first failure of it. */
function watchWriter(writer: ResumableWriter, end: (bytes: number, error?: unknown) => void): ResumableWriter {
  let bytes = 0;
  const failures = noteFailures();
  return {
    async write(piece) {
      await failures.noted(writer.write(piece));
      bytes += piece.length;
    },
    checkpoint: (options) => failures.noted(writer.checkpoint(options)),
    async [Symbol.asyncDispose]() {
      try {
        await failures.noted(Promise.resolve(writer[Symbol.asyncDispose]()));
      } finally {
        end(bytes, failures.first());
      }
    },
  };
}
