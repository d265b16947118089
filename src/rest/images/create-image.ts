/** POST of an image: a draft, which its clients know as queued. */
import { AppError } from '#base/app-error.ts';
import type { HttpExchange } from '#base/http-route.ts';
import { isJsonObject, type Json } from '#base/json.ts';
import { isFurtherProperty } from '#core/image-fields.ts';
import { toImageText } from '#core/image-text.ts';
import type { OpContext } from '#ops/context.ts';
import { type CreateArtifactInput, createArtifact } from '#ops/create-artifact.ts';
import { absoluteUrl, answerText } from './image-answers.ts';
import { readJson } from './image-requests.ts';
import { imageType } from './image-type.ts';
import { assertOpenFields, assertQuotas, type ImageWrite, isFault, mergeWrites, readField } from './image-write.ts';

/**
 * @throws AppError REQUEST_MALFORMED, INPUT_INVALID with every fault, PROPERTY_SYSTEM_WRITTEN, LIMIT_EXCEEDED, ID_TAKEN, FORBIDDEN,
 *   and what createArtifact throws
 */
export async function createImage(exchange: HttpExchange<OpContext>): Promise<void> {
  const { context, request, response } = exchange;
  const draft = await createArtifact(context, readNewImage(context, await readJson(exchange)));
  const path = `/v2/images/${draft.id}`;
  // It has no data yet, so that nothing needs to be read.
  const noData = { sizeBytes: null, sha512: null, md5: null, isReceiving: false };
  answerText(request, response, toImageText({ ...draft, ...noData }, null), {
    status: 201,
    headers: {
      Location: absoluteUrl(context.settings.image.publicEndpoint, request, path),
      'OpenStack-image-store-ids': [...context.blobs.stores.keys()].sort().join(','),
    },
  });
}

function readNewImage({ settings }: Pick<OpContext, 'settings'>, body: Json): CreateArtifactInput {
  if (!isJsonObject(body)) throw new AppError('INPUT_INVALID', 'An image is a JSON object.');
  const { id, ...fields } = body;
  const names = Object.keys(fields);
  assertOpenFields(names);
  const results = names.map((name) => readField(name, fields[name] ?? null, settings.image));
  const faults = results.filter(isFault);
  if (id !== undefined && typeof id !== 'string') faults.push({ pointer: '/id', message: 'must be a UUID' });
  for (const { name, required } of settings.image.properties) {
    if (required === true && !Object.hasOwn(fields, name)) faults.push({ pointer: `/${name}`, message: 'is required here' });
  }
  if (faults.length > 0) throw new AppError('INPUT_INVALID', undefined, { faults });
  const { project, ...write } = mergeWrites(results.filter((result): result is ImageWrite => !isFault(result)));
  assertQuotas({ tags: new Set(write.tags).size, propertyCount: names.filter(isFurtherProperty).length }, settings);
  return {
    ...write,
    ...(typeof id === 'string' ? { id } : {}),
    ...(project === undefined ? {} : { project }),
    type: imageType.type,
    // What clients of this API expect: it can be shared without being changed first.
    visibility: write.visibility ?? 'shared',
    properties: Object.fromEntries(Object.entries(write.properties ?? {}).filter(([, value]) => value !== null)),
  };
}
