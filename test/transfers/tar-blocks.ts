/** Tars as a hostile sender makes them: every field by hand. */

export interface BlockOptions {
  readonly type?: string;
  /** The size as a number of base 256, far beyond any tar. */
  readonly binarySize?: boolean;
  /** Instead of records that are well-formed. */
  readonly rawPax?: string;
}

/** A member with its header, extended where there are records for it, and its padding. */
export function blobFile(
  name: string,
  content: Uint8Array | string,
  records: Readonly<Record<string, string>> = {},
  options: BlockOptions = {},
): Buffer {
  const bytes = Buffer.from(content);
  const pax = options.rawPax ?? Object.entries(records).map(paxRecord).join('');
  const extension = pax === '' ? [] : [header('pax', Buffer.byteLength(pax), { type: 'x' }), padded(Buffer.from(pax))];
  return Buffer.concat([...extension, header(name, bytes.length, options), padded(bytes)]);
}

export function tarOf(...members: readonly Buffer[]): Buffer {
  return Buffer.concat([...members, Buffer.alloc(1024)]);
}

export function paxRecord([key, value]: readonly [string, string]): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest;
  while (length !== rest + String(length).length) length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}

function header(name: string, size: number, { type = '0', binarySize = false }: BlockOptions): Buffer {
  const block = Buffer.alloc(512);
  block.write(name, 0, 100);
  block.write('0000644\u00000000000\u00000000000\u0000', 100);
  block.write(`${size.toString(8).padStart(11, '0')}\u000000000000000\u0000`, 124);
  if (binarySize) block.fill(0xff, 124, 136);
  block.write('        ', 148);
  block.write(type, 156);
  block.write('ustar\u000000', 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\u0000 `, 148);
  return block;
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}
