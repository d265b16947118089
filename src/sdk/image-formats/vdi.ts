/** VDI, VirtualBox's own format, version 1. */
import { draftFinding, type FindingDraft, type ImageFinding } from './image-finding.ts';
import { type ImageSource, isZero, u64le } from './image-source.ts';

const signatureOffset = 0x40;
const signature = Buffer.from('7f10dabe', 'hex');
const headerBytes = 512;
const kinds: Readonly<Record<number, string>> = { 1: 'dynamic', 2: 'fixed', 3: 'undo', 4: 'differencing' };

export async function inspectVdi(source: ImageSource): Promise<ImageFinding | undefined> {
  if (!source.head.subarray(signatureOffset, signatureOffset + 4).equals(signature)) return undefined;
  const draft = draftFinding('vdi', source);
  const header = await source.read(0, headerBytes);
  if (header === undefined) {
    draft.refuse('malformed', 'ends within its VDI header');
    return draft.finish(null, {});
  }
  if (header.readUInt16LE(0x46) !== 1) draft.refuse('unsupported-version', `is VDI version ${header.readUInt16LE(0x46)}`);
  const kind = kinds[header.readUInt32LE(0x4c)] ?? 'unknown';
  // Of the image before it, and of its parent.
  const hasParent = kind === 'undo' || kind === 'differencing' || !isZero(header.subarray(0x1a8, 0x1c8));
  if (hasParent) draft.refuse('backing-file', 'is read over a parent');
  else if (kind === 'unknown') draft.refuse('subformat', `is a VDI of type ${header.readUInt32LE(0x4c)}`);
  const virtualBytes = u64le(header, 0x170);
  judgeBlocks(source, header, virtualBytes, draft);
  return draft.finish(virtualBytes, { kind, hasParent });
}

function judgeBlocks({ sizeBytes }: ImageSource, header: Buffer, virtualBytes: number, draft: FindingDraft): void {
  const blocks = header.readUInt32LE(0x180);
  const blockBytes = header.readUInt32LE(0x178);
  if (blocks * blockBytes < virtualBytes) draft.refuse('malformed', 'has a block map smaller than its disk');
  if (header.readUInt32LE(0x154) + blocks * 4 > sizeBytes) draft.refuse('malformed', 'has its block map outside of it');
}
