/** Writes a pack: a plain tar whose members say in PAX records what they are called, what they are, and which digest they have. */
import { packRecords } from '#core/pack.ts';

const blockBytes = 512;

export interface PackEntry {
  readonly slot: string;
  readonly path: string;
  readonly mediaType: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** Two blocks of zeros. */
export const packEnd = Buffer.alloc(2 * blockBytes);

/** What comes before the bytes of a member. */
export function packHeader({ slot, path, mediaType, sha256, sizeBytes }: PackEntry): Buffer {
  const records = Buffer.concat([
    paxRecord('path', `${slot}/${path}`),
    paxRecord(packRecords.mediaType, mediaType),
    paxRecord(packRecords.sha256, sha256),
  ]);
  return Buffer.concat([tarHeader('x', records.length), records, packPadding(records.length), tarHeader('0', sizeBytes)]);
}

/** What comes after them. */
export function packPadding(sizeBytes: number): Buffer {
  return Buffer.alloc((blockBytes - (sizeBytes % blockBytes)) % blockBytes);
}

/** The length of the whole. */
export function packBytes(entries: readonly PackEntry[]): number {
  const sizes = entries.map((entry) => packHeader(entry).length + entry.sizeBytes + packPadding(entry.sizeBytes).length);
  return sizes.reduce((sum, size) => sum + size, packEnd.length);
}

/** The length of a record counts itself. */
function paxRecord(key: string, value: string): Buffer {
  const rest = Buffer.from(` ${key}=${value}\n`);
  let length = rest.length;
  while (length !== rest.length + String(length).length) length = rest.length + String(length).length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

/** The name that counts is in the records. */
function tarHeader(type: 'x' | '0', sizeBytes: number): Buffer {
  const block = Buffer.alloc(blockBytes);
  block.write('blob', 0);
  block.write('0000644\0', 100);
  block.write('0000000\0', 108);
  block.write('0000000\0', 116);
  block.write(`${sizeBytes.toString(8).padStart(11, '0')}\0`, 124);
  block.write('00000000000\0', 136);
  block.write('        ', 148);
  block.write(type, 156);
  block.write('ustar\u000000', 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}
