/** One header of a tar (POSIX ustar, and GNU's where it says the same), read strictly: what cannot be meant is refused. */
import { AppError } from '#base/app-error.ts';
import { packRecords } from '#core/pack.ts';

export const blockBytes = 512;

/** The one record of a sparse file of GNU that is kept, whichever it has. */
export const sparseRecord = 'GNU.sparse.';
/** Of one header, read or not: each costs its time. */
const recordsMax = 256;
const recordsRead: ReadonlySet<string> = new Set(['path', 'size', ...Object.values(packRecords)]);

export interface TarHeader {
  /** Undefined where it is no UTF-8. */
  readonly name: string | undefined;
  readonly sizeBytes: number;
  /** One character: `0` is a file. */
  readonly type: string;
}

/** Undefined for the block of zeros that ends a tar. @throws AppError PACK_MALFORMED */
export function readTarHeader(block: Buffer): TarHeader | undefined {
  if (block.every((byte) => byte === 0)) return undefined;
  let sum = 8 * 32;
  for (let at = 0; at < blockBytes; at += 1) if (at < 148 || at >= 156) sum += block[at] ?? 0;
  if (readNumber(block.subarray(148, 156)) !== sum) throw malformed('a header has a wrong checksum');
  const magic = block.toString('latin1', 257, 263);
  if (!magic.startsWith('ustar')) throw malformed('a header is of no known format');
  // Where POSIX has the beginning of a long name, GNU has other things.
  const prefix = magic === 'ustar\0' ? untilNul(block.subarray(345, 500)) : Buffer.alloc(0);
  const name = untilNul(block.subarray(0, 100));
  return {
    name: toText(prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from('/'), name])),
    sizeBytes: readNumber(block.subarray(124, 136)),
    type: block[156] === 0 ? '0' : block.toString('latin1', 156, 157),
  };
}

/**
 * PAX records, `<length> <key>=<value>\n`, that somebody reads: others could be many. A value that is no UTF-8 is undefined.
 * @throws AppError PACK_MALFORMED
 */
export function readPaxRecords(bytes: Buffer): ReadonlyMap<string, string | undefined> {
  const records = new Map<string, string | undefined>();
  for (let at = 0, count = 1; at < bytes.length; count += 1) {
    if (count > recordsMax) throw malformed(`an extended header has more than ${recordsMax} records`);
    const space = bytes.indexOf(' ', at);
    const digits = space < 0 || space - at > 9 ? '' : bytes.toString('latin1', at, space);
    const end = /^[1-9]\d*$/.test(digits) ? at + Number(digits) : 0;
    const equals = bytes.indexOf('=', space);
    if (end > bytes.length || equals < 0 || equals >= end || bytes[end - 1] !== 10) {
      throw malformed('an extended header cannot be read');
    }
    const key = bytes.toString('utf8', space + 1, equals);
    if (recordsRead.has(key)) records.set(key, toText(bytes.subarray(equals + 1, end - 1)));
    else if (key.startsWith(sparseRecord)) records.set(sparseRecord, '');
    at = end;
  }
  return records;
}

export function malformed(what: string): AppError {
  return new AppError('PACK_MALFORMED', `The pack cannot be read: ${what}.`);
}

/** The text up to its first zero; undefined where it is no UTF-8. */
export function toText(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

export function untilNul(bytes: Buffer): Buffer {
  const end = bytes.indexOf(0);
  return end < 0 ? bytes : bytes.subarray(0, end);
}

/** Octal digits, spaces around; or, with the first bit set, a binary number, larger than any pack. */
function readNumber(field: Buffer): number {
  if ((field[0] ?? 0) & 0x80) {
    let value = (field[0] ?? 0) & 0x7f;
    for (const byte of field.subarray(1)) value = value * 256 + byte;
    return value;
  }
  const match = /^ *([0-7]*)[ \0]*$/.exec(field.toString('latin1'));
  if (match === null) throw malformed('a header has a number that is none');
  return Number.parseInt(match[1] || '0', 8);
}
