/** What callers write of an image, field by field: each value read into what an operation takes, or a fault that points at it. */
import { AppError, type Fault } from '#base/app-error.ts';
import type { Json } from '#base/json.ts';
import { type Visibility, visibilities } from '#core/artifact.ts';
import { imageVersionField, isFurtherProperty } from '#core/image-fields.ts';
import type { ImagePropertyRule, ImageSettings } from '#ops/context.ts';

/** A part of what `createArtifact` and `updateArtifact` take. */
export interface ImageWrite {
  readonly name?: string | null;
  readonly version?: string | null;
  readonly project?: string;
  readonly visibility?: Visibility;
  readonly hidden?: boolean;
  readonly protected?: boolean;
  readonly tags?: readonly string[];
  /** One property; null takes it away. */
  readonly properties?: Readonly<Record<string, Json>>;
}

type ReadValue = (value: Json, settings: ImageSettings) => ImageWrite | string;

/** The largest number that clients of this API keep. */
const integerMax = 2_147_483_647;

/** A string is what is wrong with the value. */
const readers = {
  name: (value) => (isTextOrNull(value) ? { name: value === '' ? null : value } : 'must be text or null'),
  owner: (value) => {
    // Whoever names none means the own project.
    if (value === null) return {};
    return typeof value === 'string' ? { project: value } : 'must be text or null';
  },
  visibility: (value) => (isVisibility(value) ? { visibility: value } : `must be one of ${visibilities.join(', ')}`),
  protected: (value) => (typeof value === 'boolean' ? { protected: value } : 'must be true or false'),
  os_hidden: (value) => (typeof value === 'boolean' ? { hidden: value } : 'must be true or false'),
  tags: (value) => (isTextList(value) ? { tags: value } : 'must be a list of texts'),
  min_ram: (value) => readCount('min_ram', value),
  min_disk: (value) => readCount('min_disk', value),
  disk_format: (value, { diskFormats }) => readFormat('disk_format', value, diskFormats),
  container_format: (value, { containerFormats }) => readFormat('container_format', value, containerFormats),
  [imageVersionField]: (value) => (isTextOrNull(value) ? { version: value === '' ? null : value } : 'must be text or null'),
} as const satisfies Readonly<Record<string, ReadValue>>;

/** True for a field that callers may not write: only the server does, or nobody. */
function isClosedField(name: string): boolean {
  return !Object.hasOwn(readers, name) && !isFurtherProperty(name);
}

/** @throws AppError PROPERTY_SYSTEM_WRITTEN, naming each such field */
export function assertOpenFields(names: readonly string[]): void {
  const closed = names.filter(isClosedField);
  if (closed.length === 0) return;
  const faults = closed.map((name) => ({ pointer: pointerOf(name), message: 'is not for callers to write' }));
  throw new AppError('PROPERTY_SYSTEM_WRITTEN', `The attribute ${shown(closed[0])} is not for callers to write.`, { faults });
}

/** The value of a field that callers may write, as operations take it; or what is wrong with it. */
export function readField(name: string, value: Json, settings: ImageSettings): ImageWrite | Fault {
  const read: ReadValue = isWritten(name) ? readers[name] : (given) => readProperty(name, given, settings);
  const result = read(value, settings);
  return typeof result === 'string' ? { pointer: pointerOf(name), message: result } : result;
}

export function isFault(result: ImageWrite | Fault): result is Fault {
  return 'pointer' in result;
}

/** Later fields win; properties come together. */
export function mergeWrites(writes: readonly ImageWrite[]): ImageWrite {
  const properties = Object.fromEntries(writes.flatMap((write) => Object.entries(write.properties ?? {})));
  return Object.assign({}, ...writes, { properties });
}

/** @throws AppError LIMIT_EXCEEDED */
export function assertQuotas({ tags, propertyCount }: { tags: number; propertyCount: number }, limits: ImageLimits): void {
  const { maxTags } = limits;
  const { propertyQuota } = limits.image;
  if (tags > maxTags) throw new AppError('LIMIT_EXCEEDED', `An image has at most ${maxTags} tags, not ${tags}.`);
  if (propertyCount > propertyQuota) {
    throw new AppError('LIMIT_EXCEEDED', `An image has at most ${propertyQuota} further properties, not ${propertyCount}.`);
  }
}

export interface ImageLimits {
  readonly maxTags: number;
  readonly image: Pick<ImageSettings, 'propertyQuota'>;
}

function pointerOf(name: string): string {
  return `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** A name as a message shows it: short, because it may be hostile. */
export function shown(name: string | undefined): string {
  return JSON.stringify((name ?? '').slice(0, 100).toWellFormed());
}

function isWritten(name: string): name is keyof typeof readers {
  return Object.hasOwn(readers, name);
}

function readCount(name: string, value: Json): ImageWrite | string {
  const isCount = typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= integerMax;
  return isCount ? { properties: { [name]: value } } : `must be a whole number from 0 to ${integerMax}`;
}

function readFormat(name: string, value: Json, formats: readonly string[]): ImageWrite | string {
  if (value === null || (typeof value === 'string' && formats.includes(value))) return { properties: { [name]: value } };
  return `must be null or one of ${formats.join(', ')}`;
}

/** Any text; null is the empty one. */
function readProperty(name: string, value: Json, { properties }: ImageSettings): ImageWrite | string {
  if (name === '' || name.length > 255) return 'has a name that is not of 1 to 255 characters';
  const text = value ?? '';
  if (typeof text !== 'string') return 'must be text';
  const rule = properties.find((candidate) => candidate.name === name);
  const problem = rule === undefined ? undefined : propertyProblem(text, rule);
  return problem ?? { properties: { [name]: text } };
}

function propertyProblem(text: string, rule: ImagePropertyRule): string | undefined {
  const { enum: values, pattern, minLength = 0, maxLength = Number.POSITIVE_INFINITY } = rule;
  if (values !== undefined && !values.includes(text)) return `must be one of ${values.join(', ')}`;
  const { length } = [...text];
  if (length < minLength) return `must have at least ${minLength} characters`;
  if (length > maxLength) return `must have at most ${maxLength} characters`;
  return pattern === undefined || new RegExp(pattern, 'u').test(text) ? undefined : `must match ${pattern}`;
}

function isTextOrNull(value: Json): value is string | null {
  return value === null || typeof value === 'string';
}

function isTextList(value: Json): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function isVisibility(value: Json): value is Visibility {
  return visibilities.some((visibility) => visibility === value);
}
