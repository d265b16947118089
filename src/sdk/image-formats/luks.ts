/** LUKS, versions 1 and 2: an encrypted disk, of which nothing inside can be judged. */
import { draftFinding, type ImageFinding } from './image-finding.ts';
import { holdsAt, type ImageSource } from './image-source.ts';

const sectorBytes = 512;

export function inspectLuks(source: ImageSource): ImageFinding | undefined {
  const { head, sizeBytes } = source;
  if (!holdsAt(head, 0, 'LUKS\xba\xbe')) return undefined;
  const draft = draftFinding('luks', source);
  const version = head.length < 112 ? 0 : head.readUInt16BE(6);
  if (version !== 1 && version !== 2) {
    draft.refuse('unsupported-version', `is LUKS version ${version}`);
    return draft.finish(null, { version });
  }
  // Version 2 says it in JSON, by segments that need not be one stretch.
  if (version === 2) return draft.finish(null, { version });
  const payloadOffset = head.readUInt32BE(104) * sectorBytes;
  if (payloadOffset > sizeBytes) draft.refuse('malformed', 'ends before its encrypted data begin');
  return draft.finish(Math.max(0, sizeBytes - payloadOffset), { version });
}
