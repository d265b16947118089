/** What a client may ask about the server: ways to import, stores, and how much its project has. */
import type { HttpExchange, HttpHandler } from '#base/http-route.ts';
import type { JsonObject } from '#base/json.ts';
import type { OpContext } from '#ops/context.ts';
import { getUsage } from '#ops/get-usage.ts';
import { listStoreDetails, listStores, type StoreDetail, type StoreView } from '#ops/list-stores.ts';
import { answerJson } from './image-answers.ts';
import { assertNoBody } from './image-requests.ts';
import { imageType } from './image-type.ts';

type Exchange = HttpExchange<OpContext>;

/** By the path below /info. */
export const infoHandlers = {
  import: sendImportInfo,
  stores: sendStores,
  'stores/detail': sendStoreDetails,
  usage: sendUsage,
} as const satisfies Readonly<Record<string, HttpHandler<OpContext>>>;

/** Kinds of stores that clients know by another name. */
const storeTypes: Readonly<Record<string, string>> = { filesystem: 'file' };

const bytesPerMib = 1024 ** 2;

/** None: bytes come by PUT only, and clients that would import look here first. */
async function sendImportInfo({ request, response }: Exchange): Promise<void> {
  assertNoBody(request);
  const methods = { description: 'Ways to import an image.', type: 'array', value: [] };
  answerJson(request, response, { 'import-methods': methods });
}

/** @throws AppError FORBIDDEN */
async function sendStores({ context, request, response }: Exchange): Promise<void> {
  assertNoBody(request);
  answerJson(request, response, { stores: listStores(context).map(toStoreJson) });
}

/** @throws AppError FORBIDDEN */
async function sendStoreDetails({ context, request, response }: Exchange): Promise<void> {
  assertNoBody(request);
  const stores = listStoreDetails(context).map((store) => ({
    ...toStoreJson(store),
    type: storeTypes[store.kind] ?? store.kind,
    weight: 0,
    properties: toStoreProperties(store),
  }));
  answerJson(request, response, { stores });
}

/** A limit of -1 is none, as in the limits that a cloud's identity service keeps. @throws AppError FORBIDDEN */
async function sendUsage({ context, request, response }: Exchange): Promise<void> {
  assertNoBody(request);
  const { artifactCount, blobBytes, uploadCount, uploadBytes } = await getUsage(context, { type: imageType.type });
  const unlimited = (usage: number): JsonObject => ({ usage, limit: -1 });
  answerJson(request, response, {
    usage: {
      image_size_total: unlimited(Math.floor(blobBytes / bytesPerMib)),
      image_stage_total: unlimited(Math.floor(uploadBytes / bytesPerMib)),
      image_count_total: unlimited(artifactCount),
      image_count_uploading: unlimited(uploadCount),
    },
  });
}

/** Flags are texts, and there only where they are true. */
function toStoreJson({ name, isDefault }: StoreView): JsonObject {
  return { id: name, ...(isDefault ? { default: 'true' } : {}) };
}

function toStoreProperties({ kind, facts: { path, ...facts } }: StoreDetail): JsonObject {
  return kind === 'filesystem' && path !== undefined ? { data_dir: path, thin_provisioning: false } : facts;
}
