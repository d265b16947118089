import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { archiveLimits, inspectZip } from '#sdk/sdk.ts';
import { archiveBlob, type ZipEnd, type ZipMember, zip } from './archives.ts';

const inspect = (bytes: Uint8Array, limits = archiveLimits) => inspectZip(archiveBlob('a.zip', bytes), limits);
const text = Buffer.from('text');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'vitrine-zip-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What Python's own writer makes of `code`, which has `z`, an open ZipFile. */
function python(code: string): Buffer {
  const file = join(folder, 'python.zip');
  const script = `import zipfile, sys\nwith zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED) as z:\n ${code}`;
  execFileSync('python3', ['-W', 'ignore', '-c', script, file]);
  return readFileSync(file);
}

describe('a ZIP archive of the tools people use', () => {
  it.each([
    ['files and folders', "z.writestr('a/b.txt', 'text'); z.writestr('a/', ''); z.writestr('ä.txt', 'x' * 1000)"],
    ['nothing', 'pass'],
    ['a comment', "z.writestr('a', 'b'); z.comment = b'PK\\x05\\x06 in a comment'"],
    ['many members', "[z.writestr(f'd/{n}', 'x') for n in range(3000)]"],
    ['a ZIP64 member', "z.open('big', 'w', force_zip64=True).close()"],
  ])('passes with %s, made by Python', async (_what, code) => {
    expect(await inspect(python(code))).toEqual([]);
  });

  it('is read by its directory alone, however large it is', async () => {
    const large = zip([{ name: 'large', bytes: Buffer.alloc(20 * 1024 * 1024) }]);
    const blob = archiveBlob('a.zip', large);
    expect(await inspectZip(blob)).toEqual([]);
    expect(blob.readBytes()).toBeLessThan(200_000);
  });

  it('passes as ZIP64, and with members named in other encodings', async () => {
    expect(await inspect(zip([{ name: 'a', bytes: text }], { isZip64: true }))).toEqual([]);
    expect(await inspect(zip([{ name: Buffer.from([0x81, 0x82]) }, { name: Buffer.from([0x81, 0x83]) }]))).toEqual([]);
  });

  it('is refused with the symbolic link that zip keeps', async () => {
    mkdirSync(join(folder, 'tree'));
    writeFileSync(join(folder, 'tree/file'), 'x');
    symlinkSync('/etc/passwd', join(folder, 'tree/link'));
    const script = `import zipfile, os, sys
with zipfile.ZipFile(sys.argv[1], 'w') as z:
  z.write(os.path.join(sys.argv[2], 'file'), 'file')
  info = zipfile.ZipInfo('link'); info.create_system = 3; info.external_attr = 0xA1ED0000
  z.writestr(info, os.readlink(os.path.join(sys.argv[2], 'link')))`;
    execFileSync('python3', ['-c', script, join(folder, 'link.zip'), join(folder, 'tree')]);
    expect(await inspect(readFileSync(join(folder, 'link.zip')))).toEqual(['its member "link" is a symbolic link']);
  });
});

