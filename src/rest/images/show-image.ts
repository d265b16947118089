/** GET and HEAD of an image. */
import { AppError } from '#base/app-error.ts';
import type { HttpExchange } from '#base/http-route.ts';
import { toImageText } from '#core/image-text.ts';
import type { OpContext } from '#ops/context.ts';
import { findBootImage } from '#ops/find-boot-image.ts';
import { answerText } from './image-answers.ts';
import { assertNoBody, withImageWords } from './image-requests.ts';
import { imageType } from './image-type.ts';

/** @throws AppError ARTIFACT_NOT_FOUND, ARTIFACT_DELETED, FORBIDDEN */
export async function showImage({ context, request, response, params }: HttpExchange<OpContext>): Promise<void> {
  assertNoBody(request);
  const { id = '' } = params;
  const image = await withImageWords(id, () => findBootImage(context, { id, ...imageType }));
  // Clients that deleted it wait until it is not found; who may take that back finds it by other ways.
  if (image.state === 'pending_delete' && !context.caller.isAdmin) throw new AppError('ARTIFACT_DELETED');
  answerText(request, response, toImageText(image, image.stores));
}
