import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { archiveLimits, inspectTar, inspectTarGzip } from '#sdk/sdk.ts';
import { archiveBlob, type TarMember, tar } from './archives.ts';

const plain = (bytes: Uint8Array, limits = archiveLimits) => inspectTar(archiveBlob('a.tar', bytes), limits);
const packed = (bytes: Uint8Array, limits = archiveLimits) => inspectTarGzip(archiveBlob('a.tgz', bytes), limits);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'vitrine-tar-'));
  const tree = join(folder, 'tree');
  mkdirSync(join(tree, 'deep', 'd'.repeat(90), 'e'.repeat(90)), { recursive: true });
  writeFileSync(join(tree, 'deep', 'd'.repeat(90), 'e'.repeat(90), 'ä'), 'text');
  writeFileSync(join(tree, 'file'), 'x'.repeat(5000));
  symlinkSync('../file', join(tree, 'deep/link'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a tar archive of the tools people use', () => {
  it.each([['gnu'], ['pax'], ['oldgnu']])('passes in the format %s, plain and in a gzip', async (format) => {
    const file = join(folder, 'a.tar');
    execFileSync('tar', [`--format=${format}`, '-cf', file, '-C', join(folder, 'tree'), '.']);
    const bytes = readFileSync(file);
    expect(await plain(bytes)).toEqual([]);
    expect(await packed(gzipSync(bytes))).toEqual([]);
  });

  it('is read by its headers alone, however large its members are', async () => {
    const members = [1, 2, 3].map((index) => ({ name: `m${index}`, bytes: Buffer.alloc(10 * 1024 * 1024) }));
    const blob = archiveBlob('a.tar', tar(members));
    expect(await inspectTar(blob)).toEqual([]);
    expect(blob.readBytes()).toBeLessThan(200_000);
  });
});

describe('a tar archive of very many members', () => {
  it('is looked at as far as a hook may read, and no further', async () => {
    const many = tar(Array.from({ length: 600 }, (_, index) => ({ name: `m${index}`, bytes: Buffer.alloc(600) })));
    const blob = archiveBlob('a.tar', Buffer.concat([many.subarray(0, -1024), tar([{ name: '../x' }])]));
    expect(await inspectTar(blob, { ...archiveLimits, readBytes: 300_000 })).toEqual([]);
    expect(blob.readBytes()).toBeLessThanOrEqual(300_000);
    expect((await inspectTar(blob)).length).toBe(1);
  });
});

