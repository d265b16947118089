/**
 * A ZIP archive's central directory (APPNOTE 6.3, ZIP64 too), read by bounded ranges: what unpacking it would make, without
 * unpacking anything. The local headers are not read: whoever unpacks by them instead of by the directory is on their own.
 */
import { type ArchiveLimits, archiveLimits, createMemberCheck, type MemberCheck, shown } from './archive-members.ts';
import { createBlobReader } from './blob-reader.ts';
import type { BlobView } from './sdk.ts';

const endBytes = 22;
const commentBytesMax = 65_535;
const entryBytes = 46;
const signatures = { end: 0x06054b50, end64: 0x06064b50, locator64: 0x07064b50, entry: 0x02014b50 } as const;

interface Directory {
  readonly count: number;
  readonly offset: number;
  readonly sizeBytes: number;
}

interface Entry {
  readonly name: string;
  readonly mode: number;
  readonly packedBytes: number;
  readonly unpackedBytes: number;
  readonly localOffset: number;
}

/** Thrown and caught here: the archive cannot be read on. */
class ZipProblem extends Error {}

/** What stands against the archive, in words that go on from its name; empty where nothing does. */
export async function inspectZip(blob: BlobView, limits: ArchiveLimits = archiveLimits): Promise<readonly string[]> {
  const check = createMemberCheck();
  try {
    const directory = await findDirectory(blob);
    if (directory.count > limits.members) throw new ZipProblem(`has ${directory.count} members, more than ${limits.members}`);
    if (directory.sizeBytes > limits.readBytes) throw new ZipProblem(`has a directory of more than ${limits.readBytes} bytes`);
    await walk(blob, directory, limits, check);
    check.finish();
  } catch (error) {
    if (!(error instanceof ZipProblem)) throw error;
    check.refuse(error.message);
  }
  return check.problems;
}

async function walk(
  blob: BlobView,
  { count, offset, sizeBytes }: Directory,
  limits: ArchiveLimits,
  check: MemberCheck,
): Promise<void> {
  const reader = createBlobReader(blob, offset, offset + sizeBytes, limits.readBytes + 65_536);
  let packedBytes = 0;
  let unpackedBytes = 0;
  for (let index = 0; index < count && !check.isFull; index += 1) {
    const entry = await readEntry(reader.take);
    packedBytes += entry.packedBytes;
    unpackedBytes += entry.unpackedBytes;
    const kind = entry.mode & 0o170000;
    if (kind === 0o120000) check.refuse(`its member ${shown(entry.name)} is a symbolic link`);
    else if (kind !== 0 && kind !== 0o100000 && kind !== 0o040000) {
      check.refuse(`its member ${shown(entry.name)} is neither a file nor a folder`);
    }
    check.add(entry.name, entry.name.endsWith('/') ? 'folder' : 'file');
    if (entry.localOffset >= offset) throw new ZipProblem('names a member that lies outside of it');
  }
  if (check.isFull) return;
  if (reader.position() !== offset + sizeBytes) throw new ZipProblem('has a directory of another length than it says');
  // Members that share their bytes: how a small archive claims to hold more than deflate could ever pack.
  if (packedBytes > blob.sizeBytes) throw new ZipProblem('has members that lie over each other');
  if (unpackedBytes > limits.unpackedBytes) throw new ZipProblem(`would unpack to more than ${limits.unpackedBytes} bytes`);
  if (unpackedBytes > limits.ratioFromBytes && unpackedBytes > limits.ratio * blob.sizeBytes) {
    throw new ZipProblem(`would unpack to ${unpackedBytes} bytes, more than ${limits.ratio} times its size`);
  }
}

/** From the end backwards: the record whose comment ends where the archive does. */
async function findDirectory(blob: BlobView): Promise<Directory> {
  const tailBytes = Math.min(blob.sizeBytes, endBytes + commentBytesMax);
  const start = blob.sizeBytes - tailBytes;
  const tail = Buffer.from(await blob.read(start, tailBytes));
  for (let at = tail.length - endBytes; at >= 0; at -= 1) {
    if (tail.readUInt32LE(at) !== signatures.end || at + endBytes + tail.readUInt16LE(at + 20) !== tail.length) continue;
    const directory = await readEnd(blob, tail.subarray(at, at + endBytes), start + at);
    if (directory.sizeBytes < directory.count * entryBytes) throw new ZipProblem('counts more members than its directory holds');
    return directory;
  }
  throw new ZipProblem('is no whole ZIP archive: its end is missing, or something follows it');
}

