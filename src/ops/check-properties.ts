/** What callers may write as properties: bounded, valid under the type, and nothing that only hooks may write. */
import { AppError, type Fault } from '#base/app-error.ts';
import { isJsonObject, type Json, type JsonObject } from '#base/json.ts';
import type { TypeVersion } from '#types/type-registry.ts';
import type { OpContext } from './context.ts';

/** @throws AppError PROPERTY_SYSTEM_WRITTEN, naming each such property */
export function assertCallerProperties(version: TypeVersion, given: JsonObject): void {
  if (!isJsonObject(given)) {
    throw new AppError('INPUT_INVALID', undefined, { faults: [{ pointer: '/properties', message: 'must be an object' }] });
  }
  const faults = Object.keys(given)
    .filter((name) => version.isSystemWritten(name))
    .map((name) => ({ pointer: propertyPointer(name), message: 'is written by Vitrine only' }));
  if (faults.length > 0) throw new AppError('PROPERTY_SYSTEM_WRITTEN', undefined, { faults });
}

/**
 * @param options `partial`: of a draft, where nothing is required yet
 * @throws AppError PROPERTIES_INVALID with every fault, LIMIT_EXCEEDED
 */
export function assertProperties(
  context: OpContext,
  version: TypeVersion,
  properties: JsonObject,
  options: { readonly partial: boolean },
): void {
  // First: it bounds the depth, and what is nested without end cannot be written out to be measured.
  const faults = propertyFaults(version, properties, options.partial);
  if (faults.length > 0) throw new AppError('PROPERTIES_INVALID', undefined, { faults });
  assertPropertiesSize(context, properties);
}

/** The JSON Schema's faults, with pointers into the artifact. */
export function propertyFaults(version: TypeVersion, properties: JsonObject, isPartial: boolean): readonly Fault[] {
  return version
    .validate(properties, { partial: isPartial })
    .map(({ pointer, message }) => ({ pointer: `/properties${pointer}`, message }));
}

/** The properties after a merge patch (RFC 7396, one level): null removes, anything else replaces. */
export function mergeProperties(current: JsonObject, patch: JsonObject): JsonObject {
  const merged = new Map<string, Json>(Object.entries(current));
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name);
    else merged.set(name, value);
  }
  return Object.fromEntries(merged);
}

export function propertyPointer(name: string): string {
  return `/properties/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

function assertPropertiesSize(context: OpContext, properties: JsonObject): void {
  const max = context.settings.maxPropertiesBytes;
  const bytes = Buffer.byteLength(JSON.stringify(properties));
  if (bytes > max) throw new AppError('LIMIT_EXCEEDED', `The properties have ${bytes} bytes, more than ${max}.`);
}
