/** VMDK: sparse extents with their descriptor inside, and the text descriptors that lead to other files, which are refused. */
import { draftFinding, type FindingDraft, type ImageFacts, type ImageFinding } from './image-finding.ts';
import { holdsAt, type ImageSource, u64le } from './image-source.ts';
import { judgeDescriptor } from './vmdk-descriptor.ts';

const sectorBytes = 512;
const descriptorBytesMax = 64 * 1024;
/** Of a grain directory at the end: the header is then repeated in front of the last sector. */
const atEnd = 0xffff_ffff_ffff_ffffn;
/** How far a reader looks for the line that makes a text a descriptor. */
const textBytes = 20 * 1024;

export async function inspectVmdk(source: ImageSource): Promise<ImageFinding | undefined> {
  const { head } = source;
  if (holdsAt(head, 0, 'KDMV')) return inspectSparse(source);
  const draft = draftFinding('vmdk', source);
  if (holdsAt(head, 0, 'COWD')) {
    draft.refuse('subformat', 'is a VMDK extent of an ESX host, which is not taken');
    return draft.finish(null, {});
  }
  if (!isDescriptor(head)) return undefined;
  draft.refuse('external-extent', 'is only the descriptor of a VMDK, whose data lie in other files');
  return draft.finish(null, {});
}

/** Also without its first line, which readers do not need: comments, then a version. */
function isDescriptor(head: Buffer): boolean {
  const text = head.subarray(0, textBytes).toString('latin1');
  if (/^\s*#[ \t]*Disk[ \t]+DescriptorFile/i.test(text)) return true;
  return /^(?:[ \t]*(?:#[^\n]*)?\r?\n)*[ \t]*version[ \t]*=[ \t]*\d/i.test(text) && /createType/i.test(text);
}

async function inspectSparse(source: ImageSource): Promise<ImageFinding> {
  const draft = draftFinding('vmdk', source);
  const header = await source.read(0, sectorBytes);
  if (header === undefined) {
    draft.refuse('malformed', 'ends within its VMDK header');
    return draft.finish(null, {});
  }
  const version = header.readUInt32LE(4);
  if (version < 1 || version > 3) draft.refuse('unsupported-version', `is VMDK version ${version}`);
  const capacity = u64le(header, 12);
  // Readers take the extents of the descriptor then, not this file.
  if (capacity === 0) draft.refuse('external-extent', 'has no capacity of its own, only a descriptor');
  await judgeFooter(source, header, draft);
  const facts = await inspectEmbedded(source, header, draft);
  return draft.finish(capacity * sectorBytes, { version, ...facts });
}

/** What a header at the end says counts for some readers, what the first one says for others: they must agree. */
async function judgeFooter(source: ImageSource, header: Buffer, draft: FindingDraft): Promise<void> {
  if (header.readBigUInt64LE(56) !== atEnd) return;
  const footer = await source.read(source.sizeBytes - 2 * sectorBytes, sectorBytes);
  if (footer === undefined || !holdsAt(footer, 0, 'KDMV')) {
    draft.refuse('malformed', 'has no footer where its header says one is');
    return;
  }
  const isSameDisk = u64le(footer, 12) === u64le(header, 12);
  // It need not name the descriptor again.
  const isSameText = footer.readBigUInt64LE(28) === 0n || [28, 36].every((at) => u64le(footer, at) === u64le(header, at));
  if (!isSameDisk || !isSameText || footer.readBigUInt64LE(56) === atEnd) {
    draft.refuse('malformed', 'has a footer that contradicts its header');
  }
}

async function inspectEmbedded(source: ImageSource, header: Buffer, draft: FindingDraft): Promise<ImageFacts> {
  const offset = u64le(header, 28) * sectorBytes;
  const sizeBytes = u64le(header, 36) * sectorBytes;
  if (sizeBytes > descriptorBytesMax) {
    draft.refuse('absurd-size', `has a descriptor of ${sizeBytes} bytes`);
    return {};
  }
  const bytes = offset === 0 ? Buffer.alloc(0) : await source.read(offset, sizeBytes);
  if (bytes === undefined) {
    draft.refuse('malformed', 'has its descriptor outside of it');
    return {};
  }
  const [text = ''] = bytes.toString('latin1').split('\0', 1);
  if (text !== '') return judgeDescriptor(text, draft);
  draft.refuse('external-extent', 'has no descriptor: it is one extent of a disk that is described elsewhere');
  return {};
}
