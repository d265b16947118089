/** Type folders for tests, written to a temporary place outside the repository. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Json, JsonObject } from '#base/json.ts';
import type { BlobView, HookArtifact } from '#sdk/sdk.ts';

export interface TypesFolder extends Disposable {
  readonly path: string;
  /** Writes one file of one type; objects as JSON. */
  write(file: string, content: Json): string;
  /** A whole type: a manifest and the JSON Schemas of its versions, both with the least a type needs. */
  writeType(folder: string, options?: TypeOptions): string;
}

export interface TypeOptions {
  readonly manifest?: JsonObject;
  /** Properties by version. */
  readonly versions?: Readonly<Record<string, JsonObject>>;
  readonly hooks?: string;
}

export function createTypesFolder(): TypesFolder {
  const path = mkdtempSync(join(tmpdir(), 'vitrine-types-'));
  const write = (file: string, content: Json): string => {
    const target = join(path, file);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, typeof content === 'string' ? content : JSON.stringify(content));
    return target;
  };
  const writeType = (folder: string, { manifest = {}, versions = { 1: {} }, hooks }: TypeOptions = {}): string => {
    const names = Object.keys(versions);
    write(`${folder}/manifest.json`, {
      type: folder,
      title: folder,
      current: names.at(-1) ?? '1',
      versions: Object.fromEntries(names.map((name) => [name, {}])),
      ...manifest,
    });
    for (const [version, properties] of Object.entries(versions)) {
      write(`${folder}/schemas/${version}.json`, jsonSchema(properties));
    }
    if (hooks !== undefined) write(`${folder}/hooks.ts`, hooks);
    return join(path, folder);
  };
  return { path, write, writeType, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

export function jsonSchema(properties: JsonObject, more: JsonObject = {}): JsonObject {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    properties,
    additionalProperties: false,
    ...more,
  };
}

export function blobView(path: string, content: string | Uint8Array, slot = 'files'): BlobView {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  return {
    slot,
    path,
    mediaType: 'application/octet-stream',
    sizeBytes: bytes.length,
    sha256: '0'.repeat(64),
    read: async (offset, length) => bytes.subarray(offset, offset + length),
  };
}

export function hookArtifact(parts: Partial<HookArtifact> = {}): HookArtifact {
  return {
    type: 'test',
    typeVersion: '1',
    name: 'a',
    version: '1.0.0',
    properties: {},
    tags: [],
    blobs: [],
    dependencies: [],
    ...parts,
  };
}
