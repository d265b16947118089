/** Many small blobs of one artifact in one request: a tar comes, and what became of each member goes back. */

import { AppError } from '#base/app-error.ts';
import { expectedBytes, refuseContentCoding } from '#base/body-fields.ts';
import type { HttpExchange, HttpRoute } from '#base/http-route.ts';
import type { JsonObject } from '#base/json.ts';
import { toProblem, toShownError } from '#base/problem-details.ts';
import { blobUrl } from '#core/blob-url.ts';
import { packLimits, packMediaType } from '#core/pack.ts';
import type { OpContext } from '#ops/context.ts';
import { type PackedMember, uploadPack } from '#ops/upload-pack.ts';
import { packOperations } from './describe-transfers.ts';
import { readPackBytes } from './pack-bytes.ts';
import { readPackMembers } from './pack-members.ts';
import { expectedRevision } from './request-fields.ts';

export const packRoutes: readonly HttpRoute<OpContext>[] = [
  { path: '/api/v1/artifacts/:id/packs', methods: { POST: sendPack }, operations: packOperations, isTransfer: true },
];

async function sendPack({ context, request, response, params, query, acceptBody }: HttpExchange<OpContext>): Promise<void> {
  const { headers } = request;
  refuseContentCoding(headers);
  if (headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase() !== packMediaType) {
    throw new AppError('MEDIA_TYPE_UNSUPPORTED', `A pack is sent as ${packMediaType}.`);
  }
  if ((expectedBytes(headers) ?? 0) > packLimits.bytes) {
    throw new AppError('REQUEST_TOO_LARGE', `A pack has at most ${packLimits.bytes} bytes.`);
  }
  const result = await uploadPack(context, {
    artifactId: params['id'] ?? '',
    members: readPackMembers(readPackBytes(request, packLimits.bytes)),
    store: query().get('store') ?? undefined,
    expectedRevision: expectedRevision(request),
    onAccepted: acceptBody,
  });
  const { artifactId, revision, members } = result;
  const body = Buffer.from(JSON.stringify({ revision, members: members.map((member) => toJson(artifactId, member)) }));
  // What was taken was made; where nothing was, nothing was made.
  response
    .writeHead(members.some(({ outcome }) => 'entry' in outcome) ? 201 : 200, {
      'Content-Type': 'application/json',
      'Content-Length': body.length,
      'Cache-Control': 'no-store',
    })
    .end(body);
}

function toJson(artifactId: string, { name, slot, path, outcome }: PackedMember): JsonObject {
  if ('error' in outcome) return { name, slot, path, problem: toProblem(toShownError(outcome.error), undefined) };
  const { entry, kind } = outcome;
  const { mediaType, sizeBytes: size, sha256, sha512, md5 } = entry;
  const url = blobUrl(artifactId, slot, kind, entry.path);
  return { name, slot, path: entry.path, mediaType, size, sha256, sha512, md5, url };
}
