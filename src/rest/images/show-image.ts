/** GET and HEAD of an image. */
import { AppError } from '#base/app-error.ts';
import type { HttpExchange } from '#base/http-route.ts';
import type { OpContext } from '#ops/context.ts';
import { findBootImage } from '#ops/find-boot-image.ts';
import { answerJson } from './image-answers.ts';
import { toImageJson } from './image-json.ts';
import { assertNoBody, imageType, withImageWords } from './image-requests.ts';

/** @throws AppError ARTIFACT_NOT_FOUND, ARTIFACT_DELETED, FORBIDDEN */
export async function showImage({ context, request, response, params }: HttpExchange<OpContext>): Promise<void> {
  assertNoBody(request);
  const { id = '' } = params;
  const image = await withImageWords(id, () => findBootImage(context, { id, ...imageType }));
  // Clients that deleted it wait until it is not found; who may take that back finds it by other ways.
  if (image.state === 'pending_delete' && !context.caller.isAdmin) throw new AppError('ARTIFACT_DELETED');
  answerJson(request, response, toImageJson(image));
}
