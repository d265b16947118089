/** The door of the room: the Image API's routes under /v2 and each minor version's prefix, which all mean the same. */
import type { HttpExchange, HttpHandler, HttpPlane, HttpRoute } from '#base/http-route.ts';
import type { OpContext } from '#ops/context.ts';
import { findBootImage } from '#ops/find-boot-image.ts';
import { sendImageData } from './image-data.ts';
import { answerImageError } from './image-errors.ts';
import { toImageJson } from './image-json.ts';
import { addImageMember, listImageMembers, removeImageMember, showImageMember, updateImageMember } from './image-members.ts';
import { assertNoBody, imageType, withImageWords } from './image-requests.ts';
import { uploadImageData } from './upload-image-data.ts';

const latestMinor = 18;
const prefixes = ['/v2', ...Array.from({ length: latestMinor + 1 }, (_, minor) => `/v2.${minor}`)];

/** One row for each path, without its prefix. */
const table: readonly HttpRoute<OpContext>[] = [
  { path: '/images/:id', methods: readOnly(showImage) },
  { path: '/images/:id/file', methods: { ...readOnly(sendImageData), PUT: uploadImageData }, isTransfer: true },
  { path: '/images/:id/members', methods: { GET: listImageMembers, POST: addImageMember } },
  {
    path: '/images/:id/members/:member',
    methods: { GET: showImageMember, PUT: updateImageMember, DELETE: removeImageMember },
  },
];

const imageRoutes: readonly HttpRoute<OpContext>[] = prefixes.flatMap((prefix) =>
  table.map((route) => ({ ...route, path: `${prefix}${route.path}` })),
);

export const imagePlane: HttpPlane<OpContext> = {
  name: 'images',
  owns: (path) => /^\/v\d+(?:\.\d+)?(?:\/|$)/.test(path),
  routes: imageRoutes,
  answerError: answerImageError,
};

function readOnly(handler: HttpHandler<OpContext>): HttpRoute<OpContext>['methods'] {
  return { GET: handler, HEAD: handler };
}

async function showImage({ context, request, response, params }: HttpExchange<OpContext>): Promise<void> {
  assertNoBody(request);
  const { id = '' } = params;
  const image = await withImageWords(id, () => findBootImage(context, { id, ...imageType }));
  // As text: node then sends head and body as one piece, where a buffer would make two.
  const body = JSON.stringify(toImageJson(image));
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) });
  response.end(request.method === 'HEAD' ? undefined : body);
}
