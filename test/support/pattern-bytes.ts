/** Bytes that tell where they belong: any piece of an endless object, the same in every process. */

const period = 1_048_583;
const pattern = Buffer.alloc(period);
for (let index = 0; index < period; index += 1) pattern[index] = (index * 31 + (index >> 8)) & 0xff;

/** Bytes `start` to `start + length` of the object. The period is prime, so that no page or part begins like another. */
export function patternBytes(start: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let filled = 0; filled < length; ) {
    filled += pattern.copy(
      bytes,
      filled,
      (start + filled) % period,
      Math.min(period, ((start + filled) % period) + length - filled),
    );
  }
  return bytes;
}
