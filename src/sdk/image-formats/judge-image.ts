/** Whether an image may be taken as what it is declared to be. */
import type { ImageFinding, ImageFormat, ImageRefusal } from './image-finding.ts';
import type { ImageInspection } from './inspect-image.ts';

export interface ImageDeclaration {
  readonly diskFormat: string;
  /** Null: as `bare`, in nothing. */
  readonly containerFormat: string | null;
}

export interface ImageVerdict {
  /** Empty: the image may be taken. */
  readonly refusals: readonly ImageRefusal[];
  /** Size of the disk, read as the declared format; null where that is not known. */
  readonly virtualBytes: number | null;
}

/** Declared formats that say nothing of the bytes: whatever is unrecognised may be one. */
const loose: ReadonlySet<string> = new Set(['ami', 'ari', 'aki', 'ploop']);
/** Declared formats whose bytes tell. */
const strict: ReadonlySet<string> = new Set<ImageFormat>(['qcow2', 'vmdk', 'vhd', 'vhdx', 'vdi', 'iso', 'gpt', 'luks']);
/** What a raw disk may begin with: no format of the file around it. */
const contents: ReadonlySet<ImageFormat> = new Set(['gpt', 'mbr', 'luks']);
const tables: ReadonlySet<ImageFormat> = new Set(['gpt', 'mbr']);

export function judgeImage(inspection: ImageInspection, declaration: ImageDeclaration): ImageVerdict {
  const { findings, sizeBytes } = inspection;
  const { diskFormat } = declaration;
  const refusals = [
    ...inspection.refusals,
    // A partition table is what a raw disk is used by; in a hybrid ISO, and in any other file, nobody need read it.
    ...findings.filter(({ format }) => usesTable(diskFormat) || !tables.has(format)).flatMap((finding) => finding.refusals),
    ...judgeMatch(findings, declaration),
  ];
  const declared = findings.find(({ format }) => isAs(format, diskFormat));
  return { refusals, virtualBytes: declared === undefined ? sizeBytes : declared.virtualBytes };
}

function judgeMatch(
  findings: readonly ImageFinding[],
  { diskFormat, containerFormat }: ImageDeclaration,
): readonly ImageRefusal[] {
  // The declared format is then that of something inside the container, which is not opened.
  if (containerFormat !== null && containerFormat !== 'bare') return [];
  if (isAmbiguous(findings, diskFormat)) {
    const formats = findings.map(({ format }) => format).join(' and ');
    return [{ reason: 'several-formats', message: `is ${formats} at once` }];
  }
  const isMismatch =
    (strict.has(diskFormat) && !findings.some(({ format }) => isAs(format, diskFormat))) ||
    (loose.has(diskFormat) && findings.some(({ format }) => format !== diskFormat));
  const actual = findings.map(({ format }) => format).join(' and ') || 'raw';
  return isMismatch ? [{ reason: 'format-mismatch', message: `is declared as ${diskFormat}, but is ${actual}` }] : [];
}

/** Whether a disk declared as this is used by the partition table at its beginning. */
function usesTable(diskFormat: string): boolean {
  return diskFormat === 'raw' || diskFormat === 'gpt';
}

/** Clients mean any partition table by `gpt`, also the older kind. */
function isAs(format: ImageFormat, diskFormat: string): boolean {
  return format === diskFormat || (diskFormat === 'gpt' && format === 'mbr');
}

/** Two formats of the file, or one that has no place for what a raw disk begins with. */
function isAmbiguous(findings: readonly ImageFinding[], diskFormat: string): boolean {
  const files = findings.filter(({ format }) => !contents.has(format));
  const [file] = files;
  if (findings.length <= 1 || file === undefined) return false;
  if (files.length > 1) return true;
  // A fixed VHD is a raw disk with a footer.
  if (file.format === 'vhd' && file.facts['kind'] === 'fixed') return false;
  const isHybrid = file.format === 'iso' && findings.every(({ format }) => format === 'iso' || tables.has(format));
  return !(isHybrid && !usesTable(diskFormat));
}
