/** The one grammar of artifact references: `[project/]type/name[@range | @sha256:<digest> | :channel]`, or an id. */
import { AppError } from '#base/app-error.ts';
import { isUuid } from '#base/id.ts';
import { assertName, assertProject, assertTypeName } from './names.ts';
import { parseRange } from './range.ts';
import { parseVersion, type Version } from './version.ts';

interface FamilyRef {
  /** Null: the caller's own project, then the trusted ones. */
  readonly project: string | null;
  readonly type: string;
  readonly name: string;
}

export type ArtifactRef =
  | { readonly kind: 'id'; readonly id: string }
  /** `range` is '' for the latest release; `exact` is there when it is one whole version. */
  | (FamilyRef & { readonly kind: 'range'; readonly range: string; readonly exact: Version | null })
  /** `sha256:<64 lower-case hexadecimal digits>`. */
  | (FamilyRef & { readonly kind: 'digest'; readonly digest: string })
  | (FamilyRef & { readonly kind: 'channel'; readonly channel: string });

/** Longest reference text: three names, every byte percent-encoded, would be longer, but no reference needs that. */
const refLengthMax = 4096;

const digestPattern = /^sha256:[0-9a-f]{64}$/;
/** Starts with a letter, so that `name:1.2.3` is refused instead of being a channel. */
const channelPattern = /^[A-Za-z][A-Za-z0-9._-]{0,63}$/;
const brokenEscape = /%(?![0-9A-Fa-f]{2})/;

/** @throws AppError REFERENCE_INVALID, or RANGE_INVALID where only the range cannot be read */
export function parseArtifactRef(text: string): ArtifactRef {
  if (text.length > refLengthMax) throw invalid(text, `is longer than ${refLengthMax} characters`);
  const id = text.toLowerCase();
  if (isUuid(id)) return { kind: 'id', id };
  const at = text.indexOf('@');
  const path = at < 0 ? text : text.slice(0, at);
  const colon = path.indexOf(':');
  const family = parseFamily(text, colon < 0 ? path : path.slice(0, colon));
  if (colon >= 0) {
    const channel = path.slice(colon + 1);
    if (at >= 0) throw invalid(text, 'has a channel and a version');
    if (!channelPattern.test(channel)) throw invalid(text, 'has no channel after the colon (a version stands after @)');
    return { kind: 'channel', ...family, channel };
  }
  if (at < 0) return { kind: 'range', ...family, range: '', exact: null };
  const suffix = text.slice(at + 1).trim();
  if (suffix === '') throw invalid(text, 'has nothing after the @');
  if (!suffix.includes(':')) return { kind: 'range', ...family, range: parseRange(suffix).text, exact: exactVersion(suffix) };
  if (!digestPattern.test(suffix)) throw invalid(text, 'has a digest that is not sha256 and 64 lower-case hexadecimal digits');
  return { kind: 'digest', ...family, digest: suffix };
}

/** The canonical text: parsing it gives the reference again. */
export function formatArtifactRef(ref: ArtifactRef): string {
  if (ref.kind === 'id') return ref.id;
  const family = formatFamily(ref);
  switch (ref.kind) {
    case 'range':
      return ref.range === '' ? family : `${family}@${ref.range}`;
    case 'digest':
      return `${family}@${ref.digest}`;
    case 'channel':
      return `${family}:${ref.channel}`;
  }
}

/** `[project/]type/name`, with what the grammar reserves percent-encoded. */
export function formatFamily({ project, type, name }: FamilyRef): string {
  const parts = project === null ? [type, name] : [project, type, name];
  return parts.map(encodeReserved).join('/');
}

function parseFamily(text: string, path: string): FamilyRef {
  const parts = path.split('/').map((part) => decodeReserved(text, part));
  const [first = '', second = '', third] = parts;
  if (parts.length < 2 || parts.length > 3) throw invalid(text, 'is not [project/]type/name');
  const family =
    third === undefined ? { project: null, type: first, name: second } : { project: first, type: second, name: third };
  try {
    if (family.project !== null) assertProject(family.project);
    assertTypeName(family.type);
    assertName(family.name);
  } catch (cause) {
    throw invalid(text, `is not [project/]type/name: ${cause instanceof Error ? cause.message : ''}`, cause);
  }
  return family;
}

function exactVersion(range: string): Version | null {
  return parseVersion(range) ?? null;
}

function encodeReserved(part: string): string {
  return part.replace(/[%/@:\s]/gu, (character) => encodeURIComponent(character));
}

function decodeReserved(text: string, part: string): string {
  if (brokenEscape.test(part)) throw invalid(text, 'has a % that starts no percent-encoding');
  try {
    return decodeURIComponent(part);
  } catch (cause) {
    throw invalid(text, 'has percent-encoded bytes that are not UTF-8', cause);
  }
}

function invalid(text: string, problem: string, cause?: unknown): AppError {
  const shown = text.length > 120 ? `${text.slice(0, 120)}…` : text;
  return new AppError('REFERENCE_INVALID', `The reference ${JSON.stringify(shown.toWellFormed())} ${problem}.`, { cause });
}
