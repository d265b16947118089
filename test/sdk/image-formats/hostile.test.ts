import { describe, expect, it } from 'vitest';
import { type ImageRefusalReason, inspectImage, judgeImage } from '#sdk/sdk.ts';
import {
  be32,
  be64,
  descriptor,
  imageBlob,
  iso,
  le16,
  le32,
  le64,
  luks,
  type Patch,
  patch,
  ploop,
  qcow2,
  vdi,
  vhdDynamic,
  vhdFixed,
  vhdFooter,
  vhdx,
  vhdxIds,
  vmdk,
} from './images.ts';

/** What stands against it as raw, where only its safety counts. */
async function reasonsOf(bytes: Uint8Array): Promise<readonly ImageRefusalReason[]> {
  const verdict = judgeImage(await inspectImage(imageBlob(bytes)), { diskFormat: 'raw', containerFormat: 'bare' });
  return verdict.refusals.map(({ reason }) => reason);
}

type Case = readonly [what: string, reason: ImageRefusalReason, bytes: Uint8Array];

describe('an image made by hand', () => {
  it.each([
    ['qcow2', qcow2(), 1024 ** 2],
    ['vmdk', vmdk(), 1024 ** 2],
    ['vhd', vhdFixed(Buffer.alloc(4096)), 4096],
    ['vhd', vhdDynamic(), 4 * 1024 ** 2],
    ['vhdx', vhdx(), 1024 ** 3],
    ['vdi', vdi(), 4 * 1024 ** 2],
    ['ploop', ploop(), 4 * 1024 ** 2],
    ['iso', iso(), 64 * 1024],
  ] as const)('passes as the sound %s that it is', async (format, bytes, virtualBytes) => {
    const inspection = await inspectImage(imageBlob(bytes));
    expect(inspection.findings.map((finding) => finding.format)).toEqual([format]);
    expect(judgeImage(inspection, { diskFormat: format, containerFormat: 'bare' })).toEqual({ refusals: [], virtualBytes });
  });
});

describe('a hostile qcow2', () => {
  const extension = (type: number, length: number): Patch => ({ 104: Buffer.concat([be32(type), be32(length)]) });
  const refused: readonly Case[] = [
    ['with a backing file', 'backing-file', qcow2({ 8: be64(0x200n), 16: be32(8), 512: '/etc/pwd' })],
    ['with a backing file without a name', 'backing-file', qcow2({ 8: be64(0x200n) })],
    ['with the name of one and no place', 'backing-file', qcow2({ 16: be32(8) })],
    ['with its data in another file', 'external-data-file', qcow2({ 72: be64(4n) })],
    ['with the name of a data file, and no feature', 'external-data-file', qcow2(extension(0x44415441, 8))],
    ['with a feature of tomorrow', 'unknown-features', qcow2({ 72: be64(0x20n) })],
    ['with the last feature of all', 'unknown-features', qcow2({ 72: be64(1n << 63n) })],
    ['encrypted in a way of its own', 'unknown-features', qcow2({ 32: be32(3) })],
    ['packed in a way of its own', 'unknown-features', qcow2({ 72: be64(8n), 100: be32(112), 104: Uint8Array.of(2) })],
    ['of version 1', 'unsupported-version', qcow2({ 4: be32(1) })],
    ['of version 4', 'unsupported-version', qcow2({ 4: be32(4) })],
    ['that is cut within its header', 'malformed', qcow2().subarray(0, 100)],
    ['that is its magic alone', 'unsupported-version', qcow2().subarray(0, 4)],
    ['that is cut before its tables', 'malformed', qcow2().subarray(0, 0x3000)],
    ['with clusters of no size', 'malformed', qcow2({ 20: be32(0) })],
    ['with clusters of endless size', 'malformed', qcow2({ 20: be32(0xffffffff) })],
    ['with a disk of 2^63 bytes', 'absurd-size', qcow2({ 24: be64(1n << 63n) })],
    ['with a first-level table of 32 GiB', 'absurd-size', qcow2({ 36: be32(0xffffffff) })],
    ['with a disk larger than its table', 'malformed', qcow2({ 24: be64(1n << 40n) })],
    ['with its table in its header', 'malformed', qcow2({ 40: be64(0n) })],
    ['with its table between clusters', 'malformed', qcow2({ 40: be64(0x3008n) })],
    ['with its reference counts elsewhere', 'malformed', qcow2({ 48: be64(1n << 40n) })],
    ['with a header shorter than any', 'malformed', qcow2({ 100: be32(72) })],
    ['with a header longer than its cluster', 'malformed', qcow2({ 100: be32(0x2000) })],
    ['with an extension that never ends', 'malformed', qcow2(extension(1, 0xfffffff0))],
    [
      'with extensions without end',
      'malformed',
      qcow2(Object.fromEntries(Array.from({ length: 400 }, (_, n) => [104 + n * 8, be32(1)]))),
    ],
    ['with endless reference counts', 'malformed', qcow2({ 96: be32(7) })],
  ];
  it.each(refused)('is refused %s, also as raw: %s', async (_what, reason, bytes) => {
    expect(await reasonsOf(bytes)).toContain(reason);
  });

  it('passes with extensions that are only remarks, features that move no data, and encrypted', async () => {
    expect(await reasonsOf(qcow2(extension(0x6803f857, 48)))).toEqual([]);
    expect(await reasonsOf(qcow2({ 72: be64(3n), 88: be64(1n) }))).toEqual([]);
    const { findings } = await inspectImage(imageBlob(qcow2({ 32: be32(2) })));
    expect(findings).toMatchObject([{ refusals: [], facts: { encryption: 'luks' } }]);
  });
});

