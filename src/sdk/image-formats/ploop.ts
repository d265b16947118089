/** ploop, the expandable images of Parallels and OpenVZ. */
import { draftFinding, type ImageFinding } from './image-finding.ts';
import { holdsAt, type ImageSource, u64le } from './image-source.ts';

const sectorBytes = 512;
const headerBytes = 64;

export function inspectPloop(source: ImageSource): ImageFinding | undefined {
  const { head, sizeBytes } = source;
  const isFirst = holdsAt(head, 0, 'WithoutFreeSpace');
  if (!isFirst && !holdsAt(head, 0, 'WithouFreSpacExt')) return undefined;
  const draft = draftFinding('ploop', source);
  if (head.length < headerBytes) {
    draft.refuse('malformed', 'ends within its ploop header');
    return draft.finish(null, {});
  }
  const version = head.readUInt32LE(16);
  if (version !== 2) draft.refuse('unsupported-version', `is ploop version ${version}`);
  const blockBytes = head.readUInt32LE(28) * sectorBytes;
  const blocks = head.readUInt32LE(32);
  // The first kind counts in 32 bits, whatever stands behind them.
  const sectors = isFirst ? head.readUInt32LE(36) : u64le(head, 36);
  if (blockBytes === 0) draft.refuse('malformed', 'has blocks of no bytes');
  if (headerBytes + blocks * 4 > sizeBytes) draft.refuse('malformed', 'has its block table outside of it');
  if (blocks * blockBytes < sectors * sectorBytes) draft.refuse('malformed', 'has a block table smaller than its disk');
  return draft.finish(sectors * sectorBytes, { version, blockBytes });
}
