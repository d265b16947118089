/** Counts the bytes of one transfer against its limit and its declared length, and reports progress now and then. */
import { AppError } from '#base/app-error.ts';
import type { ReceiveOptions } from './blobs.ts';

const progressEveryMs = 250;

export type SizeBounds = Pick<ReceiveOptions, 'expectedBytes' | 'limitBytes' | 'onProgress'>;

export interface SizeMeter {
  readonly received: number;
  /** @throws BLOB_TOO_LARGE, BLOB_SIZE_MISMATCH at the first byte too many */
  add(bytes: number): void;
  /** @throws BLOB_SIZE_MISMATCH when fewer bytes came than were declared */
  assertComplete(): void;
}

/** @throws BLOB_TOO_LARGE when the declared length alone is over the limit */
export function createSizeMeter({ expectedBytes, limitBytes, onProgress }: SizeBounds): SizeMeter {
  let received = 0;
  let reportedAt = 0;
  if (expectedBytes !== undefined && expectedBytes > limitBytes) throw tooLarge(limitBytes);

  return {
    get received() {
      return received;
    },
    add(bytes) {
      received += bytes;
      if (received > limitBytes) throw tooLarge(limitBytes);
      if (expectedBytes !== undefined && received > expectedBytes) {
        throw new AppError('BLOB_SIZE_MISMATCH', `More than the ${expectedBytes} bytes declared were sent.`);
      }
      if (onProgress === undefined) return;
      const now = performance.now();
      if (now - reportedAt < progressEveryMs) return;
      reportedAt = now;
      onProgress(received);
    },
    assertComplete() {
      if (expectedBytes === undefined || received === expectedBytes) return;
      throw new AppError('BLOB_SIZE_MISMATCH', `${received} bytes came, ${expectedBytes} were declared.`);
    },
  };
}

function tooLarge(limitBytes: number): AppError {
  return new AppError('BLOB_TOO_LARGE', `The blob is larger than the ${limitBytes} bytes allowed here.`, {
    details: { limitBytes },
  });
}
