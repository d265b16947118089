/** What names, tags, projects, slot paths and media types may look like; each check returns the value or throws. */
import { AppError } from '#base/app-error.ts';

const nameLengthMax = 255;
export const pathBytesMax = 1024;
/** What common file systems take as one name; `pull` writes each segment as one. */
export const segmentBytesMax = 255;

const controls = /\p{Cc}/u;
/** Embeddings, overrides and isolates (Unicode UAX 9): they make a name look like another. */
const bidiControls = /[\u202a-\u202e\u2066-\u2069]/u;
const typePattern = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;
const drivePattern = /^[A-Za-z]:/;
/** RFC 6838 names, and RFC 9110 parameters. */
const mediaTypePattern =
  /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}(?:[ \t]*;[ \t]*[!#$%&'*+.^_`|~0-9A-Za-z-]+=(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+|"(?:[\t !#-[\]-~]|\\[\t -~])*"))*$/;

/** The name of a family, NFC, 1 to 255 characters. @throws AppError NAME_INVALID */
export function assertName(name: string): string {
  return assertText(name, 'name');
}

/** A project's id. @throws AppError NAME_INVALID */
export function assertProject(project: string): string {
  return assertText(project, 'project');
}

/** The name of an artifact type: kebab-case. @throws AppError NAME_INVALID */
export function assertTypeName(type: string): string {
  if (typePattern.test(type) && type.length <= nameLengthMax) return type;
  throw new AppError('NAME_INVALID', `The type ${quoted(type)} is not written in lower-case words joined by hyphens.`);
}

/** @throws AppError TAG_INVALID */
export function assertTag(tag: string): string {
  const problem = textProblem(tag);
  if (problem !== undefined) throw new AppError('TAG_INVALID', `The tag ${quoted(tag)} ${problem}.`);
  return tag;
}

/** The tags without repetitions, in order of their code units. @throws AppError TAG_INVALID with a fault for each bad tag */
export function assertTags(tags: readonly string[], max: number): readonly string[] {
  const unique = [...new Set(tags)];
  if (unique.length > max) throw new AppError('TAG_INVALID', `There are ${unique.length} tags, more than ${max}.`);
  // One fault for each that differs: a list may repeat a bad tag without end.
  const faults = unique.flatMap((tag) => {
    const problem = textProblem(tag);
    return problem === undefined ? [] : [{ pointer: `/${tags.indexOf(tag)}`, message: `The tag ${quoted(tag)} ${problem}.` }];
  });
  if (faults[0] !== undefined) throw new AppError('TAG_INVALID', faults[0].message, { faults });
  return unique.sort();
}

/**
 * The path of a blob in its artifact: relative, normalised, with forward slashes, safe to write below a folder on any system.
 * @throws AppError PATH_INVALID
 */
export function assertPath(path: string, maxBytes: number = pathBytesMax): string {
  const problem = pathProblem(path, maxBytes);
  if (problem !== undefined) throw new AppError('PATH_INVALID', `The path ${quoted(path)} ${problem}.`);
  return path;
}

/** Type and subtype in lower case, parameters as written. @throws AppError INPUT_INVALID */
export function assertMediaType(mediaType: string): string {
  if (mediaType.length > nameLengthMax || !mediaTypePattern.test(mediaType)) {
    throw new AppError('INPUT_INVALID', `The media type ${quoted(mediaType)} is not written type/subtype.`);
  }
  const end = mediaType.indexOf(';');
  if (end < 0) return mediaType.toLowerCase();
  return mediaType.slice(0, end).trimEnd().toLowerCase() + mediaType.slice(end);
}

/** True when one path is a folder of the other: no file system can hold both as files. */
export function arePathsNested(a: string, b: string): boolean {
  return a.startsWith(`${b}/`) || b.startsWith(`${a}/`);
}

/**
 * What a file system that ignores case may make of a path: paths with one fold are one file there. By upper case, which
 * brings together what differs in lower case only (σ and ς, ß and ss), of what is lower case already (ẞ is upper case, and not SS);
 * composed again, because case mappings decompose.
 */
export function foldPath(path: string): string {
  return path.normalize('NFC').toLowerCase().toUpperCase().toLowerCase().normalize('NFC');
}

/** The first of `others` that cannot stand beside the path in one folder, on every file system. */
export function findPathClash(path: string, others: readonly string[]): string | undefined {
  const folded = foldPath(path);
  return others.find((other) => {
    const second = foldPath(other);
    return second === folded || arePathsNested(second, folded);
  });
}

function assertText(text: string, what: string): string {
  const problem = textProblem(text) ?? (text === text.normalize('NFC') ? undefined : 'is not in Unicode normal form C');
  if (problem !== undefined) throw new AppError('NAME_INVALID', `The ${what} ${quoted(text)} ${problem}.`);
  return text;
}

function textProblem(text: string): string | undefined {
  if (text === '') return 'is empty';
  // Code units first: counting the characters of a very long text is not worth its time.
  if (text.length > 2 * nameLengthMax || Array.from(text).length > nameLengthMax)
    return `has more than ${nameLengthMax} characters`;
  if (!text.isWellFormed()) return 'has half a surrogate pair';
  if (controls.test(text)) return 'has a control character';
  if (bidiControls.test(text)) return 'has a bidirectional-override character';
  return undefined;
}

function pathProblem(path: string, maxBytes: number): string | undefined {
  if (path === '') return 'is empty';
  if (path.length > maxBytes || Buffer.byteLength(path) > maxBytes) return `has more than ${maxBytes} bytes`;
  if (!path.isWellFormed()) return 'has half a surrogate pair';
  if (controls.test(path)) return 'has a control character';
  if (bidiControls.test(path)) return 'has a bidirectional-override character';
  if (path.includes('\\')) return 'has a backslash';
  if (path.startsWith('/')) return 'is absolute';
  if (drivePattern.test(path)) return 'starts with a drive letter';
  if (path !== path.normalize('NFC')) return 'is not in Unicode normal form C';
  return path.split('/').map(segmentProblem).find(Boolean);
}

function segmentProblem(segment: string): string | undefined {
  if (segment === '') return 'has an empty segment';
  if (segment === '.' || segment === '..') return `has a segment ${quoted(segment)}`;
  return Buffer.byteLength(segment) > segmentBytesMax ? `has a segment of more than ${segmentBytesMax} bytes` : undefined;
}

/** As JSON, so that an error shows what cannot be seen; short, because it may be hostile. */
function quoted(text: string): string {
  const shown = text.length > 80 ? `${text.slice(0, 80)}…` : text;
  return JSON.stringify(shown.toWellFormed()).replace(/[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, escapeUnit);
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
