/** An artifact as the command line shows it: the documented JSON, or lines for a reader. */
import { AppError } from '#base/app-error.ts';
import { isJsonObject, type Json, type JsonObject } from '#base/json.ts';
import { formatFamily } from '#core/artifact-ref.ts';
import type { ApiClient } from './api-client.ts';
import { type CliIo, formatBytes, printLine, printNote } from './cli-io.ts';
import { resolveDocument } from './documents.ts';
import { listOf, objectsOf, textOf, textOrNull } from './json-values.ts';

export interface SlotView {
  readonly slot: string;
  readonly path: string;
  readonly mediaType: string;
  readonly size: number;
  readonly sha256: string;
  readonly url: string;
}

/** What `show --json` answers; scripts rely on exactly these keys. */
export interface ArtifactView {
  readonly id: string;
  readonly project: string;
  readonly type: string;
  readonly name: string | null;
  readonly version: string | null;
  readonly state: string;
  readonly visibility: string;
  readonly revision: number;
  readonly digest: string | null;
  readonly properties: JsonObject;
  readonly tags: readonly string[];
  readonly slots: readonly SlotView[];
  readonly dependencies: readonly JsonObject[];
}

/** An artifact as GraphQL answers it, with the fields of `documents.ts`. */
export type ArtifactNode = JsonObject;

/** What a reference leads to; its warnings go to the error output. */
export async function resolveArtifact(io: CliIo, client: ApiClient, ref: string): Promise<ArtifactNode> {
  const { resolve } = await client.query(resolveDocument, { ref });
  if (!isJsonObject(resolve) || !isJsonObject(resolve['artifact'])) throw new AppError('ARTIFACT_NOT_FOUND');
  for (const warning of listOf(resolve['warnings'])) printNote(io, `warning: ${textOf(warning)}`);
  return resolve['artifact'];
}

export function toArtifactView(node: ArtifactNode): ArtifactView {
  const properties = node['properties'];
  return {
    id: textOf(node['id']),
    project: textOf(node['project']),
    type: textOf(node['type']),
    name: textOrNull(node['name']),
    version: textOrNull(node['version']),
    state: textOf(node['state']),
    visibility: textOf(node['visibility']),
    revision: Number(node['revision']),
    digest: textOrNull(node['digest']),
    properties: isJsonObject(properties) ? properties : {},
    tags: listOf(node['tags']).map(textOf),
    slots: objectsOf(node['blobs']).map(toSlotView),
    dependencies: objectsOf(node['dependencies']),
  };
}

/** `project/type/name@version`, or the id of an artifact without a name. */
export function labelOf({ project, type, name, version, id }: Omit<ArtifactView, 'slots'>): string {
  if (name === null) return id;
  const family = formatFamily({ project, type, name });
  return version === null ? `${family} (${id})` : `${family}@${version}`;
}

export function printArtifact(io: CliIo, node: ArtifactNode): void {
  const view = toArtifactView(node);
  printLine(io, labelOf(view));
  const lines: readonly (readonly [string, string])[] = [
    ['id', view.id],
    ['state', [view.state, ...flagsOf(node)].join(', ')],
    ['visibility', view.visibility],
    ['revision', String(view.revision)],
    ['digest', view.digest ?? '-'],
    ['created', textOf(node['createdAt'])],
    ['published', textOrNull(node['publishedAt']) ?? '-'],
    ['tags', view.tags.join(', ') || '-'],
    ...Object.entries(view.properties).map(([key, value]) => [key, formatValue(value)] as const),
    ...view.slots.map((slot) => [`${slot.slot}:`, `${slot.path}  ${formatBytes(slot.size)}  sha256:${slot.sha256}`] as const),
    ...view.dependencies.map((dependency) => [`needs ${textOf(dependency['alias'])}:`, formatDependency(dependency)] as const),
  ];
  const width = Math.max(...lines.map(([name]) => name.length));
  for (const [name, value] of lines) printLine(io, `  ${name.padEnd(width)}  ${value}`);
}

function toSlotView(blob: JsonObject): SlotView {
  return {
    slot: textOf(blob['slot']),
    path: textOf(blob['path']),
    mediaType: textOf(blob['mediaType']),
    size: Number(blob['sizeBytes']),
    sha256: textOf(blob['sha256']),
    url: textOf(blob['url']),
  };
}

function flagsOf(node: ArtifactNode): string[] {
  const flags: string[] = [];
  if (typeof node['yankedAt'] === 'string') flags.push('yanked');
  if (typeof node['deprecatedAt'] === 'string') flags.push(`deprecated: ${textOf(node['deprecationMessage'])}`);
  if (node['hidden'] === true) flags.push('hidden');
  if (node['protected'] === true) flags.push('protected');
  return flags;
}

function formatDependency(dependency: JsonObject): string {
  const resolved = dependency['resolved'];
  const ref = textOf(dependency['ref']);
  return isJsonObject(resolved) ? `${ref} → ${textOf(resolved['version'] ?? resolved['id'])}` : ref;
}

function formatValue(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
