import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inspectImage, judgeImage } from '#sdk/sdk.ts';
import { findExecutable, mustSkip } from '#test/support/suites.ts';
import { imageBlob, luks } from './images.ts';

const executable = findExecutable('qemu-img') ?? '';
const isSkipped = mustSkip('boot', executable === '' ? ['qemu-img'] : []);

const mib = 1024 ** 2;

describe.skipIf(isSkipped)('an image made by qemu-img', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'vitrine-image-'));
    // A disk with bytes of all kinds, so that an image of it has tables and data.
    const bytes = Buffer.alloc(3 * mib);
    for (let at = 0; at < mib; at += 1) bytes[at + 4096] = (at * 31) & 0xff;
    writeFileSync(join(folder, 'source'), bytes);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const qemuImg = (...args: readonly string[]): string =>
    execFileSync(executable, args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' });
  const info = (file: string, ...driver: readonly string[]): { format: string; 'virtual-size': number } =>
    JSON.parse(qemuImg('info', '--output=json', ...driver, file));

  it.each([
    ['qcow2', 'qcow2', []],
    ['qcow2', 'qcow2', ['-o', 'compat=0.10']],
    ['qcow2', 'qcow2', ['-o', 'cluster_size=512']],
    ['qcow2', 'qcow2', ['-o', 'cluster_size=2M']],
    ['qcow2', 'qcow2', ['-o', 'lazy_refcounts=on,refcount_bits=1']],
    ['qcow2', 'qcow2', ['-o', 'extended_l2=on']],
    ['qcow2', 'qcow2', ['-o', 'preallocation=metadata']],
    ['qcow2', 'qcow2', ['-c']],
    ['qcow2', 'qcow2', ['-c', '-o', 'compression_type=zstd']],
    ['vmdk', 'vmdk', ['-o', 'subformat=monolithicSparse']],
    ['vmdk', 'vmdk', ['-o', 'subformat=monolithicSparse,compat6']],
    ['vmdk', 'vmdk', ['-o', 'subformat=streamOptimized']],
    ['vhd', 'vpc', ['-o', 'subformat=dynamic']],
    ['vhd', 'vpc', ['-o', 'subformat=dynamic,force_size']],
    ['vhd', 'vpc', ['-o', 'subformat=fixed,force_size']],
    ['vhdx', 'vhdx', ['-o', 'subformat=dynamic']],
    ['vhdx', 'vhdx', ['-o', 'subformat=fixed']],
    ['vhdx', 'vhdx', ['-o', 'block_size=16M']],
    ['vdi', 'vdi', []],
    ['vdi', 'vdi', ['-o', 'static=on']],
    ['ploop', 'parallels', []],
  ] as const)('of format %s (%s %j) passes as that, with the size that qemu-img sees', async (format, driver, options) => {
    qemuImg('convert', '-f', 'raw', '-O', driver, ...options, 'source', 'made');
    const blob = imageBlob(readFileSync(join(folder, 'made')));
    const inspection = await inspectImage(blob);
    const verdict = judgeImage(inspection, { diskFormat: format, containerFormat: 'bare' });
    expect({ verdict, formats: inspection.findings.map((finding) => finding.format) }).toEqual({
      // Told the driver: qemu-img does not look for the footer that alone makes a fixed VHD one.
      verdict: { refusals: [], virtualBytes: info('made', '-f', driver)['virtual-size'] },
      formats: [format],
    });
    expect(blob.reads()).toBeLessThan(12);
    expect(blob.readBytes()).toBeLessThan(mib);
  });

  it.each([
    ['qcow2', 'qcow2', []],
    ['qcow2', 'qcow2', ['-o', 'compat=0.10']],
    ['vmdk', 'vmdk', []],
    ['vhd', 'vpc', []],
    ['vhdx', 'vhdx', []],
    ['vdi', 'vdi', []],
    ['ploop', 'parallels', []],
  ] as const)(
    'of format %s (%s %j) that is empty passes, small or large',
    { timeout: 120_000 },
    async (format, driver, options) => {
      for (const size of ['1M', '37M', '200G']) {
        qemuImg('create', '-q', '-f', driver, ...options, 'empty', size);
        const inspection = await inspectImage(imageBlob(readFileSync(join(folder, 'empty'))));
        const verdict = judgeImage(inspection, { diskFormat: format, containerFormat: null });
        expect(verdict).toEqual({ refusals: [], virtualBytes: info('empty')['virtual-size'] });
        expect(info('empty').format).toBe(driver);
      }
    },
  );

  // By hand, for qemu-img makes one only after measuring the machine, which fails on a busy one.
  it('that is LUKS is of the size that qemu-img sees, and passes as raw', async () => {
    writeFileSync(join(folder, 'luks'), luks(1));
    const inspection = await inspectImage(imageBlob(readFileSync(join(folder, 'luks'))));
    expect(info('luks').format).toBe('luks');
    expect(inspection.findings).toMatchObject([{ format: 'luks', virtualBytes: info('luks')['virtual-size'], refusals: [] }]);
    expect(judgeImage(inspection, { diskFormat: 'raw', containerFormat: 'bare' }).refusals).toEqual([]);
  });

  it('that has snapshots, or has been written and resized, still passes', async () => {
    qemuImg('convert', '-f', 'raw', '-O', 'qcow2', 'source', 'lived');
    qemuImg('snapshot', '-c', 'one', 'lived');
    qemuImg('resize', '-q', 'lived', '9G');
    const { findings } = await inspectImage(imageBlob(readFileSync(join(folder, 'lived'))));
    expect(findings).toMatchObject([{ format: 'qcow2', virtualBytes: 9 * 1024 ** 3, refusals: [], facts: { snapshots: 1 } }]);
  });

  it.each([
    ['a qcow2 over a backing file', 'backing-file', 'qcow2', ['-f', 'qcow2', '-b', 'source', '-F', 'raw', 'bad']],
    [
      'a qcow2 of version 2 over one',
      'backing-file',
      'qcow2',
      ['-f', 'qcow2', '-o', 'compat=0.10', '-b', 'source', '-F', 'raw', 'bad'],
    ],
    [
      'a qcow2 with its data elsewhere',
      'external-data-file',
      'qcow2',
      ['-f', 'qcow2', '-o', 'data_file=data,data_file_raw=on', 'bad', '1M'],
    ],
    ['a qcow of version 1', 'unsupported-version', 'qcow2', ['-f', 'qcow', 'bad', '1M']],
    ['a QED', 'subformat', 'qed', ['-f', 'qed', 'bad', '1M']],
    [
      'a VMDK that is a descriptor of a flat file',
      'external-extent',
      'vmdk',
      ['-f', 'vmdk', '-o', 'subformat=monolithicFlat', 'bad', '1M'],
    ],
    ['a VMDK in two files', 'external-extent', 'vmdk', ['-f', 'vmdk', '-o', 'subformat=twoGbMaxExtentSparse', 'bad', '1M']],
  ] as const)('is refused: %s', async (_what, reason, format, args) => {
    qemuImg('create', '-q', ...args);
    const inspection = await inspectImage(imageBlob(readFileSync(join(folder, 'bad'))));
    expect(inspection.findings.map((finding) => finding.format)).toEqual([format]);
    for (const diskFormat of ['raw', format]) {
      const { refusals } = judgeImage(inspection, { diskFormat, containerFormat: 'bare' });
      expect(refusals.map((refusal) => refusal.reason)).toContain(reason);
    }
  });

  it('is refused over a parent that is a VMDK, and as an extent of one', async () => {
    qemuImg('create', '-q', '-f', 'vmdk', 'parent.vmdk', '1M');
    qemuImg('create', '-q', '-f', 'vmdk', '-b', 'parent.vmdk', '-F', 'vmdk', 'child.vmdk');
    const child = await inspectImage(imageBlob(readFileSync(join(folder, 'child.vmdk'))));
    expect(child.findings).toMatchObject([{ refusals: [{ reason: 'backing-file' }] }]);
    qemuImg('create', '-q', '-f', 'vmdk', '-o', 'subformat=twoGbMaxExtentSparse', 'split.vmdk', '1M');
    const extent = await inspectImage(imageBlob(readFileSync(join(folder, 'split-s001.vmdk'))));
    expect(extent.findings).toMatchObject([{ refusals: [{ reason: 'external-extent' }] }]);
  });
});
