/** How large each part of a multipart upload is, so that 10,000 of them always hold the object and most fit in memory. */

const mebibyte = 1024 * 1024;
const gibibyte = 1024 * mebibyte;

export const partsMax = 10_000;
/** S3's own limit for one object. */
export const objectMaxBytes = 5 * 1024 * gibibyte;
/** A part up to this is held in memory while it is sent; a larger one waits in a file. */
export const memoryPartMaxBytes = 16 * mebibyte;

/** S3 refuses a smaller part, but for the last one. */
export const partMinBytes = 5 * mebibyte;

const partBytes = 8 * mebibyte;

// For an unknown length: small parts while they last (39 GiB), then ever larger ones, 5.2 TiB in all. Each step is the bound
// of the spool file from there on.
const growingSteps = [
  { untilPart: 4_999, bytes: partBytes },
  { untilPart: 7_000, bytes: 64 * mebibyte },
  { untilPart: 8_500, bytes: 512 * mebibyte },
  { untilPart: partsMax, bytes: 3 * gibibyte },
];

/** Bytes of part `number` (from 1 on). */
export type PartPlan = (number: number) => number;

/** @param expectedBytes the length where it is known */
export function planParts(expectedBytes: number | undefined): PartPlan {
  if (expectedBytes === undefined)
    return (number) => growingSteps.find(({ untilPart }) => number <= untilPart)?.bytes ?? partBytes;
  const needed = Math.ceil(expectedBytes / (partsMax - 1) / mebibyte) * mebibyte;
  const bytes = Math.max(partBytes, needed);
  return () => bytes;
}

/**
 * Whether part `number` may end before it is full, after which the object has `sizeBytes`: the parts left must still hold the
 * rest, and where the length is unknown the largest object.
 */
export function mayEndEarly(plan: PartPlan, expectedBytes: number | undefined, number: number, sizeBytes: number): boolean {
  if (expectedBytes === undefined) return number < 5_000;
  return expectedBytes - sizeBytes <= (partsMax - number) * plan(number + 1);
}
