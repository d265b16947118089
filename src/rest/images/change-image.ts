/** What changes an image that is there: PATCH, tags, the two actions, DELETE. */
import { AppError } from '#base/app-error.ts';
import type { HttpExchange } from '#base/http-route.ts';
import { toImageText } from '#core/image-text.ts';
import type { OpContext } from '#ops/context.ts';
import { deactivateArtifact } from '#ops/deactivate-artifact.ts';
import { deleteArtifact } from '#ops/delete-artifact.ts';
import { findBootImage } from '#ops/find-boot-image.ts';
import { reactivateArtifact } from '#ops/reactivate-artifact.ts';
import { type DecideUpdate, updateArtifactBy } from '#ops/update-artifact.ts';
import { answerEmpty, answerText } from './image-answers.ts';
import { assertNoBody, readJson, withImageWords } from './image-requests.ts';
import { imageType } from './image-type.ts';
import { assertQuotas, shown } from './image-write.ts';
import { patchReader } from './parse-patch.ts';
import { planImagePatch, touchesFormats } from './plan-image-patch.ts';

type Exchange = HttpExchange<OpContext>;

/** @throws AppError MEDIA_TYPE_UNSUPPORTED, REQUEST_MALFORMED, and what planImagePatch and updateArtifactBy throw */
export async function patchImage(exchange: Exchange): Promise<void> {
  const { context, request, response, params } = exchange;
  const { id = '' } = params;
  const readChanges = patchReader(request.headers['content-type']);
  const changes = readChanges(await readJson(exchange));
  await withImageWords(id, async () => {
    const isReceiving = touchesFormats(changes) && (await findBootImage(context, { id, ...imageType })).isReceiving;
    const decide = planImagePatch(changes, context.settings, isReceiving);
    await updateArtifactBy(context, { id, type: imageType.type }, decide);
    const image = await findBootImage(context, { id, ...imageType });
    answerText(request, response, toImageText(image, image.stores));
  });
}

/** @throws AppError ARTIFACT_NOT_FOUND, FORBIDDEN, ARTIFACT_PROTECTED, ARTIFACT_DELETED, ARTIFACT_REQUIRED */
export async function removeImage({ context, request, response, params }: Exchange): Promise<void> {
  assertNoBody(request);
  const { id = '' } = params;
  await withImageWords(id, () => deleteArtifact(context, { id, type: imageType.type }));
  answerEmpty(response);
}

/** @throws AppError TAG_INVALID, LIMIT_EXCEEDED, ARTIFACT_NOT_FOUND, FORBIDDEN */
export async function addImageTag(exchange: Exchange): Promise<void> {
  const { tag = '' } = exchange.params;
  await changeTags(exchange, ({ tags }) => {
    if (tags.includes(tag)) return {};
    const { settings } = exchange.context;
    assertQuotas({ tags: tags.length + 1, propertyCount: 0 }, settings);
    return { addTags: [tag] };
  });
}

/** @throws AppError PATH_NOT_FOUND where the image does not have the tag, ARTIFACT_NOT_FOUND, FORBIDDEN */
export async function removeImageTag(exchange: Exchange): Promise<void> {
  const { tag = '' } = exchange.params;
  await changeTags(exchange, ({ tags }) => {
    if (!tags.includes(tag)) throw new AppError('PATH_NOT_FOUND', `The image has no tag ${shown(tag)}.`);
    return { removeTags: [tag] };
  });
}

/** @throws AppError STATE_CONFLICT unless it is active or deactivated already, ARTIFACT_NOT_FOUND, FORBIDDEN */
export async function deactivateImage(exchange: Exchange): Promise<void> {
  await act(exchange, deactivateArtifact);
}

/** @throws AppError STATE_CONFLICT unless it is deactivated or active already, ARTIFACT_NOT_FOUND, FORBIDDEN */
export async function reactivateImage(exchange: Exchange): Promise<void> {
  await act(exchange, reactivateArtifact);
}

async function changeTags({ context, request, response, params }: Exchange, decide: DecideUpdate): Promise<void> {
  assertNoBody(request);
  const { id = '' } = params;
  await withImageWords(id, () => updateArtifactBy(context, { id, type: imageType.type }, decide));
  answerEmpty(response);
}

async function act({ context, request, response, params }: Exchange, operation: typeof deactivateArtifact): Promise<void> {
  assertNoBody(request);
  const { id = '' } = params;
  await withImageWords(id, () => operation(context, { id, type: imageType.type }));
  answerEmpty(response);
}
