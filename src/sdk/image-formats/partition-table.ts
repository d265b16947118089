/** Partition tables, MBR and GPT: a raw disk, or what makes an ISO bootable from a stick. */
import { isLinuxKernel } from './boot-parts.ts';
import { draftFinding, type ImageFinding } from './image-finding.ts';
import { holdsAt, type ImageSource } from './image-source.ts';

const sectorBytes = 512;
/** Of 512 bytes, and of 4,096. */
const gptOffsets = [512, 4096] as const;
const protectiveKind = 0xee;

interface Entry {
  readonly status: number;
  readonly kind: number;
  readonly firstBlock: number;
}

export function inspectPartitionTable(source: ImageSource): ImageFinding | undefined {
  const { head, sizeBytes } = source;
  const hasGptHeader = gptOffsets.some((offset) => holdsAt(head, offset, 'EFI PART'));
  const entries = readMbr(head);
  if (entries === undefined && !hasGptHeader) return undefined;
  const partitions = (entries ?? []).filter(({ kind }) => kind !== 0);
  const protective = partitions.filter(({ kind }) => kind === protectiveKind);
  const isGpt = hasGptHeader || protective.length > 0;
  const draft = draftFinding(isGpt ? 'gpt' : 'mbr', source);
  if (entries !== undefined && partitions.length === 0)
    draft.refuse('no-partition', 'has the signature of a partition table that has no partition');
  if (protective.some(({ firstBlock }) => firstBlock !== 1))
    draft.refuse('protective-entry', 'has a protective partition that does not start at block 1');
  return draft.finish(sizeBytes, { partitions: partitions.length, hasGptHeader });
}

/** Undefined for what ends its first sector with the same two bytes and has no table in front of them: file systems, kernels, loaders. */
function readMbr(head: Buffer): readonly Entry[] | undefined {
  if (head.length < sectorBytes || head.readUInt16LE(510) !== 0xaa55 || isFileSystem(head) || isLinuxKernel(head))
    return undefined;
  const entries = [446, 462, 478, 494].map((at) => ({
    status: head.readUInt8(at),
    kind: head.readUInt8(at + 4),
    firstBlock: head.readUInt32LE(at + 8),
  }));
  return entries.every(({ status }) => status === 0 || status === 0x80) ? entries : undefined;
}

function isFileSystem(head: Buffer): boolean {
  const isFat = ['FAT12   ', 'FAT16   ', 'FAT     '].some((name) => holdsAt(head, 54, name)) || holdsAt(head, 82, 'FAT32   ');
  return isFat || holdsAt(head, 3, 'NTFS    ') || holdsAt(head, 3, 'EXFAT   ');
}
