/** Negotiating the blobs of a draft: which are there already, and the ways to send the others. */
import { blobUrl, packUrl, uploadsUrl, uploadUrl } from '#core/blob-url.ts';
import { type PackLimits, packLimits } from '#core/pack.ts';
import { negotiatedBlobsMax } from '#ops/check-negotiation.ts';
import { type NegotiatedBlob, type NegotiateUploadsResult, negotiateUploads } from '#ops/negotiate-uploads.ts';
import { withoutNulls } from './artifact-inputs.ts';
import { writeErrors } from './artifact-mutations.ts';
import type { BlobRef } from './blob.ts';
import type { SchemaParts } from './schema-parts.ts';

interface Negotiated extends NegotiatedBlob {
  readonly artifactId: string;
}

export function addUploadNegotiation(parts: SchemaParts, blob: BlobRef): void {
  const { builder, defineMutation } = parts;
  const negotiated = defineNegotiatedBlob(parts, blob);
  const limits = definePackLimits(parts);
  defineMutation({
    name: 'negotiateUploads',
    description:
      'Says of each blob of a draft whether it need be sent. Blobs whose bytes the caller may read already, from any artifact, ' +
      'are attached at once. Asking again changes nothing.',
    input: defineInput(parts),
    payload: builder.objectRef<NegotiateUploadsResult>('NegotiateUploadsPayload').implement({
      fields: (t) => ({
        revision: t.exposeInt('revision', { description: 'Of the artifact, with what was attached.' }),
        blobs: t.field({
          type: [negotiated],
          description: 'In the order of the input.',
          resolve: ({ artifactId, blobs }) => blobs.map((blob) => ({ ...blob, artifactId })),
        }),
        packUrl: t.string({
          description: 'Many small blobs in one request: POST of a tar, its members named slot/path. A path on this server.',
          resolve: ({ artifactId }) => packUrl(artifactId),
        }),
        packLimits: t.field({ type: limits, description: 'What one such request may have.', resolve: () => packLimits }),
      }),
    }),
    errors: writeErrors,
    run: ({ op }, input) =>
      negotiateUploads(op, { ...withoutNulls(input), blobs: input.blobs.map((blob) => withoutNulls(blob)) }),
  });
}

function definePackLimits({ builder }: SchemaParts) {
  return builder.objectRef<PackLimits>('PackLimits').implement({
    description: 'At most so much in one pack.',
    fields: (t) => ({
      blobs: t.exposeInt('blobs'),
      bytes: t.expose('bytes', { type: 'Long', description: 'Of the whole request.' }),
      blobBytes: t.expose('blobBytes', { type: 'Long', description: 'Of one blob.' }),
    }),
  });
}

function defineInput({ builder }: SchemaParts) {
  const blob = builder.inputType('NegotiatedBlobInput', {
    fields: (t) => ({
      slot: t.string({ required: true }),
      path: t.string({
        description: "In a slot for several blobs required; in one for a single blob the slot's name where left out.",
      }),
      mediaType: t.string({ description: 'What the slot takes first where left out.' }),
      sizeBytes: t.field({ type: 'Long', required: true }),
      sha256: t.string({ required: true, description: 'Lower-case hexadecimal.' }),
    }),
  });
  return builder.inputType('NegotiateUploadsInput', {
    fields: (t) => ({
      artifactId: t.id({ required: true, description: 'A draft.' }),
      expectedRevision: t.int({ description: 'Refuses the change where the artifact has another revision.' }),
      blobs: t.field({ type: [blob], required: true, description: `At most ${negotiatedBlobsMax} at once.` }),
    }),
  });
}

function defineNegotiatedBlob({ builder }: SchemaParts, blob: BlobRef) {
  const state = builder.enumType('NegotiatedState', {
    description: 'HAVE: it stands in its place. SEND: its bytes are wanted.',
    values: ['HAVE', 'SEND'] as const,
  });
  const ways = builder.objectRef<Negotiated>('UploadWays').implement({
    description: 'Ways to send one blob; paths on this server, without host.',
    fields: (t) => ({
      putUrl: t.string({ description: 'In one request: PUT.', resolve: toPutUrl }),
      tusCreateUrl: t.string({ description: 'Resumable, by tus 1.0: POST makes the upload.', resolve: () => uploadsUrl }),
      sessionUrl: t.string({
        nullable: true,
        description: 'An upload of these bytes that the caller has begun: PATCH goes on with it.',
        resolve: ({ session }) => session && uploadUrl(session.id),
      }),
      offset: t.field({
        type: 'Long',
        nullable: true,
        description: 'How many bytes of it are kept.',
        resolve: ({ session }) => session?.offset ?? null,
      }),
    }),
  });
  return builder.objectRef<Negotiated>('NegotiatedBlob').implement({
    fields: (t) => ({
      slot: t.exposeString('slot'),
      path: t.exposeString('path'),
      state: t.field({ type: state, resolve: ({ entry }) => (entry === null ? 'SEND' : 'HAVE') }),
      entry: t.field({
        type: blob,
        nullable: true,
        description: 'What stands in the place; null where it is to be sent.',
        resolve: ({ artifactId, entry }) => entry && { artifactId, entry },
      }),
      upload: t.field({
        type: ways,
        nullable: true,
        description: 'Null where nothing is to be sent.',
        resolve: (value) => (value.entry === null ? value : null),
      }),
    }),
  });
}

function toPutUrl({ artifactId, slot, kind, path }: Negotiated): string {
  const url = blobUrl(artifactId, slot, kind, path);
  return kind === 'one' ? `${url}?path=${encodeURIComponent(path)}` : url;
}
