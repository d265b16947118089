/** The members of a pack, one after another as they come: of files their bytes, of all else the fault that it is none. */
import { AppError } from '#base/app-error.ts';
import { packLimits, packRecords } from '#core/pack.ts';
import type { PackMember } from '#ops/receive-pack.ts';
import type { PackBytes } from './pack-bytes.ts';
import {
  blockBytes,
  malformed,
  readPaxRecords,
  readTarHeader,
  sparseRecord,
  type TarHeader,
  toText,
  untilNul,
} from './tar-header.ts';

const kinds: Readonly<Record<string, string>> = {
  ...{ 1: 'a hard link', 2: 'a symbolic link', 3: 'a device', 4: 'a device', 5: 'a folder', 6: 'a pipe' },
};
/** PAX for the next member and for all, GNU's long name and long link. */
const extensionTypes: ReadonlySet<string> = new Set('xgLK');
/** Room for the longest path and a few facts. */
const extendedBytesMax = 64 * 1024;
/** Before one member, or the end: one of each type, and some to spare. */
const extensionsMax = 8;

type Records = ReadonlyMap<string, string | undefined>;

interface Extension {
  readonly records: Records;
  /** GNU's long name: undefined where there is none. */
  readonly name?: string | undefined;
}

const nothing: Extension = { records: new Map() };

/** @throws AppError PACK_MALFORMED, REQUEST_TOO_LARGE, UPLOAD_INTERRUPTED */
export async function* readPackMembers(bytes: PackBytes): AsyncGenerator<PackMember> {
  try {
    yield* readAll(bytes);
    await bytes.drain();
  } finally {
    await bytes.close();
  }
}

async function* readAll(bytes: PackBytes): AsyncGenerator<PackMember> {
  let common: Records = new Map();
  let extension = nothing;
  let extensions = 0;
  for (;;) {
    const block = await bytes.take(blockBytes);
    // Cut between two members, it is cut all the same.
    if (block === undefined) throw malformed('it has no end');
    const header = readTarHeader(block);
    if (header === undefined) return;
    if (extensionTypes.has(header.type)) {
      extensions += 1;
      if (extensions > extensionsMax) throw malformed(`it has more than ${extensionsMax} extended headers in a row`);
      const body = await takeBody(bytes, header.sizeBytes, extendedBytesMax);
      if (header.type === 'x') extension = { ...extension, records: readPaxRecords(body) };
      else if (header.type === 'g') common = new Map([...common, ...readPaxRecords(body)]);
      else if (header.type === 'L') extension = { ...extension, name: toText(untilNul(body)) ?? '' };
      continue;
    }
    yield await readMember(bytes, header, { ...extension, records: new Map([...common, ...extension.records]) });
    extension = nothing;
    extensions = 0;
  }
}

async function readMember(bytes: PackBytes, header: TarHeader, { records, name: longName }: Extension): Promise<PackMember> {
  const isFile = header.type === '0';
  if (!isFile && kinds[header.type] === undefined) throw malformed(`a member is of the kind ${JSON.stringify(header.type)}`);
  const sizeBytes = readSize(records, header);
  if (!isFile && sizeBytes > 0) throw malformed(`a member that is ${kinds[header.type]} has bytes`);
  const fault = findFault(header, records, sizeBytes, longName);
  const body = await takeBody(bytes, sizeBytes, packLimits.bytes, fault !== undefined);
  const path = records.has('path') ? records.get('path') : (longName ?? header.name);
  return {
    name: path ?? '',
    mediaType: records.get(packRecords.mediaType),
    sha256: records.get(packRecords.sha256),
    bytes: body,
    fault: fault ?? (path === undefined ? new AppError('PATH_INVALID', 'The name of the member is no UTF-8.') : undefined),
  };
}

function findFault(header: TarHeader, records: Records, sizeBytes: number, longName: string | undefined): AppError | undefined {
  const name = records.get('path') ?? longName ?? header.name ?? '';
  const kind = kinds[header.type] ?? (name.endsWith('/') ? 'a folder' : undefined);
  if (kind !== undefined) return new AppError('INPUT_INVALID', `A pack has files only; this member is ${kind}.`);
  if (records.has(sparseRecord)) {
    return new AppError('INPUT_INVALID', 'A pack has files only as they are; this member is a sparse one.');
  }
  if (sizeBytes > packLimits.blobBytes) {
    const detail = `A member of a pack has at most ${packLimits.blobBytes} bytes; send the blob by itself.`;
    return new AppError('BLOB_TOO_LARGE', detail, { details: { limitBytes: packLimits.blobBytes } });
  }
  const isDigest = !records.has(packRecords.sha256) || /^[0-9a-f]{64}$/.test(records.get(packRecords.sha256) ?? '');
  return isDigest ? undefined : new AppError('DIGEST_INVALID', 'A SHA-256 is 64 lower-case hexadecimal digits.');
}

function readSize(records: Records, header: TarHeader): number {
  if (!records.has('size')) return header.sizeBytes;
  const size = records.get('size') ?? '';
  if (!/^\d{1,20}$/.test(size)) throw malformed('a size is no number');
  return Number(size);
}

const empty = Buffer.alloc(0);

/** With the padding after it; past in small pieces what nobody wants. */
async function takeBody(bytes: PackBytes, sizeBytes: number, maxBytes: number, isUnwanted = false): Promise<Buffer> {
  if (sizeBytes > maxBytes) {
    if (maxBytes === packLimits.bytes) throw new AppError('REQUEST_TOO_LARGE', `A pack has at most ${maxBytes} bytes.`);
    throw malformed('an extended header is too long');
  }
  const padded = Math.ceil(sizeBytes / blockBytes) * blockBytes;
  if (!isUnwanted) return (await takeWhole(bytes, padded)).subarray(0, sizeBytes);
  for (let left = padded; left > 0; left -= blockBytes) await takeWhole(bytes, blockBytes);
  return empty;
}

async function takeWhole(bytes: PackBytes, length: number): Promise<Buffer> {
  const body = length === 0 ? empty : await bytes.take(length);
  if (body === undefined) throw malformed('it ends in the middle of a member');
  return body;
}
