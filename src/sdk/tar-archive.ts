/** A tar archive's headers (POSIX.1 ustar and pax, GNU long names), plain or inside a gzip: what unpacking it would make. */
import {
  type ArchiveLimits,
  archiveLimits,
  createMemberCheck,
  type MemberCheck,
  type MemberKind,
  shown,
} from './archive-members.ts';
import { createBlobReader } from './blob-reader.ts';
import { createGunzipReader } from './gunzip-reader.ts';
import type { BlobView } from './sdk.ts';

const blockBytes = 512;
/** Of a name or of pax records, which stand where a member's bytes do. */
const recordBytesMax = 64 * 1024;

/** What tar reads from; undefined where it ends, too early or not. */
interface TarSource {
  take(bytes: number): Promise<Buffer | undefined>;
  skip(bytes: number): void | Promise<void>;
  /** Why it ended before its end, where it is not the archive's fault to be told by tar. */
  problem?(): string | undefined;
  /** Nothing more is read, for a reason that is no fault. */
  isCut?(): boolean;
}

/** Names and sizes that a record before the header gives instead of it. */
interface Overrides {
  path?: string | undefined;
  linkPath?: string | undefined;
  sizeBytes?: number | undefined;
}

/** Thrown and caught here: the archive cannot be read on. */
class TarProblem extends Error {}

/**
 * What stands against the archive, in words that go on from its name. Jumps from header to header, however large
 * members are, as far as `limits.readBytes` reach: what lies behind is not looked at.
 */
export function inspectTar(blob: BlobView, limits: ArchiveLimits = archiveLimits): Promise<readonly string[]> {
  return inspect(createBlobReader(blob, 0, blob.sizeBytes, limits.readBytes), limits, blob.sizeBytes);
}

/**
 * The same of a tar inside a gzip, as far as `limits.readBytes` of the blob reach and `limits.ratio` lets them unpack: what lies
 * behind is not looked at.
 */
export async function inspectTarGzip(blob: BlobView, limits: ArchiveLimits = archiveLimits): Promise<readonly string[]> {
  await using source = createGunzipReader(blob, limits);
  return await inspect(source, limits, null);
}

async function inspect(source: TarSource, limits: ArchiveLimits, sizeBytes: number | null): Promise<readonly string[]> {
  const check = createMemberCheck();
  try {
    await walk(source, limits, check, sizeBytes);
    check.finish();
  } catch (error) {
    if (!(error instanceof TarProblem)) throw error;
    const problem = source.problem?.();
    if (problem !== undefined) check.refuse(problem);
    else if (source.isCut?.() !== true) check.refuse(error.message);
  }
  return check.problems;
}

async function walk(source: TarSource, limits: ArchiveLimits, check: MemberCheck, sizeBytes: number | null): Promise<void> {
  let overrides: Overrides = {};
  let unpackedBytes = 0;
  for (let members = 0; !check.isFull; ) {
    const header = await source.take(blockBytes);
    if (header === undefined) {
      if (members === 0 || source.problem?.() !== undefined) throw new TarProblem('is no tar archive');
      throw new TarProblem('is a tar archive without its end');
    }
    if (header.every((byte) => byte === 0)) return;
    if (!hasChecksum(header))
      throw new TarProblem(members === 0 ? 'is no tar archive' : `has a broken header behind ${members} members`);
    const type = String.fromCharCode(header.readUInt8(156) || 0x30);
    const bytes = overrides.sizeBytes ?? readNumber(header, 124, 12);
    if (sizeBytes !== null && bytes > sizeBytes) throw new TarProblem('has a member that is larger than itself');
    if ('gxLK'.includes(type)) {
      overrides = { ...overrides, ...(await readRecord(source, type, readNumber(header, 124, 12))) };
      continue;
    }
    members += 1;
    if (members > limits.members) throw new TarProblem(`has more than ${limits.members} members`);
    addMember(check, type, overrides.path ?? nameOf(header), overrides.linkPath ?? textOf(header, 157, 100));
    if (type === '1' && bytes > 0) throw new TarProblem(`has a hard link with bytes of its own, ${shown(nameOf(header))}`);
    // Only files have bytes behind their header, whatever the header says.
    const held = type === '0' || type === '7' ? bytes : 0;
    unpackedBytes += held;
    if (unpackedBytes > limits.unpackedBytes) throw new TarProblem(`would unpack to more than ${limits.unpackedBytes} bytes`);
    await source.skip(padded(held));
    overrides = {};
  }
}