async function readEnd(blob: BlobView, end: Buffer, endsAt: number): Promise<Directory> {
  const fields = {
    disks: end.readUInt16LE(4) | end.readUInt16LE(6),
    countHere: end.readUInt16LE(8),
    count: end.readUInt16LE(10),
    sizeBytes: end.readUInt32LE(12),
    offset: end.readUInt32LE(16),
  };
  const locator = endsAt >= 20 ? Buffer.from(await blob.read(endsAt - 20, 20)) : Buffer.alloc(0);
  const is64 = locator.length === 20 && locator.readUInt32LE(0) === signatures.locator64;
  if (is64) return readEnd64(blob, locator, endsAt - 20);
  if (fields.disks !== 0 || fields.countHere !== fields.count) throw new ZipProblem('is one part of several');
  if (fields.offset + fields.sizeBytes !== endsAt) throw new ZipProblem('has its directory elsewhere than it says');
  return fields;
}

async function readEnd64(blob: BlobView, locator: Buffer, locatorAt: number): Promise<Directory> {
  const at = toNumber(locator.readBigUInt64LE(8));
  if (at + 56 > locatorAt) throw new ZipProblem('has its ZIP64 end elsewhere than it says');
  const end = Buffer.from(await blob.read(at, 56));
  if (end.length < 56 || end.readUInt32LE(0) !== signatures.end64)
    throw new ZipProblem('has its ZIP64 end elsewhere than it says');
  if (locator.readUInt32LE(4) !== 0 || end.readUInt32LE(16) !== 0 || end.readUInt32LE(20) !== 0)
    throw new ZipProblem('is one part of several');
  const count = toNumber(end.readBigUInt64LE(32));
  const sizeBytes = toNumber(end.readBigUInt64LE(40));
  const offset = toNumber(end.readBigUInt64LE(48));
  if (offset + sizeBytes !== at) throw new ZipProblem('has its directory elsewhere than it says');
  return { count, sizeBytes, offset };
}

async function readEntry(take: (bytes: number) => Promise<Buffer | undefined>): Promise<Entry> {
  const head = await take(entryBytes);
  if (head === undefined || head.readUInt32LE(0) !== signatures.entry) throw new ZipProblem('has a broken directory');
  const nameBytes = await take(head.readUInt16LE(28));
  const extra = await take(head.readUInt16LE(30));
  const comment = await take(head.readUInt16LE(32));
  if (nameBytes === undefined || extra === undefined || comment === undefined) throw new ZipProblem('has a broken directory');
  const flags = head.readUInt16LE(8);
  // Made on Unix or a Mac, whose modes stand in the upper half.
  const isUnix = [3, 19].includes(head.readUInt8(5));
  const sizes = readSizes64(extra, [head.readUInt32LE(24), head.readUInt32LE(20), head.readUInt32LE(42)]);
  const [unpackedBytes = 0, packedBytes = 0, localOffset = 0] = sizes;
  const name = unicodeName(extra) ?? decodeName(nameBytes, flags);
  return { name, mode: isUnix ? head.readUInt16LE(40) : 0, unpackedBytes, packedBytes, localOffset };
}

/** Those that do not fit 32 bits stand in the extra field 1, in this order. */
function readSizes64(extra: Buffer, sizes: readonly number[]): readonly number[] {
  const field = findExtra(extra, 1);
  let at = 0;
  return sizes.map((size) => {
    if (size !== 0xffffffff) return size;
    if (field === undefined || at + 8 > field.length) throw new ZipProblem('has a member without its ZIP64 sizes');
    at += 8;
    return toNumber(field.readBigUInt64LE(at - 8));
  });
}

/** Info-ZIP's field 0x7075: the name that unpackers then use. */
function unicodeName(extra: Buffer): string | undefined {
  const field = findExtra(extra, 0x7075);
  return field === undefined || field.length < 6 ? undefined : field.subarray(5).toString('utf8');
}

function findExtra(extra: Buffer, wanted: number): Buffer | undefined {
  for (let at = 0; at + 4 <= extra.length; ) {
    const size = extra.readUInt16LE(at + 2);
    if (extra.readUInt16LE(at) === wanted) return extra.subarray(at + 4, at + 4 + size);
    at += 4 + size;
  }
  return undefined;
}

/** UTF-8 where it says so or reads so; else byte by byte, by signs without a case, which tells names apart as well as any code page. */
function decodeName(bytes: Buffer, flags: number): string {
  if ((flags & 0x800) !== 0) return bytes.toString('utf8');
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return bytes.toString('latin1').replace(/[\u0080-\u00ff]/g, (unit) => String.fromCharCode(0x2500 + unit.charCodeAt(0)));
  }
}

function toNumber(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new ZipProblem('has a size beyond 2^53');
  return Number(value);
}