describe('a hostile VMDK', () => {
  const refused: readonly Case[] = [
    ...['monolithicFlat', 'twoGbMaxExtentSparse', 'fullDevice', 'vmfs', 'custom', 'streamoptimized', ''].map(
      (type): Case => [`of type "${type}"`, 'subformat', vmdk(descriptor({ type: `createType="${type}"` }))],
    ),
    ['without a type', 'malformed', vmdk(descriptor({ type: '' }))],
    ['of two types', 'malformed', vmdk(descriptor({ rest: 'createType="monolithicFlat"' }))],
    ['with an extent that is a path', 'external-extent', vmdk(descriptor({ extent: 'RW 2048 SPARSE "/dev/sda"' }))],
    ['with an extent in a folder of Windows', 'external-extent', vmdk(descriptor({ extent: 'RW 2048 SPARSE "C:\\\\a"' }))],
    ['with a flat extent', 'external-extent', vmdk(descriptor({ extent: 'RW 2048 FLAT "passwd" 0' }))],
    [
      'with a flat extent, indented and in lower case',
      'external-extent',
      vmdk(descriptor({ extent: '  rw 2048 flat "passwd" 0' })),
    ],
    ['with two extents', 'external-extent', vmdk(descriptor({ rest: 'RDONLY 2048 SPARSE "other.vmdk"' }))],
    ['with no extent', 'external-extent', vmdk(descriptor({ extent: '' }))],
    ['with an extent without a name', 'external-extent', vmdk(descriptor({ extent: 'RW 2048 SPARSE' }))],
    ['over a parent', 'backing-file', vmdk(descriptor({ parent: 'parentCID=12345678' }))],
    ['with a hint at a parent', 'backing-file', vmdk(descriptor({ rest: 'parentFileNameHint="/etc/passwd"' }))],
    ['with a file of changes', 'external-extent', vmdk(descriptor({ rest: 'changeTrackPath="x-ctk.vmdk"' }))],
    ['without a descriptor', 'external-extent', vmdk('')],
    ['that says it has none', 'external-extent', vmdk(descriptor(), { 28: le64(0n), 36: le64(0n) })],
    ['with no capacity, so that its descriptor counts', 'external-extent', vmdk(descriptor(), { 12: le64(0n) })],
    ['with a descriptor outside of it', 'malformed', vmdk(descriptor(), { 28: le64(1n << 40n) })],
    ['with an endless descriptor', 'absurd-size', vmdk(descriptor(), { 36: le64(1n << 40n) })],
    ['of an endless disk', 'absurd-size', vmdk(descriptor(), { 12: le64(1n << 60n) })],
    ['of version 9', 'unsupported-version', vmdk(descriptor(), { 4: le32(9) })],
    ['without the footer it speaks of', 'malformed', vmdk(descriptor(), { 56: le64(2n ** 64n - 1n) })],
    ['of an ESX host', 'subformat', patch(Buffer.alloc(2048), { 0: 'COWD' })],
    ['that is cut within its header', 'malformed', vmdk().subarray(0, 100)],
    ['that is a descriptor', 'external-extent', Buffer.from(descriptor())],
    [
      'that is a descriptor without its first line',
      'external-extent',
      Buffer.from(`# x\r\n\n ${descriptor().split('\n').slice(1).join('\n')}`),
    ],
  ];
  it.each(refused)('is refused %s, also as raw: %s', async (_what, reason, bytes) => {
    expect(await reasonsOf(bytes)).toContain(reason);
  });

  it('passes with a footer that says the same, and is refused with one that says another', async () => {
    const streamed = vmdk(descriptor({ type: 'createType="streamOptimized"' }), { 56: le64(2n ** 64n - 1n) });
    const footer = patch(streamed.subarray(0, 512), { 56: le64(30n) });
    const withFooter = (parts: Patch): Buffer => Buffer.concat([streamed, patch(footer, parts), Buffer.alloc(512)]);
    expect(await reasonsOf(withFooter({}))).toEqual([]);
    expect(await reasonsOf(withFooter({ 28: le64(0n), 36: le64(0n) }))).toEqual([]);
    for (const parts of [{ 12: le64(4096n) }, { 28: le64(2n) }, { 56: le64(2n ** 64n - 1n) }] as const) {
      expect(await reasonsOf(withFooter(parts))).toEqual(['malformed']);
    }
  });

  it('is not seen in a script that sets a version', async () => {
    expect(await reasonsOf(Buffer.from('#!/bin/sh\nversion=1\necho $version\n'))).toEqual([]);
  });
});

