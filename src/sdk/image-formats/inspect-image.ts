/** What a disk image is, by bounded ranges of it, whatever it is declared as. */
import type { BlobView } from '../sdk.ts';
import { type BootPart, findBootPart } from './boot-parts.ts';
import type { ImageFinding, ImageInspector, ImageRefusal } from './image-finding.ts';
import { type ImageLimits, imageLimits, openImageSource, ReadsExhausted } from './image-source.ts';
import { inspectIso } from './iso.ts';
import { inspectLuks } from './luks.ts';
import { inspectPartitionTable } from './partition-table.ts';
import { inspectPloop } from './ploop.ts';
import { inspectQcow2 } from './qcow2.ts';
import { inspectQed } from './qed.ts';
import { inspectVdi } from './vdi.ts';
import { inspectVhd } from './vhd.ts';
import { inspectVhdx } from './vhdx.ts';
import { inspectVmdk } from './vmdk.ts';

export interface ImageInspection {
  readonly sizeBytes: number;
  /** One for each format the blob is of; none: unrecognised bytes, which are a raw image. */
  readonly findings: readonly ImageFinding[];
  /** What unrecognised bytes most likely are. */
  readonly bootPart: BootPart | null;
  /** What stands against the blob whatever its formats. */
  readonly refusals: readonly ImageRefusal[];
}

const inspectors: readonly ImageInspector[] = [
  inspectQcow2,
  inspectQed,
  inspectVmdk,
  inspectVhd,
  inspectVhdx,
  inspectVdi,
  inspectPloop,
  inspectLuks,
  inspectIso,
  inspectPartitionTable,
];

/** All inspectors look, also where one has found its format: a blob that is of two is the point of the exercise. */
export async function inspectImage(blob: BlobView, limits: ImageLimits = imageLimits): Promise<ImageInspection> {
  const source = await openImageSource(blob, limits);
  const findings: ImageFinding[] = [];
  try {
    for (const inspect of inspectors) {
      const finding = await inspect(source);
      if (finding !== undefined) findings.push(finding);
    }
  } catch (error) {
    if (!(error instanceof ReadsExhausted)) throw error;
    const refusals = [{ reason: 'malformed', message: 'takes more reading than any sound image' }] as const;
    return { sizeBytes: source.sizeBytes, findings, bootPart: null, refusals };
  }
  const bootPart = findings.length === 0 ? (findBootPart(source.head) ?? null) : null;
  return { sizeBytes: source.sizeBytes, findings, bootPart, refusals: [] };
}
