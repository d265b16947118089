/** QED, QEMU's format between qcow2's versions: known so that it is refused, also as raw. Nobody writes it, and it can name a backing file. */
import { draftFinding, type ImageFinding } from './image-finding.ts';
import { holdsAt, type ImageSource, u64le } from './image-source.ts';

export function inspectQed(source: ImageSource): ImageFinding | undefined {
  const { head } = source;
  if (!holdsAt(head, 0, 'QED\0')) return undefined;
  const draft = draftFinding('qed', source);
  draft.refuse('subformat', 'is a QED image, which is not taken');
  return draft.finish(head.length < 64 ? null : u64le(head, 48), {});
}
