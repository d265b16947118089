/** Where this API has another status for an error than the catalogue: by code, and for some routes by code and route. */
import type { AppError } from '#base/app-error.ts';
import type { ErrorCode } from '#base/error-catalogue.ts';

type Statuses = Readonly<Partial<Record<ErrorCode, number>>>;

/** Its clients know no 422, 423, 460 or 507, and take 403 for what an image's state or nature forbids to everybody. */
const everywhere: Statuses = {
  PROPERTIES_INVALID: 400,
  DEPENDENCY_INVALID: 400,
  PROPERTY_IMMUTABLE: 403,
  ARTIFACT_PROTECTED: 403,
  ARTIFACT_DELETED: 404,
  MEMBERS_NOT_SHARED: 403,
  SLOT_UNKNOWN: 400,
  SLOT_MISSING: 409,
  SLOT_FULL: 409,
  BLOB_REFUSED: 415,
  UPLOAD_LOCKED: 409,
  UPLOAD_CHECKSUM_MISMATCH: 400,
  STORE_FULL: 413,
};

/** By method and the route's path without its prefix. */
const byRoute: Readonly<Record<string, Statuses>> = {
  'DELETE /images/:id': { STATE_CONFLICT: 400 },
  'POST /images/:id/actions/deactivate': { STATE_CONFLICT: 403 },
  'POST /images/:id/actions/reactivate': { STATE_CONFLICT: 403 },
  'PUT /images/:id/file': { ARTIFACT_DELETED: 410 },
};

/** @param route of the plane, with its prefix; undefined where the request reached none */
export function toErrorStatus(error: AppError, method: string | undefined, route: string | undefined): number {
  const operation = `${method} ${route?.replace(/^\/v2(?:\.\d+)?(?=\/)/, '')}`;
  return byRoute[operation]?.[error.code] ?? everywhere[error.code] ?? error.status;
}
