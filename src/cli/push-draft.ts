/** The draft that a push fills: made anew, or the one an earlier push of the same version left, brought to what is pushed now. */
import { randomUUID } from 'node:crypto';
import { AppError } from '#base/app-error.ts';
import { isJsonObject, type JsonObject } from '#base/json.ts';
import { canonicalJson } from '#core/canonical-json.ts';
import { type ApiClient, assertLocal } from './api-client.ts';
import { type ArtifactNode, toArtifactView } from './artifact-view.ts';
import { artifactMutation, resolveDocument } from './documents.ts';
import { readFailure } from './http-exchange.ts';
import { textOf } from './json-values.ts';
import type { PushPlan } from './push-artifact.ts';
import type { PushFile } from './push-files.ts';
import type { PushSpec } from './push-manifest.ts';
import type { PushState } from './push-state.ts';
import { createRetry, isNoRefusal, type Patience } from './retry.ts';

export interface Draft {
  readonly node: ArtifactNode;
  readonly id: string;
  /** Made by this push: it goes again when the push is refused. */
  readonly isNew: boolean;
}

/** @throws AppError what the server refuses of the draft */
export async function openDraft(client: ApiClient, plan: PushPlan, state: PushState, patience: Patience): Promise<Draft> {
  const remembered = await state.read();
  const node = remembered === undefined ? undefined : await findArtifact(client, remembered);
  if (node !== undefined && isDraftOf(node, plan.spec)) {
    await alignDraft(client, node, plan);
    return { node, id: textOf(node['id']), isNew: false };
  }
  const id = randomUUID();
  await state.write(id);
  return { node: await createDraft(client, id, plan.spec, patience), id, isNew: true };
}

/** Undefined when there is none that the caller may see. */
export async function findArtifact(client: ApiClient, ref: string): Promise<ArtifactNode | undefined> {
  try {
    const { resolve } = await client.query(resolveDocument, { ref });
    const artifact = isJsonObject(resolve) ? resolve['artifact'] : undefined;
    return isJsonObject(artifact) ? artifact : undefined;
  } catch (error) {
    const isAbsent =
      error instanceof AppError && ['ARTIFACT_NOT_FOUND', 'FAMILY_NOT_FOUND', 'VERSION_NO_MATCH'].includes(error.code);
    if (isAbsent) return undefined;
    throw error;
  }
}

function isDraftOf(node: ArtifactNode, spec: PushSpec): boolean {
  const { state, type, name, version, project } = toArtifactView(node);
  const isSame = type === spec.type && name === (spec.name ?? null) && version === (spec.version ?? null);
  return state === 'draft' && isSame && (spec.project === undefined || project === spec.project);
}

/** With an id of its own, so that an answer which got lost can be asked for. */
async function createDraft(client: ApiClient, id: string, spec: PushSpec, patience: Patience): Promise<ArtifactNode> {
  const retry = createRetry(patience);
  const { slots: _slots, mediaTypes: _mediaTypes, ...rest } = spec;
  const input = { id, ...rest, dependencies: toLinks(spec) } as unknown as JsonObject;
  for (let isFirst = true; ; isFirst = false) {
    try {
      const made = isFirst ? undefined : await findArtifact(client, id);
      if (made !== undefined) return made;
      const { artifact } = await client.mutate(artifactMutation('createArtifact'), input);
      return artifact as ArtifactNode;
    } catch (error) {
      // Nothing was begun yet: a server that is not there is told at once.
      if (isFirst && error instanceof AppError && error.code === 'SERVER_UNREACHABLE') throw error;
      await retry.after(error);
    }
  }
}

/** Gives an older draft the properties, tags and dependencies of now, and takes away blobs that are not pushed any more. */
async function alignDraft(client: ApiClient, node: ArtifactNode, { spec, files, systemWritten }: PushPlan): Promise<void> {
  const { id, properties, tags, dependencies, visibility, slots } = toArtifactView(node);
  const isSame =
    canonicalJson(ownProperties(properties, systemWritten)) === canonicalJson(ownProperties(spec.properties)) &&
    canonicalJson([...tags].sort()) === canonicalJson([...spec.tags].sort()) &&
    canonicalJson(comparableLinks(dependencies)) === canonicalJson(comparableLinks(toLinks(spec))) &&
    (spec.visibility ?? visibility) === visibility;
  if (!isSame) {
    await client.mutate(artifactMutation('updateArtifact'), {
      id,
      properties: spec.properties,
      replaceProperties: true,
      tags: [...spec.tags],
      dependencies: toLinks(spec),
      ...(spec.visibility === undefined ? {} : { visibility: spec.visibility }),
    });
  }
  const kept = new Set(files.map(({ slot, path }: PushFile) => `${slot}\0${path}`));
  for (const slot of slots.filter(({ slot, path }) => !kept.has(`${slot}\0${path}`))) {
    const response = await client.request({ method: 'DELETE', path: assertLocal(slot.url) });
    if (response.statusCode !== 204 && response.statusCode !== 200 && response.statusCode !== 404)
      throw await readFailure(response);
    response.resume();
  }
}

/** What a caller has given: no nulls, nothing that a hook wrote. */
export function ownProperties(properties: JsonObject, without: ReadonlySet<string> = new Set()): JsonObject {
  return Object.fromEntries(Object.entries(properties).filter(([name, value]) => value !== null && !without.has(name)));
}

/** Links as they were written, without what publish made of them. */
export function toLinks({ dependencies }: { readonly dependencies: PushSpec['dependencies'] }): JsonObject[] {
  return dependencies.map(({ slot, alias, ref, parameter }) => ({
    slot,
    alias,
    ref,
    ...(parameter === undefined ? {} : { parameter }),
  }));
}

/** Links as the server and a manifest write them alike. */
export function comparableLinks(links: readonly JsonObject[]): JsonObject[] {
  return links.map(({ slot, alias, ref, parameter }) => ({ slot, alias, ref, parameter: parameter ?? null }) as JsonObject);
}

/** True when the draft, with what was sent to it, waits for the next push: the failure was nobody's refusal. */
export function canGoOn(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted || isNoRefusal(error);
}
