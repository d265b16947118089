/**
 * What a store driver must do that takes objects from several writers, one after another. Part of `describeBlobStore`: after each
 * test nothing unfinished may be left.
 */
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BlobStore, Checkpoint, ResumableObjects, ResumeState } from 'vitrine/stores';
import { equal, newKey, readAll, type SuiteContext } from './blob-store-suite.ts';

const never = new AbortController().signal;

/** One writer's life: what it writes and records, and what it writes after that in vain. */
interface Turn {
  readonly recorded: readonly number[];
  readonly lost: number;
}

export function describeResumable({ subject, store, kept }: SuiteContext, sizes: readonly number[]): void {
  const resumable = (): ResumableObjects => getResumable(store());
  const unfinished = async (): Promise<string[]> => Array.fromAsync(resumable().listUnfinished(never), ({ key }) => key);

  const finished = async (key: string, expected: Uint8Array): Promise<void> => {
    kept.set(key, expected.length);
    expect(await store().stat(key)).toEqual({ key, sizeBytes: expected.length });
    expect(equal(await readAll(store(), key), expected)).toBe(true);
  };

  describe('an object of several writers', () => {
    const sizesOf = fc.oneof(fc.nat(9000), fc.constantFrom(0, 1, 4095, 4096, 4097, ...sizes));
    const turns = fc.array(
      fc.record({ recorded: fc.array(sizesOf, { maxLength: 3 }), lost: fc.oneof(fc.constant(0), sizesOf) }),
      {
        minLength: 1,
        maxLength: 4,
      },
    );

    it.each([true, false])('is what was recorded, in order, wherever writers broke off (length known: %s)', async (isKnown) => {
      const property = fc.asyncProperty(turns, async (lives) => {
        const bytes = randomBytes(lives.reduce((sum, { recorded }) => sum + recorded.reduce((a, b) => a + b, 0), 0));
        const key = newKey();
        const state = await resumable().begin(key, { expectedBytes: isKnown ? bytes.length : undefined, signal: never });
        let at: Checkpoint = { offset: 0, state };
        for (const turn of lives) at = await live(resumable(), key, at, turn, bytes);
        expect(at.offset).toBe(bytes.length);
        await resumable().finish(key, at.state, bytes.length, never);
        expect(equal(await readAll(store(), key), bytes)).toBe(true);
        await store().remove(key);
      });
      await fc.assert(property, { numRuns: 12 });
    });

    it.each([0, 1, 4096, ...sizes])('may have %i bytes, written at once', async (size) => {
      const bytes = randomBytes(size);
      const key = newKey();
      const state = await resumable().begin(key, { expectedBytes: size, signal: never });
      const end = await live(resumable(), key, { offset: 0, state }, { recorded: [size], lost: 0 }, bytes);
      await resumable().finish(key, end.state, size, never);
      await finished(key, bytes);
    });

    it('goes on at whatever a checkpoint answered while bytes flowed', async () => {
      const bytes = randomBytes(3 * Math.max(...sizes, 100_000));
      const key = newKey();
      let at: Checkpoint = { offset: 0, state: await resumable().begin(key, { signal: never }) };
      {
        await using writer = await resumable().resume(key, at.state, at.offset, { signal: never });
        const piece = Math.ceil(bytes.length / 12);
        for (let offset = 0; offset < bytes.length; offset += piece) {
          const [, passing] = await Promise.all([
            writer.write(bytes.subarray(offset, offset + piece)),
            offset > 0 ? writer.checkpoint({ isPassing: true }) : at,
          ]);
          expect(passing.offset).toBeGreaterThanOrEqual(at.offset);
          expect(passing.offset).toBeLessThanOrEqual(offset + piece);
          at = overTheWire(passing);
        }
      }
      await using other = await subject().reopen();
      const rest = { recorded: [bytes.length - at.offset], lost: 0 };
      at = await live(getResumable(other), key, at, rest, bytes);
      await getResumable(other).finish(key, at.state, bytes.length, never);
      await finished(key, bytes);
    });

    it('is not there before it is finished, and is listed as unfinished', async () => {
      const key = newKey();
      const began = Date.now();
      const at = await begun(resumable(), key, randomBytes(6000));
      expect(await store().stat(key)).toBeUndefined();
      expect(await Array.fromAsync(store().list(never))).toEqual([]);
      const [found, ...others] = await Array.fromAsync(resumable().listUnfinished(never));
      expect([found?.key, others]).toEqual([key, []]);
      expect(Math.abs((found?.changedAt.getTime() ?? 0) - began)).toBeLessThan(60_000);
      await resumable().abort(key, at.state);
      expect(await unfinished()).toEqual([]);
    });

    it('is finished once, however often that is asked for and by whom', async () => {
      const bytes = randomBytes(6000);
      const key = newKey();
      const at = await begun(resumable(), key, bytes);
      await resumable().finish(key, at.state, bytes.length, never);
      await resumable().finish(key, at.state, bytes.length, never);
      await using other = await subject().reopen();
      await getResumable(other).finish(key, at.state, bytes.length, never);
      await finished(key, bytes);
      await resumable().abort(key, at.state);
      expect(await store().stat(key)).toEqual({ key, sizeBytes: bytes.length });
    });

    it('may be begun again when its first state got lost, and what was written for that is given up', async () => {
      const bytes = randomBytes(6000);
      const key = newKey();
      await begun(resumable(), key, randomBytes(Math.max(9000, ...sizes)));
      const at = await begun(resumable(), key, bytes);
      await resumable().finish(key, at.state, bytes.length, never);
      await finished(key, bytes);
    });

    it('is empty when nothing was written, and finished as often as one likes', async () => {
      const key = newKey();
      const state = await resumable().begin(key, { signal: never });
      await resumable().finish(key, state, 0, never);
      await resumable().finish(key, state, 0, never);
      await finished(key, Buffer.alloc(0));
    });

    it('never takes the place of another one', async () => {
      const key = newKey();
      const first = await begun(resumable(), key, randomBytes(6000));
      const writer = await store().create(key, { signal: never });
      await writer.write(Buffer.from('first'));
      await writer.finish();
      await expect(resumable().finish(key, first.state, 6000, never)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      await resumable().abort(key, first.state);
      await finished(key, Buffer.from('first'));
    });

    it.each(['its state', 'no state'])('leaves nothing once it is aborted with %s, twice, at any point', async (which) => {
      for (const size of [0, 6000, ...sizes]) {
        const key = newKey();
        const at = await begun(resumable(), key, randomBytes(size));
        {
          await using writer = await resumable().resume(key, at.state, at.offset, { signal: never });
          await writer.write(randomBytes(5000));
        }
        const state: ResumeState = which === 'no state' ? {} : at.state;
        await resumable().abort(key, state);
        await resumable().abort(key, state);
        expect([await unfinished(), await subject().leftovers()]).toEqual([[], []]);
      }
    });

    it('is gone for good after an abort', async () => {
      const key = newKey();
      const at = await begun(resumable(), key, randomBytes(6000));
      await resumable().abort(key, at.state);
      const goOn = async (): Promise<void> => {
        await using writer = await resumable().resume(key, at.state, at.offset, { signal: never });
        await writer.write(randomBytes(10));
        await writer.checkpoint();
      };
      await expect(goOn()).rejects.toMatchObject({ code: 'BLOB_UNAVAILABLE' });
      await expect(resumable().finish(key, at.state, 6000, never)).rejects.toMatchObject({ code: 'BLOB_UNAVAILABLE' });
    });

    it('is not finished with more bytes than are on record', async () => {
      const key = newKey();
      const at = await begun(resumable(), key, randomBytes(6000));
      await expect(resumable().finish(key, at.state, 6001, never)).rejects.toMatchObject({ code: 'BLOB_UNAVAILABLE' });
      await expect(resumable().resume(key, at.state, 6001, { signal: never })).rejects.toMatchObject({
        code: 'BLOB_UNAVAILABLE',
      });
      await resumable().abort(key, at.state);
    });

    it('stops with the reason of an aborted signal, and keeps what is on record', async () => {
      const reason = new Error('enough');
      const gone = AbortSignal.abort(reason);
      const bytes = randomBytes(6000);
      const key = newKey();
      await expect(resumable().begin(key, { signal: gone })).rejects.toBe(reason);
      const at = await begun(resumable(), key, bytes);
      await expect(resumable().resume(key, at.state, at.offset, { signal: gone })).rejects.toBe(reason);
      const controller = new AbortController();
      {
        await using writer = await resumable().resume(key, at.state, at.offset, { signal: controller.signal });
        controller.abort(reason);
        await expect(writer.write(randomBytes(10))).rejects.toBe(reason);
        await expect(writer.checkpoint()).rejects.toBe(reason);
      }
      await expect(resumable().finish(key, at.state, bytes.length, gone)).rejects.toBe(reason);
      await resumable().finish(key, at.state, bytes.length, never);
      await finished(key, bytes);
    });

    it('needs a key like any other', async () => {
      const wrong = '../../etc/passwd';
      await expect(resumable().begin(wrong, { signal: never })).rejects.toThrow(TypeError);
      await expect(resumable().resume(wrong, {}, 0, { signal: never })).rejects.toThrow(TypeError);
      await expect(resumable().finish(wrong, {}, 0, never)).rejects.toThrow(TypeError);
      await expect(resumable().abort(wrong, {})).rejects.toThrow(TypeError);
    });
  });
}

function getResumable(store: BlobStore): ResumableObjects {
  if (store.resumable === undefined) throw new Error('the store has no resumable objects');
  return store.resumable;
}

/** An object of which all these bytes are on record. */
async function begun(resumable: ResumableObjects, key: string, bytes: Uint8Array): Promise<Checkpoint> {
  const state = await resumable.begin(key, { signal: never });
  return live(resumable, key, { offset: 0, state }, { recorded: [bytes.length], lost: 0 }, bytes);
}

/** Writes as the turn says, from where `at` is in `bytes`; what it answers has been on record. */
async function live(
  resumable: ResumableObjects,
  key: string,
  at: Checkpoint,
  turn: Turn,
  bytes: Uint8Array,
): Promise<Checkpoint> {
  let last = overTheWire(at);
  await using writer = await resumable.resume(key, last.state, last.offset, { signal: never });
  for (const size of turn.recorded) {
    await writer.write(bytes.subarray(last.offset, last.offset + size));
    const checkpoint = await writer.checkpoint();
    expect(checkpoint.offset).toBe(last.offset + size);
    last = overTheWire(checkpoint);
  }
  if (turn.lost > 0 && last.offset + turn.lost <= bytes.length) await writer.write(randomBytes(turn.lost));
  return last;
}

/** As a row of a database gives it back. */
function overTheWire(checkpoint: Checkpoint): Checkpoint {
  return JSON.parse(JSON.stringify(checkpoint));
}
