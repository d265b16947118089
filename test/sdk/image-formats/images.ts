/** Disk images made by hand, byte for byte, so that they can be as wrong as nobody's tool makes them. */
import type { BlobView } from '#sdk/sdk.ts';

export interface CountedBlob extends BlobView {
  reads(): number;
  readBytes(): number;
}

export function imageBlob(bytes: Uint8Array): CountedBlob {
  let reads = 0;
  let readBytes = 0;
  return {
    slot: 'data',
    path: 'data',
    mediaType: 'application/octet-stream',
    sizeBytes: bytes.length,
    sha256: '',
    read: async (offset, length) => {
      const part = bytes.subarray(offset, offset + Math.min(length, 1024 ** 2));
      reads += 1;
      readBytes += part.length;
      return part;
    },
    reads: () => reads,
    readBytes: () => readBytes,
  };
}

/** Bytes written over others, by offset. */
export type Patch = Readonly<Record<number, string | Uint8Array>>;

export const be32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
export const be64 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
};
export const le16 = (value: number): Buffer => le32(value).subarray(0, 2);
export const le32 = (value: number): Buffer => be32(value).reverse();
export const le64 = (value: bigint): Buffer => be64(value).reverse();

export function patch(bytes: Uint8Array, parts: Patch): Buffer {
  const made = Buffer.from(bytes);
  for (const [offset, part] of Object.entries(parts)) {
    const written = typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part);
    written.copy(made, Number(offset));
  }
  return made;
}

/** An empty disk of 1 MiB in clusters of 4 KiB, version 3. */
export function qcow2(parts: Patch = {}): Buffer {
  const header: Patch = {
    0: 'QFI\xfb',
    4: be32(3),
    20: be32(12),
    24: be64(1024n ** 2n),
    36: be32(1),
    40: be64(0x3000n),
    48: be64(0x1000n),
    56: be32(1),
    96: be32(4),
    100: be32(104),
    [0x1000]: be64(0x2000n),
  };
  return patch(patch(Buffer.alloc(0x4000), header), parts);
}

export const descriptorLines = {
  version: 'version=1',
  cid: 'CID=fffffffe',
  parent: 'parentCID=ffffffff',
  type: 'createType="monolithicSparse"',
  extent: 'RW 2048 SPARSE "disk.vmdk"',
  rest: 'ddb.adapterType = "ide"',
};

export function descriptor(lines: Partial<typeof descriptorLines> = {}): string {
  return `# Disk DescriptorFile\n${Object.values({ ...descriptorLines, ...lines }).join('\n')}\n`;
}

/** A disk of 1 MiB with its descriptor in the second sector. */
export function vmdk(text = descriptor(), parts: Patch = {}): Buffer {
  const header: Patch = {
    0: 'KDMV',
    4: le32(1),
    12: le64(2048n),
    20: le64(128n),
    28: le64(1n),
    36: le64(20n),
    56: le64(21n),
    512: text,
  };
  return patch(patch(Buffer.alloc(64 * 1024), header), parts);
}

/** With the sum that stands at `at`. */
function summed(bytes: Buffer, at: number): Buffer {
  const sum = bytes.reduce((total, byte, index) => (index >= at && index < at + 4 ? total : total + byte), 0);
  return patch(bytes, { [at]: be32(~sum >>> 0) });
}

export function vhdFooter(kind: number, virtualBytes: bigint, parts: Patch = {}): Buffer {
  const footer: Patch = {
    0: 'conectix',
    8: be32(2),
    12: be32(0x10000),
    16: be64(kind === 2 ? 2n ** 64n - 1n : 512n),
    40: be64(virtualBytes),
    48: be64(virtualBytes),
    60: be32(kind),
  };
  return summed(patch(patch(Buffer.alloc(512), footer), parts), 64);
}

export function vhdFixed(data: Uint8Array, parts: Patch = {}): Buffer {
  return Buffer.concat([data, vhdFooter(2, BigInt(data.length), parts)]);
}

/** An empty disk of 4 MiB. */
export function vhdDynamic(kind = 3, header: Patch = {}): Buffer {
  const footer = vhdFooter(kind, 4n * 1024n ** 2n);
  const sparse: Patch = {
    0: 'cxsparse',
    8: be64(2n ** 64n - 1n),
    16: be64(1536n),
    24: be32(0x10000),
    28: be32(2),
    32: be32(2 * 1024 ** 2),
  };
  const table = Buffer.alloc(512, 0xff);
  return Buffer.concat([footer, summed(patch(patch(Buffer.alloc(1024), sparse), header), 36), table, footer]);
}

