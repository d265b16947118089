/** `vitrine.json`: what a folder says about the artifact it holds. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, type Fault, isAppError } from '#base/app-error.ts';
import { isJsonObject, type Json, type JsonObject } from '#base/json.ts';
import { parseJsonStrict } from '#base/safe-json.ts';
import type { DependencyInput } from '#core/artifact.ts';
import { assertMediaType } from '#core/names.ts';
import { textOf } from './json-values.ts';

export const manifestName = 'vitrine.json';

/** What is pushed, from a manifest or from flags; slots name local paths. */
export interface PushSpec {
  readonly type: string;
  readonly name?: string;
  readonly version?: string;
  readonly project?: string;
  readonly visibility?: string;
  readonly description?: string;
  readonly properties: JsonObject;
  readonly tags: readonly string[];
  readonly slots: Readonly<Record<string, readonly string[]>>;
  /** Of files, by their paths in the artifact. */
  readonly mediaTypes: Readonly<Record<string, string>>;
  readonly dependencies: readonly DependencyInput[];
}

const maxDepth = 32;
const maxBytes = 4 * 1024 * 1024;
const textKeys = ['name', 'version', 'project', 'visibility', 'description'] as const;
const dependencyKeys = ['slot', 'alias', 'ref', 'parameter'] as const;
const otherKeys = ['properties', 'tags', 'slots', 'mediaTypes', 'dependencies'] as const;
const knownKeys: ReadonlySet<string> = new Set(['$schema', 'type', ...textKeys, ...otherKeys]);

/** @throws AppError FILE_UNREADABLE; INPUT_INVALID with a pointer for each fault */
export async function readManifest(folder: string): Promise<PushSpec> {
  const path = join(folder, manifestName);
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === 'ENOENT' ? `${folder} has no ${manifestName}.` : `${path} cannot be read: ${cause.message}`;
    throw new AppError('FILE_UNREADABLE', why, { cause });
  });
  if (text.length > maxBytes) throw new AppError('INPUT_INVALID', `${path} is larger than ${maxBytes} bytes.`);
  return parseManifest(parseText(text, path), path);
}

/** Some editors begin a file with a byte order mark. */
function parseText(text: string, path: string): Json {
  try {
    return parseJsonStrict(text.replace(/^\ufeff/, ''), { maxDepth });
  } catch (error) {
    if (isAppError(error)) throw invalid(path, error.faults);
    throw error;
  }
}

function parseManifest(value: Json, path: string): PushSpec {
  if (!isJsonObject(value)) throw invalid(path, [{ pointer: '', message: 'It is not a JSON object.' }]);
  const faults = findFaults(value);
  if (faults.length > 0) throw invalid(path, faults);
  const texts = Object.fromEntries(textKeys.flatMap((key) => (typeof value[key] === 'string' ? [[key, value[key]]] : [])));
  const slots = Object.entries(isJsonObject(value['slots']) ? value['slots'] : {});
  const mediaTypes = Object.entries(isJsonObject(value['mediaTypes']) ? value['mediaTypes'] : {});
  return {
    type: textOf(value['type']),
    ...texts,
    properties: isJsonObject(value['properties']) ? value['properties'] : {},
    tags: textsOf(value['tags'] ?? []),
    slots: Object.fromEntries(slots.map(([slot, paths]) => [slot, textsOf(paths)])),
    mediaTypes: Object.fromEntries(mediaTypes.map(([file, type]) => [file.normalize('NFC'), textOf(type)])),
    dependencies: (Array.isArray(value['dependencies']) ? value['dependencies'] : []).map(toDependency),
  };
}

function findFaults(value: JsonObject): Fault[] {
  const faults: Fault[] = [];
  const must = (isGood: boolean, pointer: string, message: string) => {
    if (!isGood) faults.push({ pointer, message });
  };
  for (const key of Object.keys(value)) must(knownKeys.has(key), `/${key}`, 'There is no such member in a manifest.');
  must(typeof value['type'] === 'string', '/type', 'The artifact type is missing.');
  for (const key of textKeys) must(value[key] === undefined || typeof value[key] === 'string', `/${key}`, 'It is text.');
  must(value['properties'] === undefined || isJsonObject(value['properties']), '/properties', 'It is an object.');
  must(value['tags'] === undefined || isTextList(value['tags']), '/tags', 'It is a list of texts.');
  const { slots = {}, dependencies = [] } = value;
  must(isJsonObject(slots), '/slots', 'It is an object: a path or a list of paths for each slot.');
  for (const [slot, paths] of Object.entries(isJsonObject(slots) ? slots : {})) {
    must(typeof paths === 'string' || isTextList(paths), `/slots/${slot}`, 'It is a path or a list of paths.');
  }
  const { mediaTypes = {} } = value;
  must(isJsonObject(mediaTypes), '/mediaTypes', 'It is an object: a media type for each path.');
  for (const [file, type] of Object.entries(isJsonObject(mediaTypes) ? mediaTypes : {})) {
    must(
      isMediaType(type),
      `/mediaTypes/${file.replaceAll('~', '~0').replaceAll('/', '~1')}`,
      'It is a media type: type/subtype.',
    );
  }
  must(Array.isArray(dependencies), '/dependencies', 'It is a list.');
  for (const [index, item] of (Array.isArray(dependencies) ? dependencies : []).entries()) {
    must(
      isDependency(item),
      `/dependencies/${index}`,
      'It is an object with slot, alias and ref, and parameter where wanted: texts.',
    );
  }
  return faults;
}

function isMediaType(value: unknown): boolean {
  try {
    return typeof value === 'string' && assertMediaType(value) !== '';
  } catch {
    return false;
  }
}

function isDependency(value: unknown): boolean {
  if (!isJsonObject(value)) return false;
  const isKnown = Object.keys(value).every((key) => dependencyKeys.some((known) => known === key));
  return (
    isKnown && dependencyKeys.every((key) => typeof value[key] === 'string' || (key === 'parameter' && value[key] === undefined))
  );
}

function toDependency(value: Json): DependencyInput {
  const { slot, alias, ref, parameter } = isJsonObject(value) ? value : {};
  const base = { slot: textOf(slot), alias: textOf(alias), ref: textOf(ref) };
  return typeof parameter === 'string' ? { ...base, parameter } : base;
}

function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function textsOf(value: Json): readonly string[] {
  if (typeof value === 'string') return [value];
  return isTextList(value) ? value : [];
}

function invalid(path: string, faults: readonly Fault[]): AppError {
  return new AppError('INPUT_INVALID', `${path} is not a manifest that push can read.`, { faults });
}
