/** The door of the room: the Image API's routes under /v2 and each minor version's prefix, which all mean the same. */
import type { HttpHandler, HttpPlane, HttpRoute } from '#base/http-route.ts';
import type { OpContext } from '#ops/context.ts';
import { addImageTag, deactivateImage, patchImage, reactivateImage, removeImage, removeImageTag } from './change-image.ts';
import { createImage } from './create-image.ts';
import { imageOperations } from './describe-images.ts';
import { infoOperations } from './describe-info.ts';
import { memberOperations, schemaOperations } from './describe-members.ts';
import { imagePlaneDescription } from './describe-plane.ts';
import { sendImageData } from './image-data.ts';
import { answerImageError } from './image-errors.ts';
import { addImageMember, listImageMembers, removeImageMember, showImageMember, updateImageMember } from './image-members.ts';
import { schemaHandlers } from './image-schemas.ts';
import { infoHandlers } from './info.ts';
import { sendImageList } from './list-images.ts';
import { showImage } from './show-image.ts';
import { uploadImageData } from './upload-image-data.ts';
import { answerUnknownVersion, hasVersion, versionInHeader, versionPrefixes, versionRoutes } from './versions.ts';

export { imageType } from './image-type.ts';

/** As what a cloud's catalogue knows this server. */
export const catalogueType = 'image';

/** One row for each path, without its prefix. */
const table: readonly HttpRoute<OpContext>[] = [
  { path: '/images', methods: { GET: sendImageList, POST: createImage } },
  { path: '/images/:id', methods: { ...readOnly(showImage), PATCH: patchImage, DELETE: removeImage } },
  { path: '/images/:id/actions/deactivate', methods: { POST: deactivateImage } },
  { path: '/images/:id/actions/reactivate', methods: { POST: reactivateImage } },
  { path: '/images/:id/tags/:tag', methods: { PUT: addImageTag, DELETE: removeImageTag } },
  { path: '/images/:id/file', methods: { ...readOnly(sendImageData), PUT: uploadImageData }, isTransfer: true },
  { path: '/images/:id/members', methods: { GET: listImageMembers, POST: addImageMember } },
  {
    path: '/images/:id/members/:member',
    methods: { GET: showImageMember, PUT: updateImageMember, DELETE: removeImageMember },
  },
  ...Object.entries(infoHandlers).map(([name, handler]) => ({ path: `/info/${name}`, methods: { GET: handler } })),
  ...Object.entries(schemaHandlers).map(([name, handler]) => ({ path: `/schemas/${name}`, methods: { GET: handler } })),
];

/** The OpenAPI document has each path once. */
const described: Readonly<Record<string, HttpRoute<OpContext>['operations']>> = {
  ...imageOperations,
  ...memberOperations,
  ...infoOperations,
  ...schemaOperations,
};

const imageRoutes: readonly HttpRoute<OpContext>[] = versionPrefixes.flatMap((prefix) =>
  table.map((route) => ({
    ...route,
    path: `${prefix}${route.path}`,
    operations: prefix === versionPrefixes[0] ? described[route.path] : undefined,
  })),
);

export const imagePlane: HttpPlane<OpContext> = {
  name: 'images',
  owns: hasVersion,
  routes: imageRoutes,
  open: versionRoutes,
  description: imagePlaneDescription,
  toTarget: versionInHeader([...new Set(table.map(({ path }) => path.split('/')[1] ?? ''))]),
  answerUnknown: answerUnknownVersion,
  knowsCallersOnly: true,
  answerError: answerImageError,
};

function readOnly(handler: HttpHandler<OpContext>): HttpRoute<OpContext>['methods'] {
  return { GET: handler, HEAD: handler };
}
