/** A byte range against an object's real size, as the half-open pair the drivers count with. */
import { AppError } from '#base/app-error.ts';
import type { ByteRange } from './blob-store.ts';

export interface ByteSpan {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

/** The whole object without a range; a range's end is cut to the size. @throws RANGE_NOT_SATISFIABLE when nothing is left */
export function clampRange(range: ByteRange | undefined, sizeBytes: number): ByteSpan {
  if (range === undefined) return { start: 0, end: sizeBytes };
  const end = Math.min(range.end + 1, sizeBytes);
  if (range.start < 0 || range.start >= end) {
    throw new AppError('RANGE_NOT_SATISFIABLE', `The range ${range.start}-${range.end} lies outside ${sizeBytes} bytes.`);
  }
  return { start: range.start, end };
}
