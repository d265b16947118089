/** The parts of an ami, ari and aki triple: a file system, a RAM disk, a kernel. Told apart for the record; any bytes may be one. */
import { holdsAt } from './image-source.ts';

export type BootPart = 'kernel' | 'ramdisk' | 'filesystem';

const packed = ['1f8b', '425a68', 'fd377a585a00', '28b52ffd', '04224d18', '02214c18', '5d0000'].map((hex) =>
  Buffer.from(hex, 'hex'),
);

/** What the bytes most likely are; undefined where they say nothing. */
export function findBootPart(head: Buffer): BootPart | undefined {
  // An uncompressed kernel for x86, arm64 or RISC-V, or one in ELF.
  if (isLinuxKernel(head) || holdsAt(head, 56, 'ARM\x64') || holdsAt(head, 56, 'RSC\x05') || holdsAt(head, 0, '\x7fELF'))
    return 'kernel';
  if (holdsAt(head, 0, '070701') || holdsAt(head, 0, '070702')) return 'ramdisk';
  if (packed.some((magic) => head.subarray(0, magic.length).equals(magic))) return 'ramdisk';
  // ext2 to ext4, XFS.
  const isFileSystem = holdsAt(head, 1080, '\x53\xef') || holdsAt(head, 0, 'XFSB');
  return isFileSystem ? 'filesystem' : undefined;
}

/** By the setup header of the x86 boot protocol, whose first sector ends like one with a partition table. */
export function isLinuxKernel(head: Buffer): boolean {
  return holdsAt(head, 0x202, 'HdrS');
}
