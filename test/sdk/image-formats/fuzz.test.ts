import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { imageLimits, inspectImage, judgeImage } from '#sdk/sdk.ts';
import {
  descriptor,
  disk,
  imageBlob,
  iso,
  luks,
  mbrParts,
  patch,
  ploop,
  qcow2,
  vdi,
  vhdDynamic,
  vhdFixed,
  vhdx,
  vmdk,
} from './images.ts';

const sound = [
  qcow2(),
  vmdk(),
  vhdDynamic(),
  vhdFixed(disk()),
  vhdx(),
  vdi(),
  ploop(),
  luks(1),
  iso(),
  disk(mbrParts([0, 0xee, 1])),
  Buffer.from(descriptor()),
];

/** Where formats keep what leads somewhere: at the front, in the regions of a VHDX, at the end. */
const offset = fc.oneof(
  { weight: 6, arbitrary: fc.nat(600) },
  fc.constantFrom(0x30000, 0x40000, 0x60000, 0x70000, 32768).chain((base) => fc.nat(160).map((at) => base + at)),
  fc.nat(600).map((fromEnd) => -fromEnd),
);
const bytes = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 16 }),
  fc
    .constantFrom(1, 2, 4, 8)
    .chain((length) => fc.constantFrom(0, 0x7f, 0x80, 0xff).map((value) => new Uint8Array(length).fill(value))),
);
const mutated = fc
  .tuple(
    fc.constantFrom(...sound),
    fc.array(fc.tuple(offset, bytes), { maxLength: 6 }),
    fc.option(fc.nat(0x80000), { nil: undefined }),
  )
  .map(([image, parts, cut]) => {
    const written = parts.map(([at, part]): [number, Uint8Array] => [at < 0 ? Math.max(0, image.length + at) : at, part]);
    const fitting = written.filter(([at]) => at < image.length);
    return patch(image, Object.fromEntries(fitting)).subarray(0, cut);
  });

describe('inspection of hostile bytes', () => {
  it('never throws, reads little, and gives sizes and facts that are JSON', async () => {
    await fc.assert(
      fc.asyncProperty(mutated, fc.constantFrom('raw', 'qcow2', 'vmdk', 'iso', 'ami'), async (image, diskFormat) => {
        const blob = imageBlob(image);
        const inspection = await inspectImage(blob);
        const verdict = judgeImage(inspection, { diskFormat, containerFormat: null });
        expect(blob.reads()).toBeLessThanOrEqual(imageLimits.reads);
        expect(blob.readBytes()).toBeLessThanOrEqual(imageLimits.readBytes);
        expect(JSON.parse(JSON.stringify({ inspection, verdict }))).toEqual({ inspection, verdict });
        for (const { virtualBytes } of inspection.findings) {
          if (virtualBytes !== null) expect(Number.isSafeInteger(virtualBytes) && virtualBytes >= 0).toBe(true);
        }
      }),
      { numRuns: 1500 },
    );
  });

  it('takes a qcow2 only without a backing file, whatever else is written into it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.integer({ min: 24, max: 0x400 }), bytes), { maxLength: 6 }), async (parts) => {
        const image = patch(qcow2(), { ...Object.fromEntries(parts), 8: Uint8Array.of(0, 0, 0, 0, 0, 0, 2, 0) });
        const { findings } = await inspectImage(imageBlob(image));
        expect(findings[0]?.refusals.map(({ reason }) => reason)).toContain('backing-file');
      }),
      { numRuns: 300 },
    );
  });

  it('reads the same little of a large image as of a small one', async () => {
    const small = imageBlob(vhdDynamic());
    await inspectImage(small);
    const large = { ...imageBlob(qcow2()), sizeBytes: 2 ** 45 };
    const lengths: number[] = [];
    const counted = {
      ...large,
      read: (offset: number, length: number) => {
        lengths.push(length);
        return offset === 0 ? large.read(offset, length) : Promise.resolve(new Uint8Array(length));
      },
    };
    await inspectImage(counted);
    expect(lengths.length).toBeLessThanOrEqual(small.reads() + 4);
    expect(lengths.reduce((sum, length) => sum + length, 0)).toBeLessThan(256 * 1024);
  });

  it('ends with a refusal where its bounds are reached', async () => {
    const limits = { ...imageLimits, reads: 2 };
    const { refusals } = await inspectImage(imageBlob(vhdx()), limits);
    expect(refusals).toEqual([{ reason: 'malformed', message: 'takes more reading than any sound image' }]);
  });

  it('lets a fault of the store through, which is none of the image', async () => {
    const broken = { ...imageBlob(qcow2()), read: () => Promise.reject(new Error('the disk is gone')) };
    await expect(inspectImage(broken)).rejects.toThrow('the disk is gone');
  });
});
