/** The door of the room: the plane of bytes and exports, everything under /api. */

import type { HttpPlane } from '#base/http-route.ts';
import { answerProblem } from '#base/problem-details.ts';
import type { OpContext } from '#ops/context.ts';
import { blobRoutes } from './blob-routes.ts';
import { closureRoutes } from './closure-routes.ts';
import { transferPlaneDescription } from './describe-plane.ts';
import { packRoutes } from './pack-routes.ts';
import { tusErrorFields, tusRoutes } from './tus-routes.ts';

export const transferPlane: HttpPlane<OpContext> = {
  name: 'transfers',
  owns: (path) => path === '/api' || path.startsWith('/api/'),
  description: transferPlaneDescription,
  routes: [...blobRoutes, ...packRoutes, ...closureRoutes, ...tusRoutes],
  answerError: (request, response, error, extra) =>
    answerProblem(request, response, error, { ...tusErrorFields(request, error), ...extra }),
};