describe('a hostile VHD, VHDX, VDI, ploop or LUKS', () => {
  const dynamic = vhdDynamic();
  const refused: readonly Case[] = [
    ['VHD over a parent', 'backing-file', vhdDynamic(4)],
    ['VHD of no known type', 'subformat', vhdDynamic(7)],
    ['VHD cut at its end', 'malformed', dynamic.subarray(0, dynamic.length - 1)],
    ['VHD whose footers differ', 'malformed', patch(dynamic, { [dynamic.length - 512]: vhdFooter(3, 1024n ** 3n) })],
    ['VHD whose footer in front is not summed', 'malformed', patch(dynamic, { 64: be32(0) })],
    ['VHD with a broken header', 'malformed', patch(dynamic, { 512: 'cxsparsX' })],
    ['VHD with a block table outside of it', 'malformed', vhdDynamic(3, { 16: be64(1n << 50n) })],
    ['VHD with too few blocks', 'malformed', vhdDynamic(3, { 28: be32(1) })],
    ['VHD with blocks of odd size', 'malformed', vhdDynamic(3, { 32: be32(3_000_000) })],
    [
      'VHD that is fixed, with a footer in front',
      'malformed',
      Buffer.concat([vhdFooter(2, 512n), Buffer.alloc(512), vhdFooter(2, 512n)]),
    ],
    ['VHD that is dynamic, without one', 'malformed', Buffer.concat([Buffer.alloc(512), vhdFooter(3, 512n)])],
    ['VHD with a larger disk than bytes', 'malformed', vhdFixed(Buffer.alloc(512), { 48: be64(4096n) })],
    ['VHD of an endless disk', 'absurd-size', vhdFixed(Buffer.alloc(512), { 48: be64(2n ** 63n) })],
    ['VHD of version 2', 'unsupported-version', vhdFixed(Buffer.alloc(512), { 12: be32(0x20000) })],
    ['VHDX over a parent', 'backing-file', vhdx({ 458756: le32(2) })],
    ['VHDX whose region tables differ', 'malformed', vhdx({ 262152: le32(1) })],
    ['VHDX without region tables', 'malformed', vhdx({ 196608: 'nope', 262144: 'nope' })],
    ['VHDX with endless regions', 'malformed', vhdx({ 196616: le32(0xffffffff), 262152: le32(0xffffffff) })],
    ['VHDX with a region outside of it', 'malformed', vhdx({ 196640: le64(1n << 62n), 262176: le64(1n << 62n) })],
    ['VHDX with an unknown region', 'unknown-features', vhdx({ 196624: 'x', 262160: 'x' })],
    ['VHDX with two sizes', 'malformed', vhdx({ 393248: vhdxIds.diskSize })],
    ['VHDX with an unknown item', 'unknown-features', vhdx({ 393248: 'x' })],
    ['VHDX without a size', 'malformed', vhdx({ 393226: le16(1) })],
    ['VHDX with blocks of no size', 'malformed', vhdx({ 458752: le32(0) })],
    ['VHDX of an endless disk', 'absurd-size', vhdx({ 458760: le64(2n ** 63n) })],
    ['VHDX that is cut', 'malformed', vhdx().subarray(0, 0x40000)],
    ['VDI over a parent', 'backing-file', vdi({ 440: 'parent' })],
    ['VDI that goes on from another', 'backing-file', vdi({ 424: 'link' })],
    ['VDI that is a difference', 'backing-file', vdi({ 76: le32(4) })],
    ['VDI of no known type', 'subformat', vdi({ 76: le32(9) })],
    ['VDI of version 2', 'unsupported-version', vdi({ 68: le32(0x20000) })],
    ['VDI with too few blocks', 'malformed', vdi({ 384: le32(1) })],
    ['VDI with a block map outside of it', 'malformed', vdi({ 340: le32(0xfffff000) })],
    ['VDI of an endless disk', 'absurd-size', vdi({ 368: le64(2n ** 63n) })],
    ['VDI that is cut', 'malformed', vdi().subarray(0, 200)],
    ['ploop of another version', 'unsupported-version', ploop({ 16: le32(1) })],
    ['ploop with blocks of no size', 'malformed', ploop({ 28: le32(0) })],
    ['ploop with endless blocks', 'malformed', ploop({ 32: le32(0xffffffff) })],
    ['ploop of an endless disk', 'absurd-size', ploop({ 36: le64(2n ** 63n) })],
    ['ploop that is cut', 'malformed', ploop().subarray(0, 40)],
    ['LUKS of version 3', 'unsupported-version', luks(3)],
    ['LUKS that is cut', 'malformed', luks(1).subarray(0, 4096)],
    ['QED', 'subformat', patch(Buffer.alloc(64), { 0: 'QED\0' })],
  ];
  it.each(refused)('is refused: %s, also as raw: %s', async (_what, reason, bytes) => {
    expect(await reasonsOf(bytes)).toContain(reason);
  });

  it('is not seen in a disk that ends with the word of a footer, not summed', async () => {
    const { findings } = await inspectImage(imageBlob(patch(Buffer.alloc(1024), { 512: 'conectix' })));
    expect(findings).toEqual([]);
  });
});
