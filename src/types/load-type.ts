/** One type folder from disk to an ArtifactType, or every fault of its files. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Fault, isAppError } from '#base/app-error.ts';
import { isJsonObject, type Json, type JsonObject } from '#base/json.ts';
import { parseJsonStrict } from '#base/safe-json.ts';
import type { TypeManifest } from '#sdk/sdk.ts';
import { pluralProblem, typeNameProblem } from './graphql-names.ts';
import { compareTypeVersions, readManifest } from './manifest.ts';
import { propertyRules } from './property-rules.ts';
import { subsetFaults } from './schema-subset.ts';
import type { ArtifactType, TypeVersion } from './type-registry.ts';
import { createTypeVersion, type TypeVersionSource } from './type-version.ts';

/** Files of a type are small; a larger one is a mistake. */
const fileBytesMax = 1024 * 1024;
/** Levels that no manifest and no JSON Schema of the subset needs. */
const fileDepthMax = 64;

/** A type but for its hooks, which need a thread to run in. */
export type LoadedType = Omit<ArtifactType, 'hooks'>;

export interface LoadOutcome {
  readonly type: LoadedType | undefined;
  readonly folder: string;
  /** Path of `hooks.ts` or `hooks.js`, or null. */
  readonly hooksFile: string | null;
  /** Pointers of the form `<folder>/<file>#<json pointer>`. */
  readonly faults: readonly Fault[];
}

/** Reads manifest.json, every JSON Schema and the presence of hooks. Never throws for what stands in the folder. */
export function loadType(folder: string): LoadOutcome {
  const faults: Fault[] = [];
  const inFile = (file: string, found: readonly Fault[]): void => {
    for (const { pointer, message } of found) faults.push({ pointer: `${folder}/${file}#${pointer}`, message });
  };
  const hooksFile = hooksFileOf(folder, inFile);
  const type = readType(folder, inFile);
  return { type: faults.length === 0 ? type : undefined, folder, hooksFile, faults };
}

type InFile = (file: string, found: readonly Fault[]) => void;

function readType(folder: string, inFile: InFile): LoadedType | undefined {
  const manifestJson = readJsonFile(folder, 'manifest.json', inFile);
  if (manifestJson === undefined) return undefined;
  const { manifest, asWritten, faults: manifestFaults } = readManifest(manifestJson);
  inFile('manifest.json', manifestFaults);
  if (manifest === undefined) return undefined;
  inFile('manifest.json', nameFaults(manifest));

  const schemas = readSchemas(folder, manifest, inFile);
  const { rules, faults: ruleFaults } = propertyRules(manifest, schemas);
  inFile('manifest.json', ruleFaults);
  const versions = new Map<string, TypeVersion>();
  for (const [version, jsonSchema] of schemas) {
    const rule = manifest.versions[version];
    const written = asWritten.get(version);
    if (rule === undefined || written === undefined) continue;
    const built = buildVersion({ version, rule, jsonSchema, ...written }, inFile);
    if (built) versions.set(version, built);
  }
  const current = versions.get(manifest.current);
  if (current === undefined) return undefined;
  return { manifest, folder, versions, current, properties: rules, extraKind: current.extraKind };
}

function nameFaults(manifest: TypeManifest): Fault[] {
  const faults: Fault[] = [];
  const typeName = typeNameProblem(manifest.graphql.typeName);
  if (typeName !== undefined) faults.push({ pointer: '/graphql/typeName', message: `${typeName}; choose another` });
  const plural = pluralProblem(manifest.graphql.plural);
  if (plural !== undefined) faults.push({ pointer: '/graphql/plural', message: `${plural}; choose another` });
  return faults;
}

/** The JSON Schemas that are as they must be, by version, oldest first. */
function readSchemas(folder: string, manifest: TypeManifest, inFile: InFile): Map<string, JsonObject> {
  const versions = Object.keys(manifest.versions).sort(compareTypeVersions);
  const schemas = new Map<string, JsonObject>();
  for (const version of versions) {
    const file = `schemas/${version}.json`;
    const value = readJsonFile(folder, file, inFile);
    if (value === undefined) continue;
    const found = subsetFaults(value);
    inFile(file, found);
    if (found.length === 0 && isJsonObject(value)) schemas.set(version, value);
  }
  for (const file of filesIn(join(folder, 'schemas'))) {
    if (file.startsWith('.') || Object.hasOwn(manifest.versions, file.replace(/\.json$/, ''))) continue;
    inFile(`schemas/${file}`, [{ pointer: '', message: 'is of no version in manifest.json' }]);
  }
  return schemas;
}

/** None where it cannot be listed: then the files that were looked for in it are what is at fault. */
function filesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function buildVersion(source: TypeVersionSource, inFile: InFile): TypeVersion | undefined {
  try {
    return createTypeVersion(source);
  } catch (error) {
    inFile(`schemas/${source.version}.json`, [{ pointer: '', message: error instanceof Error ? error.message : String(error) }]);
    return undefined;
  }
}

function hooksFileOf(folder: string, inFile: InFile): string | null {
  const found = ['hooks.ts', 'hooks.js', 'hooks.mjs'].filter((name) => existsSync(join(folder, name)));
  const [first, second] = found;
  if (first !== undefined && second !== undefined) {
    inFile(second, [{ pointer: '', message: `stands beside ${first}; keep one` }]);
  }
  return first === undefined ? null : join(folder, first);
}

function readJsonFile(folder: string, file: string, inFile: InFile): Json | undefined {
  const fault = (message: string): undefined => {
    inFile(file, [{ pointer: '', message }]);
    return undefined;
  };
  const path = join(folder, file);
  try {
    const { size } = statSync(path);
    if (size > fileBytesMax) return fault(`is larger than ${fileBytesMax} bytes`);
    return parseJsonStrict(decodeUtf8(readFileSync(path)), { maxDepth: fileDepthMax });
  } catch (error) {
    if (isAppError(error, 'REQUEST_MALFORMED')) {
      inFile(file, error.faults);
      return undefined;
    }
    if (error instanceof TypeError) return fault('is not UTF-8 text');
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    return fault(code === 'ENOENT' ? 'is missing' : `cannot be read (${code})`);
  }
}

/** Without a byte order mark. @throws TypeError */
function decodeUtf8(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
}