describe('a hostile tar archive', () => {
  it.each<[string, readonly TarMember[], string]>([
    ['that leads out', [{ name: '../x' }], 'leads out of its folder'],
    ['with an absolute name', [{ name: '/x' }], 'is absolute'],
    ['with an absolute link', [{ name: 'l', type: '2', target: '/etc/passwd' }], 'link to an absolute path'],
    ['with a link that leads out', [{ name: 'a/l', type: '2', target: '../../x' }], 'link that leads out'],
    ['with a link that turns', [{ name: 'l', type: '2', target: 'a/../..' }], 'down and up again'],
    ['with a hard link that leads out', [{ name: 'a/l', type: '1', target: '../x' }], 'link that leads out'],
    ['with a hard link of its own', [{ name: 'l', type: '1', target: 'a', bytes: Buffer.from('x') }], 'bytes of its own'],
    ['with a file behind a link', [{ name: 'l', type: '2', target: 'd' }, { name: 'l/x' }], 'lies below "l", which is a link'],
    ['with a device', [{ name: 'd', type: '3' }], 'neither a file, a folder nor a link'],
    ['with a sparse member', [{ name: 's', type: 'S' }], 'neither a file, a folder nor a link'],
    ['with one name twice', [{ name: 'a' }, { name: './a' }], 'stands there twice'],
    ['with names that differ in case', [{ name: 'a' }, { name: 'A' }], 'where case does not count'],
    ['with a long name that leads out', [{ name: 'L', type: 'L', bytes: Buffer.from('../x\0') }, { name: 'ok' }], 'leads out'],
    [
      'with a pax name that leads out',
      [{ name: 'x', type: 'x', bytes: Buffer.from('13 path=../x\n') }, { name: 'ok' }],
      'leads out',
    ],
    [
      'with a broken pax record',
      [{ name: 'x', type: 'x', bytes: Buffer.from('99 path=x\n') }, { name: 'ok' }],
      'broken pax record',
    ],
    ['with an endless record', [{ name: 'x', type: 'x', bytes: Buffer.alloc(70_000) }], 'record of more than'],
  ])('%s is refused, plain and in a gzip', async (_what, members, problem) => {
    expect((await plain(tar(members))).join('\n')).toContain(problem);
    expect((await packed(gzipSync(tar(members)))).join('\n')).toContain(problem);
  });

  it('is refused when it is cut, longer than itself, or no tar', async () => {
    expect(await plain(tar([{ name: 'a' }], { isOpen: true }))).toEqual(['is a tar archive without its end']);
    expect(await plain(tar([{ name: 'a', sizeBytes: 10_000 }]))).toEqual(['has a member that is larger than itself']);
    for (const bytes of [Buffer.alloc(0), Buffer.from('text'), randomBytes(2000)])
      expect(await plain(bytes)).toEqual(['is no tar archive']);
    expect((await packed(Buffer.from('text')))[0]).toContain('is no whole gzip');
    expect((await packed(gzipSync(tar([{ name: 'a', bytes: randomBytes(3000) }])).subarray(0, -500)))[0]).toContain(
      'is no whole gzip',
    );
    expect(await packed(gzipSync(Buffer.from('text')))).toEqual(['is no tar archive']);
  });

  it('is refused for too many members and for what it would unpack to', async () => {
    const members = Array.from({ length: 20 }, (_, index) => ({ name: `${index}`, bytes: Buffer.alloc(600) }));
    expect(await plain(tar(members), { ...archiveLimits, members: 19 })).toEqual(['has more than 19 members']);
    expect(await plain(tar(members), { ...archiveLimits, unpackedBytes: 5000 })).toEqual([
      'would unpack to more than 5000 bytes',
    ]);
  });

  it('is refused as a bomb before it is unpacked', async () => {
    const bomb = gzipSync(
      Buffer.concat([tar([{ name: 'a', sizeBytes: 2 ** 33 - 1 }], { isOpen: true }), Buffer.alloc(64 * 1024 * 1024)]),
    );
    expect(bomb.length).toBeLessThan(100_000);
    expect(await packed(bomb)).toEqual(['unpacks to more than 200 times its size']);
  });

  it('is looked at as far as its limits reach: what lies behind is left alone', async () => {
    const bytes = gzipSync(tar([{ name: 'a', bytes: randomBytes(300_000) }, { name: '../b' }]));
    expect(await packed(bytes, { ...archiveLimits, readBytes: 100_000 })).toEqual([]);
    expect(await packed(bytes, { ...archiveLimits, inflateBytes: 100_000 })).toEqual([]);
    expect((await packed(bytes)).length).toBe(1);
  });

  it('lets a store that fails be that', async () => {
    const blob = archiveBlob('a.tgz', gzipSync(tar([{ name: 'a' }])));
    const broken = { ...blob, read: () => Promise.reject(new Error('the store is away')) };
    await expect(inspectTarGzip(broken)).rejects.toThrow('the store is away');
  });

  it('only ever ends with words, whatever its bytes are', async () => {
    const whole = tar([
      { name: 'x', type: 'x', bytes: Buffer.from('13 path=a/bc\n') },
      { name: 'a', bytes: Buffer.from('text') },
      { name: 'l', type: '2', target: 'a' },
      { name: 'long', type: 'L', bytes: Buffer.from('long\0') },
      { name: 'b' },
    ]);
    const gzip = gzipSync(whole);
    const changes = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(changes, fc.nat(600), async (edits, cut) => {
        for (const [source, inspect] of [
          [whole, plain],
          [gzip, packed],
        ] as const) {
          const bytes = Buffer.from(source);
          for (const [at, byte] of edits) bytes[at % bytes.length] = byte;
          const problems = await inspect(bytes.subarray(0, Math.max(0, bytes.length - cut)));
          expect(problems.every((problem) => problem.length > 0 && problem.length < 600)).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});