describe('a hostile ZIP archive', () => {
  it.each<[string, readonly ZipMember[], ZipEnd, string]>([
    ['that leads out', [{ name: '../../etc/passwd' }], {}, 'leads out of its folder'],
    ['that leads out on the way', [{ name: 'a/../../b' }], {}, 'leads out of its folder'],
    ['with an absolute name', [{ name: '/etc/passwd' }], {}, 'is absolute'],
    ['with a drive', [{ name: 'C:/x' }], {}, 'drive letter'],
    ['with a backslash', [{ name: 'a\\..\\b' }], {}, 'backslash'],
    ['with a name that hides', [{ name: 'a\u0000.txt' }], {}, 'control character'],
    ['without a name', [{ name: '' }], {}, 'has no name'],
    ['with one name twice', [{ name: 'a' }, { name: 'a' }], {}, 'stands there twice'],
    ['with one name twice, differently', [{ name: 'a/b' }, { name: './a//b' }], {}, 'stands there twice'],
    ['with names that differ in case', [{ name: 'Read' }, { name: 'rEAD' }], {}, 'where case does not count'],
    ['with names that differ in case beyond ASCII', [{ name: 'STRASSE' }, { name: 'straße' }], {}, 'where case does not count'],
    ['with names that differ in normalisation', [{ name: 'é' }, { name: 'e\u0301' }], {}, 'where case does not count'],
    ['with a file below a file', [{ name: 'a' }, { name: 'a/b' }], {}, 'lies below "a", which is a file'],
    ['with a link', [{ name: 'l', mode: 0o120777 }], {}, 'is a symbolic link'],
    ['with a device', [{ name: 'd', mode: 0o020666 }], {}, 'neither a file nor a folder'],
    ['that is a bomb', [{ name: 'a', bytes: text, unpackedBytes: 2 ** 31 }], {}, 'more than 200 times'],
    [
      'that claims a universe',
      [{ name: 'a', unpackedBytes: 0xffffffff, extra: zip64([2n ** 50n]) }],
      {},
      'would unpack to more than',
    ],
    ['of a size beyond reason', [{ name: 'a', unpackedBytes: 0xffffffff, extra: zip64([2n ** 60n]) }], {}, 'beyond 2^53'],
    ['whose sizes are missing', [{ name: 'a', unpackedBytes: 0xffffffff }], {}, 'without its ZIP64 sizes'],
    [
      'whose members overlap',
      [
        { name: 'a', packedBytes: 3000 },
        { name: 'b', packedBytes: 3000 },
      ],
      {},
      'lie over each other',
    ],
    ['whose member is outside', [{ name: 'a', localOffset: 5000 }], {}, 'outside of it'],
    ['that counts too much', [{ name: 'a' }], { count: 2 }, 'counts more members'],
    ['that counts too little', [{ name: 'a' }, { name: 'b' }], { count: 1 }, 'another length than it says'],
    ['whose directory is elsewhere', [{ name: 'a' }], { offset: 1 }, 'elsewhere than it says'],
    ['of several disks', [{ name: 'a' }], { disk: 3 }, 'one part of several'],
    ['with another name for who reads on', [{ name: 'a', extra: unicodePath('../b') }], {}, 'leads out of its folder'],
  ])('%s is refused', async (_what, members, end, problem) => {
    expect((await inspect(zip(members, end))).join('\n')).toContain(problem);
  });

  it('is refused for bytes before and behind it, and when it is cut', async () => {
    const whole = zip([{ name: 'a', bytes: text }]);
    for (const bytes of [Buffer.concat([whole, text]), whole.subarray(0, -1), whole.subarray(10), Buffer.alloc(0), text]) {
      expect((await inspect(bytes)).length).toBe(1);
    }
    expect((await inspect(Buffer.concat([text, whole])))[0]).toContain('elsewhere');
  });

  it('is refused for its many members before they are read, and told of few', async () => {
    const members = Array.from({ length: 50 }, (_, index) => ({ name: `../${index}` }));
    expect(await inspect(zip(members), { ...archiveLimits, members: 49 })).toEqual(['has 50 members, more than 49']);
    expect((await inspect(zip(members), { ...archiveLimits, readBytes: 1000 }))[0]).toContain('directory of more than 1000');
    expect((await inspect(zip(members))).length).toBe(10);
  });

  it('only ever ends with words, whatever its bytes are', async () => {
    const whole = zip(
      [
        { name: 'a/b', bytes: text },
        { name: 'c', extra: zip64([1n, 2n]) },
      ],
      { isZip64: true, comment: 'end' },
    );
    const changes = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(changes, fc.nat(20), async (edits, cut) => {
        const bytes = Buffer.from(whole);
        for (const [at, byte] of edits) bytes[at] = byte;
        const problems = await inspect(bytes.subarray(0, bytes.length - cut));
        expect(problems.every((problem) => problem.length > 0 && problem.length < 600)).toBe(true);
      }),
      { numRuns: 2000 },
    );
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        expect((await inspect(bytes)).length).toBe(1);
      }),
    );
  });
});

function zip64(sizes: readonly bigint[]): Buffer {
  const field = Buffer.alloc(4 + 8 * sizes.length);
  field.writeUInt16LE(1, 0);
  field.writeUInt16LE(8 * sizes.length, 2);
  for (const [index, size] of sizes.entries()) field.writeBigUInt64LE(size, 4 + 8 * index);
  return field;
}

function unicodePath(name: string): Buffer {
  const bytes = Buffer.from(name);
  const field = Buffer.alloc(9);
  field.writeUInt16LE(0x7075, 0);
  field.writeUInt16LE(5 + bytes.length, 2);
  field.writeUInt8(1, 4);
  return Buffer.concat([field, bytes]);
}
