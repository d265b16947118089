/** VHDX, by Microsoft's MS-VHDX: the region tables lead to the metadata, which have the size of the disk and say of a parent. */
import { draftFinding, type FindingDraft, type ImageFinding } from './image-finding.ts';
import { holdsAt, type ImageSource, u64le } from './image-source.ts';

const tableBytes = 64 * 1024;
const regionTables = [192 * 1024, 256 * 1024] as const;
const entriesMax = 2047;
const regions = {
  blocks: guid('2DC27766-F623-4200-9D64-115E9BFD4A08'),
  metadata: guid('8B7CA206-4790-4B9A-B8FE-575F050F886E'),
};
const items = {
  parameters: guid('CAA16737-FA36-4D43-B3B6-33F0AA44E76B'),
  diskSize: guid('2FA54224-CD1B-4876-B211-5DBED83BF4B8'),
  diskId: guid('BECA12AB-B2E6-4523-93EF-C309E000C746'),
  logicalSector: guid('8141BF1D-A96F-4709-BA47-F233A8FAAB5F'),
  physicalSector: guid('CDA348C7-445D-4471-9CC9-E9885251C556'),
  parentLocator: guid('A8D35F2D-B30B-454D-ABF7-D3D84834AB0C'),
};

interface Entry {
  readonly id: string;
  readonly offset: number;
  readonly sizeBytes: number;
  readonly isRequired: boolean;
}

export async function inspectVhdx(source: ImageSource): Promise<ImageFinding | undefined> {
  if (!holdsAt(source.head, 0, 'vhdxfile')) return undefined;
  const draft = draftFinding('vhdx', source);
  const metadata = await findMetadata(source, draft);
  const found = metadata === undefined ? undefined : await readItems(source, metadata, draft);
  if (found === undefined) return draft.finish(null, {});
  const parameters = await readItem(source, found.get(items.parameters), 8);
  const diskSize = await readItem(source, found.get(items.diskSize), 8);
  if (parameters === undefined || diskSize === undefined) {
    draft.refuse('malformed', 'has no metadata of its disk');
    return draft.finish(null, {});
  }
  const hasParent = (parameters.readUInt32LE(4) & 2) !== 0 || found.has(items.parentLocator);
  if (hasParent) draft.refuse('backing-file', 'is read over a parent');
  const blockBytes = parameters.readUInt32LE(0);
  if (blockBytes < 1024 ** 2 || (blockBytes & (blockBytes - 1)) !== 0)
    draft.refuse('malformed', `has blocks of ${blockBytes} bytes`);
  return draft.finish(u64le(diskSize, 0), { blockBytes, hasParent });
}

/** Both copies are written once, with the file; a reader may take either, so they must be the same. */
async function findMetadata(source: ImageSource, draft: FindingDraft): Promise<Entry | undefined> {
  const [first, second] = [await source.read(regionTables[0], tableBytes), await source.read(regionTables[1], tableBytes)];
  const isSound = first !== undefined && second !== undefined && holdsAt(first, 0, 'regi') && first.equals(second);
  const count = isSound ? first.readUInt32LE(8) : 0;
  if (!isSound || count > entriesMax) {
    draft.refuse('malformed', 'has no two region tables that are the same');
    return undefined;
  }
  const entries = readEntries(first, 16, count, (entry) => ({
    offset: u64le(entry, 16),
    sizeBytes: entry.readUInt32LE(24),
    isRequired: (entry.readUInt32LE(28) & 1) !== 0,
  }));
  const found = byId(entries, new Set(Object.values(regions)), 'region', draft);
  for (const { offset, sizeBytes } of found.values()) {
    if (offset + sizeBytes > source.sizeBytes) draft.refuse('malformed', 'has a region outside of it');
  }
  const metadata = found.get(regions.metadata);
  if (metadata === undefined || !found.has(regions.blocks)) draft.refuse('malformed', 'lacks a region that every VHDX has');
  return metadata;
}

async function readItems(
  source: ImageSource,
  region: Entry,
  draft: FindingDraft,
): Promise<ReadonlyMap<string, Entry> | undefined> {
  const table = await source.read(region.offset, tableBytes);
  const count = table === undefined ? 0 : table.readUInt16LE(10);
  if (table === undefined || !holdsAt(table, 0, 'metadata') || count > entriesMax) {
    draft.refuse('malformed', 'has no table of metadata');
    return undefined;
  }
  const entries = readEntries(table, 32, count, (entry) => ({
    offset: region.offset + entry.readUInt32LE(16),
    sizeBytes: entry.readUInt32LE(20),
    isRequired: (entry.readUInt32LE(24) & 4) !== 0,
  }));
  return byId(entries, new Set(Object.values(items)), 'item of metadata', draft);
}

function readEntries(table: Buffer, start: number, count: number, read: (entry: Buffer) => Omit<Entry, 'id'>): readonly Entry[] {
  return Array.from({ length: count }, (_, index) => {
    const entry = table.subarray(start + index * 32, start + index * 32 + 32);
    return { id: entry.subarray(0, 16).toString('hex'), ...read(entry) };
  });
}

function byId(
  entries: readonly Entry[],
  known: ReadonlySet<string>,
  what: string,
  draft: FindingDraft,
): ReadonlyMap<string, Entry> {
  const found = new Map<string, Entry>();
  let unknown = 0;
  for (const entry of entries) {
    if (found.has(entry.id)) {
      draft.refuse('malformed', `has a ${what} twice`);
      break;
    }
    if (!known.has(entry.id) && entry.isRequired) unknown += 1;
    found.set(entry.id, entry);
  }
  if (unknown > 0) draft.refuse('unknown-features', `needs a ${what} that nobody knows`);
  return found;
}

async function readItem(source: ImageSource, entry: Entry | undefined, bytes: number): Promise<Buffer | undefined> {
  return entry === undefined || entry.sizeBytes !== bytes ? undefined : source.read(entry.offset, bytes);
}

/** As the format stores it, in hexadecimal: the first three groups with their bytes reversed. */
function guid(text: string): string {
  const [a = '', b = '', c = '', ...rest] = text.toLowerCase().split('-');
  return [...[a, b, c].map((group) => Buffer.from(group, 'hex').reverse().toString('hex')), ...rest].join('');
}
