/** What an inspector says of a blob in which it knows its format: facts, the size of the disk, and what makes it unsafe. */
import type { ImageSource } from './image-source.ts';

export type ImageFormat = 'qcow2' | 'qed' | 'vmdk' | 'vhd' | 'vhdx' | 'vdi' | 'ploop' | 'luks' | 'iso' | 'gpt' | 'mbr';

/** Why an image is refused; each is something an uploader mends in another way. */
export type ImageRefusalReason =
  /** It is to be read together with another file: a backing file or a parent. */
  | 'backing-file'
  /** Its data lie in another file. */
  | 'external-data-file'
  /** It describes extents that are other files. */
  | 'external-extent'
  /** A kind of its format that is not taken. */
  | 'subformat'
  /** It needs features that nobody here knows. */
  | 'unknown-features'
  | 'unsupported-version'
  /** A disk larger than `limits.virtualBytes`, or tables that no disk needs. */
  | 'absurd-size'
  /** Its header contradicts itself or the blob: cut short, or made to be read in two ways. */
  | 'malformed'
  /** A boot signature over a partition table that has no partition. */
  | 'no-partition'
  /** A GPT whose protective entry does not start at block 1. */
  | 'protective-entry'
  /** It is of several formats at once. */
  | 'several-formats'
  /** It is not of the format it is declared as. */
  | 'format-mismatch';

export interface ImageRefusal {
  readonly reason: ImageRefusalReason;
  /** In words that go on from the blob's name. */
  readonly message: string;
}

export type ImageFacts = Readonly<Record<string, string | number | boolean>>;

export interface ImageFinding {
  readonly format: ImageFormat;
  /** Size of the disk as a machine sees it; null where the header does not say, or lies. */
  readonly virtualBytes: number | null;
  readonly facts: ImageFacts;
  readonly refusals: readonly ImageRefusal[];
}

/** Undefined: the blob is not of this format. Never throws for what the blob says, but `ReadsExhausted`. */
export type ImageInspector = (source: ImageSource) => Promise<ImageFinding | undefined> | ImageFinding | undefined;

/** Collects what is found in one format. */
export interface FindingDraft {
  refuse(reason: ImageRefusalReason, message: string): void;
  finish(virtualBytes: number | null, facts: ImageFacts): ImageFinding;
}

export function draftFinding(format: ImageFormat, { limits }: ImageSource): FindingDraft {
  const refusals: ImageRefusal[] = [];
  const refuse = (reason: ImageRefusalReason, message: string): void => {
    refusals.push({ reason, message });
  };
  return {
    refuse,
    finish(virtualBytes, facts) {
      const isAbsurd = virtualBytes !== null && !(virtualBytes <= limits.virtualBytes);
      if (isAbsurd) refuse('absurd-size', `claims to be a disk of more than ${limits.virtualBytes} bytes`);
      return { format, virtualBytes: isAbsurd ? null : virtualBytes, facts, refusals };
    },
  };
}
