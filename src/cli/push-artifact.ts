/** The steps of a push: a draft, its blobs, its publication; whatever fails, the draft goes again. */
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { AppError } from '#base/app-error.ts';
import { formatDigestField } from '#base/digest-field.ts';
import { isJsonObject, type JsonObject } from '#base/json.ts';
import { formatFamily } from '#core/artifact-ref.ts';
import { blobUrl } from '#core/blob-url.ts';
import { canonicalJson } from '#core/canonical-json.ts';
import type { ApiClient } from './api-client.ts';
import { type ArtifactNode, type ArtifactView, toArtifactView } from './artifact-view.ts';
import { artifactMutation, resolveDocument } from './documents.ts';
import { textOf } from './json-values.ts';
import { counted, type Progress } from './progress.ts';
import type { PushFile } from './push-files.ts';
import type { PushSpec } from './push-manifest.ts';

export interface PushPlan {
  readonly spec: PushSpec;
  readonly files: readonly PushFile[];
  /** Properties of the type that only hooks write: they are not pushed. */
  readonly systemWritten: ReadonlySet<string>;
  readonly publish: boolean;
}

export interface PushResult {
  readonly artifact: ArtifactView;
  /** `exists`: this version was published before, with the same content. */
  readonly outcome: 'draft' | 'published' | 'exists';
}

/** A cleanup after Ctrl-C is not cut short by the same Ctrl-C, but does not wait forever either. */
const cleanupTimeoutMs = 10_000;

/** @throws AppError VERSION_EXISTS before a byte is sent, where that is certain */
export async function pushArtifact(client: ApiClient, plan: PushPlan, progress: Progress): Promise<PushResult> {
  const draft = await createDraft(client, plan.spec);
  const id = textOf(draft['id']);
  try {
    const existing = await findPublished(client, plan.spec, textOf(draft['project']));
    if (existing !== undefined && hasSameContent(existing, plan)) {
      await deleteDraft(client, id);
      return { artifact: toArtifactView(existing), outcome: 'exists' };
    }
    for (const file of plan.files) await upload(client, id, file, progress);
    if (!plan.publish) return { artifact: await readArtifact(client, id), outcome: 'draft' };
    const { artifact } = await client.mutate(artifactMutation('publishArtifact'), { id });
    const view = toArtifactView(artifact as ArtifactNode);
    // Over a live version with the same digest the server answers that one, and has removed the draft itself.
    return { artifact: view, outcome: view.id === id ? 'published' : 'exists' };
  } catch (error) {
    await deleteDraft(client, id).catch(() => undefined);
    throw error;
  }
}

async function createDraft(client: ApiClient, spec: PushSpec): Promise<ArtifactNode> {
  const { slots: _slots, tags, dependencies, ...rest } = spec;
  const input = { ...rest, tags, dependencies: dependencies.map((dependency) => ({ ...dependency })) } as unknown as JsonObject;
  const { artifact } = await client.mutate(artifactMutation('createArtifact'), input);
  return artifact as ArtifactNode;
}

/** The live artifact of this very version, if there is one. The draft told whose project it would be in. */
async function findPublished(client: ApiClient, spec: PushSpec, project: string): Promise<ArtifactNode | undefined> {
  const { type, name, version } = spec;
  if (name === undefined || version === undefined) return undefined;
  try {
    const { resolve } = await client.query(resolveDocument, { ref: `${formatFamily({ project, type, name })}@${version}` });
    const artifact = isJsonObject(resolve) ? resolve['artifact'] : undefined;
    return isJsonObject(artifact) && artifact['version'] === version ? artifact : undefined;
  } catch (error) {
    const isAbsent =
      error instanceof AppError && ['ARTIFACT_NOT_FOUND', 'FAMILY_NOT_FOUND', 'VERSION_NO_MATCH'].includes(error.code);
    if (isAbsent) return undefined;
    throw error;
  }
}

/**
 * True when nothing of the push is new, so that no byte need be sent. Different blobs make a different digest for certain, and
 * are refused at once; about anything else the server decides at publish.
 */
function hasSameContent(existing: ArtifactNode, { spec, files, systemWritten, publish }: PushPlan): boolean {
  const view = toArtifactView(existing);
  const sent = files.map(({ slot, path, mediaType, sha256 }) => ({ slot, path, mediaType, sha256 }));
  const stored = view.slots.map(({ slot, path, mediaType, sha256 }) => ({ slot, path, mediaType, sha256 }));
  if (asSet(sent) !== asSet(stored)) {
    if (!publish) return false;
    throw new AppError('VERSION_EXISTS', `${spec.type}/${spec.name} has ${spec.version} already, with other blobs.`);
  }
  const sentLinks = spec.dependencies.map(({ slot, alias, ref, parameter }) => ({
    slot,
    alias,
    ref,
    parameter: parameter ?? null,
  }));
  const storedLinks = view.dependencies.map(({ slot, alias, ref, parameter }) => ({
    slot,
    alias,
    ref,
    parameter: parameter ?? null,
  }));
  return (
    asSet(sentLinks) === asSet(storedLinks as JsonObject[]) &&
    canonicalJson(ownProperties(spec.properties)) === canonicalJson(ownProperties(view.properties, systemWritten))
  );
}

/** What a caller has given: no nulls, nothing that a hook wrote. */
function ownProperties(properties: JsonObject, without: ReadonlySet<string> = new Set()): JsonObject {
  return Object.fromEntries(Object.entries(properties).filter(([name, value]) => value !== null && !without.has(name)));
}

function asSet(items: readonly JsonObject[]): string {
  return items.map(canonicalJson).sort().join('\n');
}

async function upload(client: ApiClient, id: string, file: PushFile, progress: Progress): Promise<void> {
  progress.begin(file.path);
  // Only as many bytes as were hashed: a file that grows meanwhile is found out by its digest.
  const bytes = file.sizeBytes === 0 ? {} : { end: file.sizeBytes - 1 };
  const source = createReadStream(file.file, { ...bytes, highWaterMark: 1024 * 1024 });
  const body = Readable.from(counted(source, progress), { objectMode: false });
  const path = blobUrl(id, file.slot, file.kind, file.path);
  const query = file.kind === 'one' ? `?path=${encodeURIComponent(file.path)}` : '';
  await client.put(
    `${path}${query}`,
    {
      'content-type': file.mediaType,
      'content-length': String(file.sizeBytes),
      'repr-digest': formatDigestField({ sha256: file.sha256 }),
    },
    body,
  );
}

async function readArtifact(client: ApiClient, id: string): Promise<ArtifactView> {
  const { resolve } = await client.query(resolveDocument, { ref: id });
  return toArtifactView((isJsonObject(resolve) ? resolve['artifact'] : {}) as ArtifactNode);
}

async function deleteDraft(client: ApiClient, id: string): Promise<void> {
  await client.withSignal(AbortSignal.timeout(cleanupTimeoutMs)).mutate(artifactMutation('deleteArtifact'), { id });
}
