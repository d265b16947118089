/** qcow2, versions 2 and 3, by QEMU's specification of it (docs/interop/qcow2): the header and its extensions. */
import { draftFinding, type FindingDraft, type ImageFinding } from './image-finding.ts';
import { headBytes, holdsAt, type ImageSource, u64be } from './image-source.ts';

const headerBytes = { 2: 72, 3: 104 } as const;
/** Incompatible features that do not change where the data are: dirty, corrupt, compression type, extended L2 entries. */
const knownFeatures = 0b11011n;
const externalDataFeature = 0b00100n;
const extendedL2Feature = 0b10000n;
const dataFileExtension = 0x44415441;
const extensionsMax = 64;
/** As QEMU bounds it. */
const l1BytesMax = 32 * 1024 ** 2;

interface Header {
  readonly version: 2 | 3;
  readonly clusterBytes: number;
  readonly virtualBytes: number;
  readonly features: bigint;
  /** Where extensions begin. */
  readonly lengthBytes: number;
}

export function inspectQcow2(source: ImageSource): ImageFinding | undefined {
  const { head } = source;
  if (!holdsAt(head, 0, 'QFI\xfb')) return undefined;
  const draft = draftFinding('qcow2', source);
  const version = head.length < 8 ? 0 : head.readUInt32BE(4);
  if (version !== 2 && version !== 3) {
    draft.refuse('unsupported-version', `is qcow version ${version}, and only 2 and 3 are taken`);
    return draft.finish(null, { version });
  }
  if (head.length < headerBytes[version]) {
    draft.refuse('malformed', 'ends within its qcow2 header');
    return draft.finish(null, { version });
  }
  const header = readHeader(head, version);
  const hasBackingFile = u64be(head, 8) !== 0 || head.readUInt32BE(16) !== 0;
  if (hasBackingFile) draft.refuse('backing-file', 'is read over a backing file');
  judgeFeatures(head, header, draft);
  const extensions = readExtensions(head, header);
  if (extensions === undefined) draft.refuse('malformed', 'has header extensions that run out of its header');
  const hasDataFile = (header.features & externalDataFeature) !== 0n || extensions?.includes(dataFileExtension) === true;
  if (hasDataFile) draft.refuse('external-data-file', 'keeps its data in another file');
  judgeTables(source, header, draft);
  return draft.finish(header.virtualBytes, {
    version,
    clusterBits: head.readUInt32BE(20),
    hasBackingFile,
    hasDataFile,
    encryption: ['none', 'aes', 'luks'][head.readUInt32BE(32)] ?? 'unknown',
    snapshots: head.readUInt32BE(60),
  });
}

function readHeader(head: Buffer, version: 2 | 3): Header {
  return {
    version,
    clusterBytes: 2 ** head.readUInt32BE(20),
    virtualBytes: u64be(head, 24),
    features: version === 3 ? head.readBigUInt64BE(72) : 0n,
    lengthBytes: version === 3 ? head.readUInt32BE(100) : headerBytes[2],
  };
}

function judgeFeatures(head: Buffer, { version, features, lengthBytes }: Header, draft: FindingDraft): void {
  const unknown = features & ~(knownFeatures | externalDataFeature);
  if (unknown !== 0n) draft.refuse('unknown-features', `needs features 0x${unknown.toString(16)} of qcow2, which nobody knows`);
  if (head.readUInt32BE(32) > 2) draft.refuse('unknown-features', `is encrypted by method ${head.readUInt32BE(32)}`);
  if (version === 2) return;
  const compression = lengthBytes > 104 && head.length > 104 ? head.readUInt8(104) : 0;
  if (compression > 1) draft.refuse('unknown-features', `is compressed by method ${compression}`);
  if (head.readUInt32BE(96) > 6) draft.refuse('malformed', `has reference counts of 2^${head.readUInt32BE(96)} bits`);
}

/** Their types, in order; undefined where they are no list that ends in the header's cluster. */
function readExtensions(head: Buffer, { version, lengthBytes, clusterBytes }: Header): readonly number[] | undefined {
  const end = Math.min(clusterBytes, headBytes, head.length);
  if (lengthBytes < headerBytes[version] || lengthBytes > end || lengthBytes % 8 !== 0) return undefined;
  const types: number[] = [];
  for (let at = lengthBytes; at + 8 <= end; ) {
    const type = head.readUInt32BE(at);
    if (type === 0) break;
    at += 8 + Math.ceil(head.readUInt32BE(at + 4) / 8) * 8;
    if (at > end || types.length === extensionsMax) return undefined;
    types.push(type);
  }
  return types;
}

/** The first-level table must be there and reach over the disk: a smaller or a cut one is read differently by every reader. */
function judgeTables(
  { head, sizeBytes }: ImageSource,
  { clusterBytes, virtualBytes, features }: Header,
  draft: FindingDraft,
): void {
  const l1Bytes = head.readUInt32BE(36) * 8;
  const l1Offset = u64be(head, 40);
  if (l1Bytes > l1BytesMax) draft.refuse('absurd-size', `has a first-level table of ${l1Bytes} bytes`);
  if (clusterBytes < 512 || clusterBytes > 2 * 1024 ** 2) {
    draft.refuse('malformed', `has clusters of 2^${head.readUInt32BE(20)} bytes`);
    return;
  }
  const entryBytes = (features & extendedL2Feature) === 0n ? 8 : 16;
  const bytesPerL1Entry = clusterBytes * (clusterBytes / entryBytes);
  if ((l1Bytes / 8) * bytesPerL1Entry < virtualBytes) draft.refuse('malformed', 'has a first-level table smaller than its disk');
  if (l1Bytes > 0 && (l1Offset % clusterBytes !== 0 || l1Offset === 0 || l1Offset + l1Bytes > sizeBytes)) {
    draft.refuse('malformed', 'has its first-level table where it cannot be: it is cut short, or its header is wrong');
  }
  const refcountsOffset = u64be(head, 48);
  const refcountsBytes = head.readUInt32BE(56) * clusterBytes;
  if (refcountsOffset % clusterBytes !== 0 || refcountsOffset + Math.min(refcountsBytes, 8) > sizeBytes) {
    draft.refuse('malformed', 'has its reference counts where they cannot be');
  }
}
