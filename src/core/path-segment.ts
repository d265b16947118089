/** A name of any characters as one segment of a path that every file system takes. */
import { createHash } from 'node:crypto';
import { segmentBytesMax } from './names.ts';

/** What file systems treat specially is percent-encoded; a name too long for them is cut and told apart by its hash. */
export function toSegment(name: string): string {
  const encoded = name
    .replace(/[%/\\:*?"<>|\p{Cc}]/gu, (character) => encodeURIComponent(character).replace('*', '%2A'))
    .replace(/^\.+$|^\.(?=\.)|[. ]$/g, (dots) => dots.replaceAll('.', '%2E').replaceAll(' ', '%20'));
  if (Buffer.byteLength(encoded) <= segmentBytesMax) return encoded;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 16);
  let head = encoded;
  while (Buffer.byteLength(head) > segmentBytesMax - hash.length - 1) head = Array.from(head).slice(0, -1).join('');
  return `${head}~${hash}`;
}
