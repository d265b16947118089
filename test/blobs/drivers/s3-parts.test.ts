import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memoryPartMaxBytes, objectMaxBytes, partsMax, planParts } from '#blobs/drivers/s3-parts.ts';

const gibibyte = 1024 ** 3;
const partMinBytes = 5 * 1024 ** 2;
const partMaxBytes = 5 * gibibyte;

describe('the sizes of the parts of an upload', () => {
  it('hold any object of known length in 10,000 parts that S3 accepts', () => {
    fc.assert(
      fc.property(
        fc.maxSafeNat().map((value) => value % (objectMaxBytes + 1)),
        (expectedBytes) => {
          const bytes = planParts(expectedBytes)(1);
          expect(Math.ceil(expectedBytes / bytes)).toBeLessThanOrEqual(partsMax);
          expect(bytes).toBeGreaterThanOrEqual(partMinBytes);
          expect(bytes).toBeLessThanOrEqual(partMaxBytes);
        },
      ),
      { examples: [[0], [objectMaxBytes], [80 * gibibyte]] },
    );
  });

  it('stay in memory up to 78 GiB of known length and 39 GiB of unknown length', () => {
    expect(planParts(78 * gibibyte)(partsMax)).toBe(8 * 1024 ** 2);
    expect(planParts(156 * gibibyte)(1)).toBeLessThanOrEqual(memoryPartMaxBytes);
    expect(planParts(undefined)(4_999)).toBeLessThanOrEqual(memoryPartMaxBytes);
    expect(planParts(undefined)(5_000)).toBeGreaterThan(memoryPartMaxBytes);
  });

  it('grow with an unknown length, so that the largest object of S3 fits', () => {
    const plan = planParts(undefined);
    let total = 0;
    for (let number = 1; number <= partsMax; number += 1) {
      expect(plan(number)).toBeGreaterThanOrEqual(plan(Math.max(1, number - 1)));
      expect(plan(number)).toBeLessThanOrEqual(partMaxBytes);
      total += plan(number);
    }
    expect(total).toBeGreaterThanOrEqual(objectMaxBytes);
  });
});
