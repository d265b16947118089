import { describe, expect, it } from 'vitest';
import { type ImageVerdict, inspectImage, judgeImage } from '#sdk/sdk.ts';
import { disk, imageBlob, iso, luks, mbrParts, patch, ploop, qcow2, vdi, vhdDynamic, vhdFixed, vhdx, vmdk } from './images.ts';

const judge = async (bytes: Uint8Array, diskFormat: string, containerFormat: string | null = 'bare'): Promise<ImageVerdict> =>
  judgeImage(await inspectImage(imageBlob(bytes)), { diskFormat, containerFormat });
const reasons = async (bytes: Uint8Array, diskFormat: string, containerFormat: string | null = 'bare') =>
  (await judge(bytes, diskFormat, containerFormat)).refusals.map(({ reason }) => reason);

const dos = mbrParts([0x80, 0x83, 2048]);
const protective = mbrParts([0, 0xee, 1]);
const gpt = { ...protective, 512: 'EFI PART' };
const bytesOf = {
  qcow2: qcow2(),
  vmdk: vmdk(),
  vhd: vhdDynamic(),
  vhdx: vhdx(),
  vdi: vdi(),
  iso: iso(),
};

describe('the declared format of an image', () => {
  it('is the actual one, or refused as a mismatch, for all formats whose bytes tell', async () => {
    for (const declared of Object.keys(bytesOf)) {
      for (const [actual, bytes] of Object.entries(bytesOf)) {
        expect(await reasons(bytes, declared), `${actual} as ${declared}`).toEqual(
          actual === declared ? [] : ['format-mismatch'],
        );
      }
      for (const bytes of [Buffer.alloc(0), Buffer.alloc(4096), Buffer.from('text'), luks(1), disk(gpt)]) {
        expect(await reasons(bytes, declared)).toEqual(['format-mismatch']);
      }
    }
  });

  it('is told in words, with the reason named', async () => {
    const { refusals } = await judge(Buffer.from('text'), 'qcow2');
    expect(refusals).toEqual([{ reason: 'format-mismatch', message: 'is declared as qcow2, but is raw' }]);
  });

  it('may be raw whatever the bytes are, of which the disk is then made', async () => {
    for (const bytes of [
      ...Object.values(bytesOf),
      ploop(),
      luks(1),
      luks(2),
      disk(dos),
      disk(gpt),
      Buffer.alloc(0),
      Buffer.from('x'),
    ]) {
      expect(await judge(bytes, 'raw')).toEqual({ refusals: [], virtualBytes: bytes.length });
    }
  });

  it('may be gpt for any sound partition table, and luks for what is encrypted', async () => {
    for (const table of [dos, gpt]) expect(await judge(disk(table), 'gpt')).toEqual({ refusals: [], virtualBytes: 65_536 });
    expect(await reasons(disk(mbrParts()), 'gpt')).toEqual(['no-partition']);
    expect(await reasons(luks(1), 'luks')).toEqual([]);
    for (const declared of ['gpt', 'luks']) {
      for (const bytes of [bytesOf.qcow2, Buffer.alloc(4096)])
        expect(await reasons(bytes, declared)).toEqual(['format-mismatch']);
    }
    expect(await reasons(iso(dos), 'gpt')).toEqual(['several-formats']);
  });

  it('may be ami, ari, aki or ploop for all bytes that are nothing else', async () => {
    const parts = [
      Buffer.alloc(0),
      Buffer.alloc(8192),
      Buffer.from('1f8b08', 'hex'),
      patch(Buffer.alloc(4096), { 1080: '\x53\xef' }),
    ];
    for (const declared of ['ami', 'ari', 'aki', 'ploop']) {
      for (const bytes of parts) expect(await reasons(bytes, declared)).toEqual([]);
      for (const bytes of [bytesOf.qcow2, disk(dos), luks(1)])
        expect(await reasons(bytes, declared)).toEqual(['format-mismatch']);
    }
    expect(await reasons(ploop(), 'ploop')).toEqual([]);
    expect(await reasons(ploop(), 'ami')).toEqual(['format-mismatch']);
  });

  it('is that of what is inside a container, which is not opened; what stands there is safe all the same', async () => {
    for (const container of ['ami', 'ari', 'aki', 'ovf', 'ova', 'docker', 'compressed']) {
      expect(await reasons(Buffer.from('1f8b08', 'hex'), 'qcow2', container)).toEqual([]);
      expect(await reasons(qcow2({ 72: Buffer.from('0000000000000004', 'hex') }), 'raw', container)).toEqual([
        'external-data-file',
      ]);
    }
    expect(await reasons(Buffer.from('1f8b08', 'hex'), 'qcow2', null)).toEqual(['format-mismatch']);
  });
});

