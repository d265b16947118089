/** VHD, by Microsoft's "Virtual Hard Disk Image Format Specification": a footer at the end, which a dynamic disk has in front too. */
import { draftFinding, type FindingDraft, type ImageFinding } from './image-finding.ts';
import { holdsAt, type ImageSource, u64be } from './image-source.ts';

const footerBytes = 512;
const kinds: Readonly<Record<number, string>> = { 2: 'fixed', 3: 'dynamic', 4: 'differencing' };

export async function inspectVhd(source: ImageSource): Promise<ImageFinding | undefined> {
  const { sizeBytes } = source;
  const first = holdsAt(source.head, 0, 'conectix') ? await source.read(0, footerBytes) : undefined;
  const last = await source.read(sizeBytes - footerBytes, footerBytes);
  const hasLast = last !== undefined && holdsAt(last, 0, 'conectix') && isSummed(last, 64);
  if (first === undefined && !hasLast) return undefined;
  const draft = draftFinding('vhd', source);
  const footer = first ?? last;
  if (footer === undefined) return undefined;
  const kind = kinds[footer.readUInt32BE(60)] ?? 'unknown';
  const virtualBytes = u64be(footer, 48);
  if (footer.readUInt32BE(12) >>> 16 !== 1) draft.refuse('unsupported-version', 'is a VHD of another version than 1');
  if (kind === 'unknown') draft.refuse('subformat', `is a VHD of type ${footer.readUInt32BE(60)}`);
  if (kind === 'differencing') draft.refuse('backing-file', 'is read over a parent');
  if (first === undefined) judgeFixed(source, kind, virtualBytes, draft);
  else if (!isSummed(first, 64) || !hasLast || !first.equals(last))
    draft.refuse('malformed', 'has two footers that are not the same: it is cut short, or can be read in two ways');
  else if (kind === 'fixed') draft.refuse('malformed', 'is a fixed VHD with a footer in front of its data');
  if (first !== undefined && kind !== 'fixed') await judgeDynamic(source, u64be(first, 16), virtualBytes, draft);
  return draft.finish(virtualBytes, { kind, hasParent: kind === 'differencing' });
}

function judgeFixed({ sizeBytes }: ImageSource, kind: string, virtualBytes: number, draft: FindingDraft): void {
  const isFixed = kind !== 'dynamic' && kind !== 'differencing';
  if (!isFixed) draft.refuse('malformed', 'has no footer in front, as a dynamic VHD has');
  else if (virtualBytes > sizeBytes - footerBytes) draft.refuse('malformed', 'is a fixed VHD with fewer bytes than its disk');
}

async function judgeDynamic(source: ImageSource, offset: number, virtualBytes: number, draft: FindingDraft): Promise<void> {
  const header = await source.read(offset, 1024);
  if (header === undefined || !holdsAt(header, 0, 'cxsparse') || !isSummed(header, 36)) {
    draft.refuse('malformed', 'has no sound header of a dynamic VHD');
    return;
  }
  const entries = header.readUInt32BE(28);
  const blockBytes = header.readUInt32BE(32);
  if (blockBytes < 512 || (blockBytes & (blockBytes - 1)) !== 0) draft.refuse('malformed', `has blocks of ${blockBytes} bytes`);
  if (entries * blockBytes < virtualBytes) draft.refuse('malformed', 'has a block table smaller than its disk');
  if (u64be(header, 16) + entries * 4 > source.sizeBytes) draft.refuse('malformed', 'has its block table outside of it');
}

/** The complement of the sum of all bytes but those of the sum itself. */
function isSummed(bytes: Buffer, at: number): boolean {
  let sum = 0;
  for (const [index, byte] of bytes.entries()) if (index < at || index >= at + 4) sum += byte;
  return ~sum >>> 0 === bytes.readUInt32BE(at);
}
