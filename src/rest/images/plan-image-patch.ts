/** What a list of changes makes of an image: one update, or the first reason why it cannot be. */
import { AppError } from '#base/app-error.ts';
import type { JsonObject } from '#base/json.ts';
import type { Artifact } from '#core/artifact.ts';
import { imageVersionField, isFurtherProperty } from '#core/image-fields.ts';
import type { OpSettings } from '#ops/context.ts';
import type { DecideUpdate } from '#ops/update-artifact.ts';
import { assertOpenFields, assertQuotas, type ImageWrite, isFault, mergeWrites, readField, shown } from './image-write.ts';
import type { FieldChange } from './parse-patch.ts';

const formatFields = ['disk_format', 'container_format'];

/** True where it matters to the changes whether bytes are coming. */
export function touchesFormats(changes: readonly FieldChange[]): boolean {
  return changes.some(({ name }) => formatFields.includes(name));
}

type Limits = Pick<OpSettings, 'maxTags' | 'image'>;

/**
 * Values are read once and at once; what is there already is looked at for each try.
 * @param isReceiving bytes are coming: they are what the image says now
 * @throws AppError PROPERTY_SYSTEM_WRITTEN, INPUT_INVALID here; STATE_CONFLICT, PROPERTY_IMMUTABLE, LIMIT_EXCEEDED from the decision
 */
export function planImagePatch(changes: readonly FieldChange[], limits: Limits, isReceiving = false): DecideUpdate {
  assertOpenFields(changes.map(({ name }) => name));
  const steps = changes.map((change) => ({ ...change, write: readChange(change, limits) }));
  const required = new Set(limits.image.properties.filter((rule) => rule.required === true).map(({ name }) => name));
  for (const { kind, name } of changes) if (kind === 'remove') assertRemovable(name, required);
  return (image) => {
    const before = furtherNames(image);
    const names = new Set(before);
    for (const change of changes) apply(names, change);
    const write = mergeWrites(steps.map((step) => step.write));
    assertFormatsOpen(image, write, isReceiving);
    const tags = new Set(write.tags).size;
    // Who has too many already may still change the rest, and take some away.
    const propertyCount = [...names].filter(isFurtherProperty).length;
    assertQuotas({ tags, propertyCount: propertyCount > before.length ? propertyCount : 0 }, limits);
    return write;
  };
}

function readChange({ kind, name, value }: FieldChange, { image }: Limits): ImageWrite {
  if (kind === 'remove') return name === imageVersionField ? { version: null } : { properties: { [name]: null } };
  const result = readField(name, value ?? null, image);
  if (isFault(result)) throw new AppError('INPUT_INVALID', undefined, { faults: [result] });
  return result;
}

/** A base field is always there; so is what the deployment asks for. */
function assertRemovable(name: string, required: ReadonlySet<string>): void {
  if (!isRemovable(name)) throw new AppError('PROPERTY_IMMUTABLE', `The attribute ${shown(name)} cannot be removed.`);
  if (required.has(name)) {
    throw new AppError('INPUT_INVALID', undefined, { faults: [{ pointer: `/${name}`, message: 'is required here' }] });
  }
}

function isRemovable(name: string): boolean {
  return isFurtherProperty(name) || name === imageVersionField;
}

/** The fields of the image that can also not be there. */
function furtherNames({ properties, version }: Pick<Artifact, 'properties' | 'version'>): readonly string[] {
  const names = Object.keys(properties).filter(isFurtherProperty);
  return version === null ? names : [...names, imageVersionField];
}

/** @throws AppError STATE_CONFLICT */
function apply(names: Set<string>, { kind, name, isStrict }: FieldChange): void {
  const isThere = !isRemovable(name) || names.has(name);
  if (kind !== 'add' && !isThere) throw new AppError('STATE_CONFLICT', `The image has no property ${shown(name)}.`);
  if (kind === 'add' && isThere && isStrict)
    throw new AppError('STATE_CONFLICT', `The image has a property ${shown(name)} already.`);
  if (kind === 'remove') names.delete(name);
  else if (isRemovable(name)) names.add(name);
}

/** What the bytes are said to be stays said, once they are there. */
function assertFormatsOpen({ state, properties }: Artifact, write: ImageWrite, isReceiving: boolean): void {
  if (state === 'draft' && !isReceiving) return;
  const next: JsonObject = write.properties ?? {};
  for (const name of formatFields) {
    if (Object.hasOwn(next, name) && next[name] !== (properties[name] ?? null)) {
      throw new AppError('PROPERTY_IMMUTABLE', `The attribute ${name} can be changed only while the image is queued.`);
    }
  }
}
