/**
 * Gives a draft its one blob and publishes it, as one change: the artifact becomes active with these bytes, or stays the draft it
 * was and nothing is kept of them. The type inspects the bytes where they lie, before anything refers to them.
 */
import type { Readable } from 'node:stream';
import { AppError, isAppError } from '#base/app-error.ts';
import type { ReceivedBlob } from '#blobs/blobs.ts';
import type { Artifact } from '#core/artifact.ts';
import { assertTransition } from '#core/lifecycle.ts';
import type { Sql } from '#metadata/database.ts';
import { attachUpload, toEntry } from './attach-upload.ts';
import { overtaken, untilCurrent } from './change-artifact.ts';
import { propertyPointer } from './check-properties.ts';
import { versionExists } from './check-version.ts';
import type { OpContext } from './context.ts';
import { loadArtifact } from './load-artifact.ts';
import { type PreparedPublish, preparePublish } from './prepare-publish.ts';
import { lockFamilyOf, publishDraft } from './publish-draft.ts';
import { endingSession, receiveUpload, type Upload } from './receive-upload.ts';
import { underLease } from './upload-lease.ts';

export interface UploadImageInput {
  readonly id: string;
  /** Only of this type: others are not found. */
  readonly type: string;
  /** The slot of kind `one` that takes the bytes. */
  readonly slot: string;
  /** Properties without which nobody could read the bytes: refused before they come. */
  readonly needs: readonly string[];
  readonly source: Readable;
  /** Undefined: not known before the end. */
  readonly expectedBytes: number | undefined;
  /** A configured store's name; by default the default store. */
  readonly store: string | undefined;
  readonly onAccepted: () => void;
}

/** Beyond these the lock is held meanwhile: bytes that took hours are not lost to who changes the draft without end. */
const attemptsApart = 4;

/**
 * Answers the published artifact.
 * @throws AppError UPLOAD_GONE where the artifact was deleted, or taken from the caller, while bytes came, PROPERTIES_INVALID,
 *   VERSION_EXISTS also where the version is live with the same content, and what receiveUpload, attachUpload and publishArtifact throw
 */
export async function uploadImage(context: OpContext, input: UploadImageInput): Promise<Artifact> {
  const { id: artifactId, slot, source, expectedBytes, store } = input;
  const draft = await loadDraft(context, input);
  assertSaid(draft, input.needs);
  let isAccepted = false;
  const onAccepted = (): void => {
    isAccepted = true;
    input.onAccepted();
  };
  try {
    return await receiveUpload(context, { artifactId, slot, source, expectedBytes, store, onAccepted }, (upload, received) =>
      untilCurrent(async (count) => {
        const draft = await loadDraft(context, input);
        const prepare =
          count > attemptsApart ? prepareUnderLock(context, input, draft) : await prepareApart(context, draft, upload, received);
        return attachAndPublish(context, draft, upload, received, prepare);
      }),
    );
  } catch (error) {
    if (!isAccepted || !isAppError(error, 'ARTIFACT_NOT_FOUND')) throw error;
    throw new AppError('UPLOAD_GONE', 'What the bytes were for went away while they came.', { cause: error });
  }
}

async function loadDraft(context: OpContext, { id, type }: UploadImageInput, sql?: Sql): Promise<Artifact> {
  const artifact = await loadArtifact(context, id, 'artifact:publish', type, sql);
  assertTransition(artifact.state, 'publish');
  return artifact;
}

function assertSaid({ properties }: Artifact, needs: readonly string[]): void {
  const faults = needs
    .filter((name) => properties[name] === undefined)
    .map((name) => ({ pointer: propertyPointer(name), message: 'must be set before the data come' }));
  if (faults.length > 0) throw new AppError('PROPERTIES_INVALID', undefined, { faults });
}

/** Answers what is to be published, once the bytes are attached under the draft's lock. */
type Prepare = (tx: Sql) => Promise<PreparedPublish>;

/** Before anything is locked. */
async function prepareApart(context: OpContext, draft: Artifact, upload: Upload, received: ReceivedBlob): Promise<Prepare> {
  const entry = toEntry(upload, received);
  const others = draft.slots.filter(({ slot, key }) => slot !== entry.slot || key !== entry.key);
  // The attachment is a change of its own, and what is published stands one revision after it.
  const filled: Artifact = { ...draft, slots: [...others, entry], revision: draft.revision + 1 };
  const place = { path: entry.path, store: upload.store.name, objectKey: upload.objectKey };
  const prepared = await underLease(context, upload.id, () => preparePublish(context, filled, [place]));
  return async () => prepared;
}

/** While whoever else changes the draft waits, and on the connection that has its lock. */
function prepareUnderLock(context: OpContext, input: UploadImageInput, draft: Artifact): Prepare {
  return async (tx) => {
    const filled = await loadDraft(context, input, tx);
    // Another family than the one that is locked.
    if (filled.familyId !== draft.familyId) throw overtaken(filled);
    return preparePublish(context, filled, [], tx);
  };
}

async function attachAndPublish(
  context: OpContext,
  draft: Artifact,
  upload: Upload,
  received: ReceivedBlob,
  prepare: Prepare,
): Promise<Artifact> {
  let published: Artifact | undefined;
  await attachUpload(context, { ...upload, project: draft.project }, received, {
    ...endingSession(context, upload),
    lockFirst: (tx) => lockFamilyOf(tx, draft),
    follow: async (tx) => {
      const outcome = await publishDraft(tx, context, await prepare(tx));
      // Somebody who uploads into an artifact is answered with that one, and not with its twin.
      if (outcome.live !== undefined) throw versionExists(outcome.live);
      published = outcome.published;
    },
  });
  if (published === undefined) throw new Error('an attachment that was to be followed by a publish was not');
  return published;
}