const guid = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex');
export const vhdxIds = {
  blocks: guid('6677c22d 23f60042 9d64115e 9bfd4a08'),
  metadata: guid('06a27c8b 90479a4b b8fe575f 050f886e'),
  parameters: guid('3767a1ca 36fa434d b3b633f0 aa44e76b'),
  diskSize: guid('2442a52f 1bcd7648 b2115dbe d83bf4b8'),
};

/** A disk of 1 GiB, without its blocks. */
export function vhdx(parts: Patch = {}): Buffer {
  const table: Patch = {
    0: Buffer.concat([Buffer.from('regi'), Buffer.alloc(4), le32(2)]),
    16: Buffer.concat([vhdxIds.blocks, le64(0x50000n), le32(0x1000), le32(1)]),
    48: Buffer.concat([vhdxIds.metadata, le64(0x60000n), le32(0x20000), le32(1)]),
  };
  const regions = patch(Buffer.alloc(0x10000), table);
  const metadata: Patch = {
    393216: 'metadata',
    393226: le16(2),
    393248: Buffer.concat([vhdxIds.parameters, le32(0x10000), le32(8), le32(4)]),
    393280: Buffer.concat([vhdxIds.diskSize, le32(0x10008), le32(8), le32(6)]),
    458752: Buffer.concat([le32(8 * 1024 ** 2), le32(0), le64(1024n ** 3n)]),
  };
  return patch(patch(Buffer.alloc(0x80000), { 0: 'vhdxfile', 196608: regions, 262144: regions, ...metadata }), parts);
}

/** An empty disk of 4 MiB. */
export function vdi(parts: Patch = {}): Buffer {
  const header: Patch = {
    0: '<<< A disk >>>\n',
    64: Buffer.from('7f10dabe', 'hex'),
    68: le32(0x10001),
    72: le32(0x180),
    76: le32(1),
    340: le32(512),
    344: le32(1024),
    360: le32(512),
    368: le64(4n * 1024n ** 2n),
    376: le32(1024 ** 2),
    384: le32(4),
  };
  return patch(patch(Buffer.alloc(1024), header), parts);
}

/** An empty disk of 4 MiB. */
export function ploop(parts: Patch = {}): Buffer {
  const header: Patch = { 0: 'WithouFreSpacExt', 16: le32(2), 28: le32(2048), 32: le32(4), 36: le64(8192n) };
  return patch(patch(Buffer.alloc(1024 ** 2), header), parts);
}

/** Of version 1 with eight empty key slots, as qemu-img takes it too; of any other, only by its number. */
export function luks(version: number): Buffer {
  const slots = Array.from({ length: 8 }, (_, slot): [number, Buffer] => [
    208 + slot * 48,
    Buffer.concat([be32(0xdead), Buffer.alloc(36), be32(8 + slot * 504), be32(4000)]),
  ]);
  const header: Patch = {
    0: 'LUKS\xba\xbe',
    7: Uint8Array.of(version),
    8: 'aes',
    40: 'xts-plain64',
    72: 'sha256',
    104: be32(4096),
    108: be32(64),
    164: be32(1000),
    168: '8d5f0b0a-6d1c-4a52-9a3e-0c1c5f2a7f10',
  };
  return patch(Buffer.alloc(4 * 1024 ** 2), { ...header, ...Object.fromEntries(slots) });
}

/** One volume descriptor, and its end. */
export function iso(parts: Patch = {}): Buffer {
  const volume: Patch = { 32768: '\x01CD001\x01', [32768 + 80]: le32(30), [32768 + 128]: le16(2048), 34816: '\xffCD001\x01' };
  return patch(patch(Buffer.alloc(64 * 1024), volume), parts);
}

/** Parts that make a partition table of any image: status, kind and first block of each partition. */
export function mbrParts(...entries: readonly (readonly [number, number, number])[]): Patch {
  const written = entries.map(([status, kind, first], index): [number, Buffer] => [
    446 + index * 16,
    Buffer.concat([Uint8Array.of(status, 0, 2, 0, kind, 0, 0, 0), le32(first), le32(64)]),
  ]);
  return { ...Object.fromEntries(written), 510: Uint8Array.of(0x55, 0xaa) };
}

export function disk(parts: Patch = {}): Buffer {
  return patch(Buffer.alloc(64 * 1024), parts);
}
