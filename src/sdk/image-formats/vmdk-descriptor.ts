/** The text that describes a VMDK: its kind, its extents, its parent. By VMware's "Virtual Disk Format 5.0". */
import type { FindingDraft, ImageFacts } from './image-finding.ts';

/** Kinds that hold all their data in the one file. */
const allowedTypes: ReadonlySet<string> = new Set(['monolithicSparse', 'streamOptimized']);
const extentLine = /^[ \t]*(?:RW|RDONLY|NOACCESS)\b[ \t]*(.*)$/gim;
const extentRest = /^\d+[ \t]+([A-Z0-9]+)(?:[ \t]+"([^"]*)")?/i;

/** @returns facts; what stands against it goes to `draft` */
export function judgeDescriptor(text: string, draft: FindingDraft): ImageFacts {
  // Readers differ in which of two they take, and where a line may begin; so one of each, wherever it stands.
  const types = [...text.matchAll(/createType[ \t]*=[ \t]*"?([^"\r\n]*)/gi)].map((match) => match[1] ?? '');
  const [createType = ''] = types;
  if (types.length !== 1) draft.refuse('malformed', `has a descriptor that gives createType ${types.length} times`);
  else if (!allowedTypes.has(createType)) draft.refuse('subformat', `is a VMDK of type ${shown(createType)}, which is not taken`);
  judgeExtents(text, draft);
  const parents = [...text.matchAll(/parentCID[ \t]*=[ \t]*(\w*)/gi)].map((match) => (match[1] ?? '').toLowerCase());
  const hasParent = parents.some((parent) => parent !== 'ffffffff') || /parentFileNameHint/i.test(text);
  if (hasParent) draft.refuse('backing-file', 'is read over a parent');
  if (/changeTrackPath/i.test(text)) draft.refuse('external-extent', 'names a file of changes beside it');
  return { createType: createType.slice(0, 64), hasParent };
}

function judgeExtents(text: string, draft: FindingDraft): void {
  const extents = [...text.matchAll(extentLine)].map((match) => extentRest.exec(match[1] ?? ''));
  if (extents.length !== 1) draft.refuse('external-extent', `describes ${extents.length} extents instead of itself alone`);
  for (const extent of extents.slice(0, 4)) {
    const [, kind = '', name = ''] = extent ?? [];
    if (kind.toUpperCase() !== 'SPARSE') draft.refuse('external-extent', `has an extent of kind ${shown(kind)} in another file`);
    else if (name === '' || /[/\\]|^\.+$/.test(name))
      draft.refuse('external-extent', 'has an extent that is a path to another file');
  }
}

/** Short and visible: it may be hostile. */
function shown(text: string): string {
  return JSON.stringify(text.slice(0, 40).replace(/[^\x20-\x7e]/g, '?'));
}