function addMember(check: MemberCheck, type: string, name: string, target: string): void {
  const kind = kinds[type];
  if (kind === undefined) check.refuse(`its member ${shown(name)} is neither a file, a folder nor a link`);
  else if (kind !== 'link') check.add(name, name.endsWith('/') ? 'folder' : kind);
  // A hard link names a member from the archive's top.
  else check.add(name, kind, type === '1' ? `${'../'.repeat(depthOf(name))}${target}` : target);
}

const kinds: Readonly<Record<string, MemberKind>> = { '0': 'file', '7': 'file', '5': 'folder', '1': 'link', '2': 'link' };

function depthOf(name: string): number {
  return name.split('/').filter((segment) => segment !== '' && segment !== '.').length - 1;
}

async function readRecord(source: TarSource, type: string, bytes: number): Promise<Overrides> {
  if (bytes > recordBytesMax) throw new TarProblem(`has a record of more than ${recordBytesMax} bytes`);
  const record = await source.take(padded(bytes));
  if (record === undefined) throw new TarProblem('is a tar archive without its end');
  const text = record.subarray(0, bytes);
  if (type === 'L') return { path: untilZero(text) };
  if (type === 'K') return { linkPath: untilZero(text) };
  // Records for all members that follow name none of them.
  return type === 'x' ? readPax(text) : {};
}

/** Lines of `<length> <key>=<value>`; the length counts the line. */
function readPax(text: Buffer): Overrides {
  const found: Overrides = {};
  for (let at = 0; at < text.length; ) {
    const space = text.indexOf(0x20, at);
    const length = Number(text.subarray(at, space).toString('latin1'));
    if (space < 0 || !Number.isSafeInteger(length) || length < 5 || at + length > text.length)
      throw new TarProblem('has a broken pax record');
    const line = text.subarray(space + 1, at + length - 1).toString('utf8');
    const equals = line.indexOf('=');
    const [key, value] = [line.slice(0, equals), line.slice(equals + 1)];
    if (key === 'path') found.path = value;
    else if (key === 'linkpath') found.linkPath = value;
    else if (key === 'size') found.sizeBytes = toSize(Number(value));
    else if (key.startsWith('GNU.sparse.')) throw new TarProblem('has a sparse member, whose size and name nobody agrees on');
    at += length;
  }
  return found;
}

function nameOf(header: Buffer): string {
  const name = textOf(header, 0, 100);
  const prefix = header.subarray(257, 263).toString('latin1') === 'ustar\0' ? textOf(header, 345, 155) : '';
  return prefix === '' ? name : `${prefix}/${name}`;
}

function textOf(header: Buffer, offset: number, length: number): string {
  return untilZero(header.subarray(offset, offset + length));
}

function untilZero(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return (end < 0 ? bytes : bytes.subarray(0, end)).toString('utf8');
}

/** Octal digits, or base 256 where the first bit is set (GNU, for large files). */
function readNumber(header: Buffer, offset: number, length: number): number {
  const field = header.subarray(offset, offset + length);
  if (((field[0] ?? 0) & 0x80) !== 0) {
    if (field.subarray(1, length - 6).some((byte) => byte !== 0) || field[0] !== 0x80)
      throw new TarProblem('has a size beyond 2^48');
    return field.readUIntBE(length - 6, 6);
  }
  const digits = untilZero(field).trim();
  if (!/^[0-7]*$/.test(digits)) throw new TarProblem('has a header with a number that is none');
  return toSize(Number.parseInt(digits || '0', 8));
}

function toSize(size: number): number {
  if (!Number.isSafeInteger(size) || size < 0) throw new TarProblem('has a size that is none');
  return size;
}

/** The sum of the header's bytes, its own field taken as spaces. */
function hasChecksum(header: Buffer): boolean {
  const written = Number.parseInt(untilZero(header.subarray(148, 156)).trim(), 8);
  const sum = header.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 0x20 : byte), 0);
  return sum === written;
}

function padded(bytes: number): number {
  return Math.ceil(bytes / blockBytes) * blockBytes;
}