describe('a partition table', () => {
  it.each([
    ['a DOS partition', disk(dos), []],
    ['a GPT', disk(gpt), []],
    ['a GPT of blocks of 4 KiB', disk({ ...protective, 4096: 'EFI PART' }), []],
    ['a hybrid of both', disk({ ...mbrParts([0, 0xee, 1], [0x80, 0x83, 2048]), 512: 'EFI PART' }), []],
    ['no partition', disk(mbrParts()), ['no-partition']],
    ['a GPT header and no partition', disk({ ...mbrParts(), 512: 'EFI PART' }), ['no-partition']],
    ['a protective entry elsewhere', disk(mbrParts([0, 0xee, 2])), ['protective-entry']],
    ['one that begins at block 0', disk({ ...mbrParts([0, 0x83, 64], [0, 0xee, 0]), 512: 'EFI PART' }), ['protective-entry']],
  ] as const)('of %s is judged in a raw disk', async (_what, bytes, expected) => {
    expect(await reasons(bytes, 'raw')).toEqual(expected);
  });

  it('is not seen where boot code, a file system or a kernel ends its first sector alike', async () => {
    const signature = mbrParts();
    const others = [
      disk({ ...mbrParts([0x33, 0xc0, 7]) }),
      disk({ ...signature, 3: 'NTFS    ' }),
      disk({ ...signature, 3: 'EXFAT   ' }),
      disk({ ...signature, 54: 'FAT16   ' }),
      disk({ ...signature, 82: 'FAT32   ' }),
      disk({ ...signature, 514: 'HdrS' }),
    ];
    for (const bytes of others) expect((await inspectImage(imageBlob(bytes))).findings).toEqual([]);
  });

  it('is a mismatch as a kernel; a kernel is none', async () => {
    expect(await reasons(disk(mbrParts()), 'aki')).toEqual(['format-mismatch']);
    expect(await reasons(disk({ ...mbrParts(), 514: 'HdrS' }), 'aki')).toEqual([]);
  });
});

describe('an image of two formats', () => {
  it('is taken as an ISO where it is a hybrid, with any table, and refused as raw', async () => {
    for (const table of [dos, gpt, mbrParts()]) {
      expect(await reasons(iso(table), 'iso')).toEqual([]);
      expect(await reasons(iso(table), 'raw')).toContain('several-formats');
      expect(await reasons(iso(table), 'aki')).toEqual(['format-mismatch']);
    }
  });

  it('is taken where a fixed VHD holds a disk, as both', async () => {
    for (const content of [disk(dos), disk(gpt), luks(1)]) {
      expect(await reasons(vhdFixed(content), 'vhd')).toEqual([]);
      expect(await reasons(vhdFixed(content), 'raw')).toEqual([]);
    }
  });

  it.each([
    ['a qcow2 in an ISO', patch(iso(), { 0: qcow2().subarray(0, 0x3800) })],
    ['an ISO in a VHDX', vhdx({ 32769: 'CD001' })],
    ['a qcow2 in a fixed VHD', vhdFixed(qcow2())],
    ['a VMDK in a fixed VHD', vhdFixed(vmdk())],
    ['an ISO in a fixed VHD', vhdFixed(iso())],
    ['a VDI in a qcow2', qcow2({ 64: Buffer.from('7f10dabe', 'hex') })],
    ['a qcow2 with a partition table', qcow2(dos)],
    ['a VMDK with a GPT', vmdk(undefined, gpt)],
    ['a LUKS with an ISO', patch(luks(1), { 32769: 'CD001' })],
  ])('is refused whatever it is declared as: %s', async (_what, bytes) => {
    for (const declared of ['raw', 'qcow2', 'vmdk', 'vhd', 'vhdx', 'vdi', 'iso', 'ami', 'ploop']) {
      expect(await reasons(bytes, declared), declared).toContain('several-formats');
    }
  });
});

describe('what unrecognised bytes are', () => {
  it.each([
    ['kernel', patch(Buffer.alloc(1024), { 514: 'HdrS' })],
    ['kernel', patch(Buffer.alloc(64), { 56: 'ARMd' })],
    ['kernel', Buffer.from('\x7fELF')],
    ['ramdisk', Buffer.from('070701')],
    ['ramdisk', Buffer.from('fd377a585a00', 'hex')],
    ['filesystem', patch(Buffer.alloc(2048), { 1080: '\x53\xef' })],
    [null, Buffer.from('text')],
    [null, Buffer.alloc(0)],
  ] as const)('is recorded as %s', async (part, bytes) => {
    expect((await inspectImage(imageBlob(bytes))).bootPart).toBe(part);
  });
});
