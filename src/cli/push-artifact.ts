/** The steps of a push: a draft, its blobs, its publication. What breaks can be gone on with; what is refused leaves no draft. */
import { AppError } from '#base/app-error.ts';
import type { JsonObject } from '#base/json.ts';
import { formatFamily } from '#core/artifact-ref.ts';
import { canonicalJson } from '#core/canonical-json.ts';
import type { ApiClient } from './api-client.ts';
import { type ArtifactNode, type ArtifactView, toArtifactView } from './artifact-view.ts';
import { artifactMutation } from './documents.ts';
import { textOf } from './json-values.ts';
import { pushBlobs, type SendOptions } from './push-blobs.ts';
import { canGoOn, comparableLinks, findArtifact, openDraft, ownProperties, toLinks } from './push-draft.ts';
import type { PushFile } from './push-files.ts';
import type { PushSpec } from './push-manifest.ts';
import type { PushState } from './push-state.ts';
import { withRetries } from './retry.ts';

export interface PushPlan {
  readonly spec: PushSpec;
  readonly files: readonly PushFile[];
  /** Properties of the type that only hooks write: they are not pushed. */
  readonly systemWritten: ReadonlySet<string>;
  readonly publish: boolean;
}

export interface PushOptions extends SendOptions {
  readonly state: PushState;
  /** Told when the push ends with something that the next one goes on with. */
  readonly onKept: (draftId: string) => void;
}

export interface PushResult {
  readonly artifact: ArtifactView;
  /** `exists`: this version was published before, with the same content. */
  readonly outcome: 'draft' | 'published' | 'exists';
}

/** A cleanup after Ctrl-C is not cut short by the same Ctrl-C, but does not wait forever either. */
const cleanupTimeoutMs = 10_000;

/** @throws AppError VERSION_EXISTS before a byte is sent, where that is certain */
export async function pushArtifact(client: ApiClient, plan: PushPlan, options: PushOptions): Promise<PushResult> {
  const { state, patience } = options;
  const { node, id, isNew } = await openDraft(client, plan, state, patience);
  try {
    const existing = await findPublished(client, plan.spec, textOf(node['project']));
    if (existing !== undefined && hasSameContent(existing, plan)) {
      if (isNew) await deleteDraft(client, id);
      await state.forget();
      return { artifact: toArtifactView(existing), outcome: 'exists' };
    }
    await pushBlobs(client, id, plan.files, options);
    if (!plan.publish) return await endAsDraft(client, id, plan.spec, options);
    // The key makes a second try answer what the first one did, if only its answer got lost.
    const input = { id, idempotencyKey: `push-${id}` };
    const { artifact } = await withRetries(patience, () => client.mutate(artifactMutation('publishArtifact'), input));
    const view = toArtifactView(artifact as ArtifactNode);
    await state.forget();
    // Over a live version with the same digest the server answers that one, and has removed the draft itself.
    return { artifact: view, outcome: view.id === id ? 'published' : 'exists' };
  } catch (error) {
    if (canGoOn(error, patience.signal) && state.isKept()) options.onKept(id);
    else if (isNew) {
      await deleteDraft(client, id).catch(() => undefined);
      await state.forget();
    }
    throw error;
  }
}

/** A draft of a version is remembered: pushing that version again changes it, or publishes it. */
async function endAsDraft(client: ApiClient, id: string, spec: PushSpec, { state, patience }: PushOptions): Promise<PushResult> {
  const node = await withRetries(patience, () => findArtifact(client, id));
  if (node === undefined) throw new AppError('ARTIFACT_NOT_FOUND', 'The draft is gone: somebody has deleted it.');
  if (spec.version === undefined) await state.forget();
  return { artifact: toArtifactView(node), outcome: 'draft' };
}

/** The live artifact of this very version, if there is one. The draft told whose project it would be in. */
async function findPublished(client: ApiClient, spec: PushSpec, project: string): Promise<ArtifactNode | undefined> {
  const { type, name, version } = spec;
  if (name === undefined || version === undefined) return undefined;
  const artifact = await findArtifact(client, `${formatFamily({ project, type, name })}@${version}`);
  return artifact?.['version'] === version ? artifact : undefined;
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
  return (
    asSet(comparableLinks(toLinks(spec))) === asSet(comparableLinks(view.dependencies)) &&
    canonicalJson(ownProperties(spec.properties)) === canonicalJson(ownProperties(view.properties, systemWritten))
  );
}

function asSet(items: readonly JsonObject[]): string {
  return items.map(canonicalJson).sort().join('\n');
}

async function deleteDraft(client: ApiClient, id: string): Promise<void> {
  await client.withSignal(AbortSignal.timeout(cleanupTimeoutMs)).mutate(artifactMutation('deleteArtifact'), { id });
}
