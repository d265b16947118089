/** Reads a request's body in pieces of the length asked for, and no further than its limit. */
import type { IncomingMessage } from 'node:http';
import { AppError } from '#base/app-error.ts';

export interface PackBytes {
  /** Exactly so many; undefined at the end of the body. @throws AppError PACK_MALFORMED when it ends in between */
  take(length: number): Promise<Buffer | undefined>;
  /** Reads on to the end. */
  drain(): Promise<void>;
  /** Leaves the rest to whoever answers. */
  close(): Promise<void>;
}

/** @throws AppError REQUEST_TOO_LARGE beyond the limit, UPLOAD_INTERRUPTED when the sender is gone; from every method */
export function readPackBytes(request: IncomingMessage, limitBytes: number): PackBytes {
  // The connection stays, for the answer.
  const source: AsyncIterator<Buffer> = request.iterator({ destroyOnReturn: false });
  let chunk: Buffer = Buffer.alloc(0);
  let offset = 0;
  let taken = 0;

  async function more(): Promise<boolean> {
    const next = await source.next().catch((cause: unknown) => {
      throw new AppError('UPLOAD_INTERRUPTED', undefined, { cause });
    });
    if (next.done === true) return false;
    taken += next.value.length;
    if (taken > limitBytes) throw new AppError('REQUEST_TOO_LARGE', `A pack has at most ${limitBytes} bytes.`);
    chunk = next.value;
    offset = 0;
    return true;
  }

  return {
    async take(length) {
      if (chunk.length - offset >= length) {
        offset += length;
        return chunk.subarray(offset - length, offset);
      }
      const piece = Buffer.allocUnsafe(length);
      let filled = 0;
      while (filled < length) {
        if (offset === chunk.length && !(await more())) {
          if (filled === 0) return undefined;
          throw new AppError('PACK_MALFORMED', 'The pack ends in the middle of a member.');
        }
        const copied = chunk.copy(piece, filled, offset, offset + length - filled);
        filled += copied;
        offset += copied;
      }
      return piece;
    },
    async drain() {
      while (await more());
    },
    async close() {
      await source.return?.();
    },
  };
}
