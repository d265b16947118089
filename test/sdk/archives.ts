/** Archives made by hand, byte for byte, so that they can be as wrong as nobody's tool makes them. */
import { crc32 } from 'node:zlib';
import type { BlobView } from '#sdk/sdk.ts';

export interface ZipMember {
  readonly name: string | Uint8Array;
  readonly bytes?: Uint8Array;
  /** Of Unix. */
  readonly mode?: number;
  readonly extra?: Uint8Array;
  readonly unpackedBytes?: number;
  readonly packedBytes?: number;
  readonly localOffset?: number;
}

export interface ZipEnd {
  readonly count?: number;
  readonly offset?: number;
  readonly sizeBytes?: number;
  readonly comment?: string;
  readonly disk?: number;
  readonly isZip64?: boolean;
}

/** Stored, not deflated. */
export function zip(members: readonly ZipMember[], end: ZipEnd = {}): Buffer {
  const locals: Buffer[] = [];
  const entries: Buffer[] = [];
  let at = 0;
  for (const member of members) {
    const name = Buffer.from(member.name as string);
    const bytes = Buffer.from(member.bytes ?? []);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt32LE(crc32(bytes), 14);
    local.writeUInt32LE(bytes.length, 18);
    local.writeUInt32LE(bytes.length, 22);
    local.writeUInt16LE(name.length, 26);
    const extra = Buffer.from(member.extra ?? []);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt8(3, 5);
    entry.writeUInt32LE(crc32(bytes), 16);
    entry.writeUInt32LE(member.packedBytes ?? bytes.length, 20);
    entry.writeUInt32LE(member.unpackedBytes ?? bytes.length, 24);
    entry.writeUInt16LE(name.length, 28);
    entry.writeUInt16LE(extra.length, 30);
    entry.writeUInt16LE(member.mode ?? 0o100644, 40);
    entry.writeUInt32LE(member.localOffset ?? at, 42);
    locals.push(local, name, bytes);
    entries.push(entry, name, extra);
    at += local.length + name.length + bytes.length;
  }
  const directory = Buffer.concat(entries);
  const count = end.count ?? members.length;
  const tail: Buffer[] = [];
  if (end.isZip64 === true) {
    const end64 = Buffer.alloc(56);
    end64.writeUInt32LE(0x06064b50, 0);
    end64.writeBigUInt64LE(44n, 4);
    end64.writeBigUInt64LE(BigInt(count), 24);
    end64.writeBigUInt64LE(BigInt(count), 32);
    end64.writeBigUInt64LE(BigInt(directory.length), 40);
    end64.writeBigUInt64LE(BigInt(at), 48);
    const locator = Buffer.alloc(20);
    locator.writeUInt32LE(0x07064b50, 0);
    locator.writeBigUInt64LE(BigInt(at + directory.length), 8);
    locator.writeUInt32LE(1, 16);
    tail.push(end64, locator);
  }
  const record = Buffer.alloc(22);
  const comment = Buffer.from(end.comment ?? '');
  record.writeUInt32LE(0x06054b50, 0);
  record.writeUInt16LE(end.disk ?? 0, 4);
  record.writeUInt16LE(end.isZip64 === true ? 0xffff : count & 0xffff, 8);
  record.writeUInt16LE(end.isZip64 === true ? 0xffff : count & 0xffff, 10);
  record.writeUInt32LE(end.isZip64 === true ? 0xffffffff : (end.sizeBytes ?? directory.length), 12);
  record.writeUInt32LE(end.isZip64 === true ? 0xffffffff : (end.offset ?? at), 16);
  record.writeUInt16LE(comment.length, 20);
  return Buffer.concat([...locals, directory, ...tail, record, comment]);
}

export interface TarMember {
  readonly name: string;
  readonly type?: string;
  readonly target?: string;
  readonly bytes?: Uint8Array;
  readonly sizeBytes?: number;
}

export function tar(members: readonly TarMember[], options: { readonly isOpen?: boolean } = {}): Buffer {
  const blocks: Buffer[] = [];
  for (const member of members) {
    const bytes = Buffer.from(member.bytes ?? []);
    const header = Buffer.alloc(512);
    header.write(member.name, 0, 100, 'utf8');
    header.write('0000644\0', 100);
    header.write(`${(member.sizeBytes ?? bytes.length).toString(8).padStart(11, '0')}\0`, 124);
    header.write(member.type ?? '0', 156);
    header.write(member.target ?? '', 157, 100, 'utf8');
    header.write('ustar\x0000', 257, 'latin1');
    header.fill(0x20, 148, 156);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    blocks.push(header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512));
  }
  return Buffer.concat([...blocks, ...(options.isOpen === true ? [] : [Buffer.alloc(1024)])]);
}

export interface CountedBlob extends BlobView {
  readonly readCount: () => number;
  readonly readBytes: () => number;
}

/** Holds its reader to what a hook may read. */
export function archiveBlob(path: string, bytes: Uint8Array, mediaType = 'application/octet-stream'): CountedBlob {
  let count = 0;
  let total = 0;
  return {
    ...{ slot: 'files', path, mediaType, sizeBytes: bytes.length, sha256: '0'.repeat(64) },
    readCount: () => count,
    readBytes: () => total,
    async read(offset, length) {
      if (!Number.isSafeInteger(offset) || offset < 0 || !Number.isSafeInteger(length) || length < 0 || length > 1024 * 1024) {
        throw new RangeError(`read(${offset}, ${length})`);
      }
      count += 1;
      total += length;
      return Uint8Array.from(bytes.subarray(offset, offset + length));
    },
  };
}
