/** A blob of an artifact: what a reader needs to fetch and to check it. The bytes go over the HTTP plane. */
import type { SlotEntry } from '#core/artifact.ts';
import { blobUrl } from '#core/blob-url.ts';
import type { Builder } from './schema-builder.ts';

export interface BlobValue {
  readonly artifactId: string;
  readonly entry: SlotEntry;
}

export type BlobRef = ReturnType<typeof defineBlob>;

export function defineBlob(builder: Builder) {
  return builder.objectRef<BlobValue>('Blob').implement({
    description: 'Immutable bytes in a slot of an artifact.',
    fields: (t) => ({
      slot: t.string({ resolve: ({ entry }) => entry.slot }),
      path: t.string({ description: 'Unique in the artifact.', resolve: ({ entry }) => entry.path }),
      mediaType: t.string({ resolve: ({ entry }) => entry.mediaType }),
      sizeBytes: t.field({ type: 'Long', resolve: ({ entry }) => entry.sizeBytes }),
      sha256: t.string({ resolve: ({ entry }) => entry.sha256 }),
      sha512: t.string({ resolve: ({ entry }) => entry.sha512 }),
      md5: t.string({ resolve: ({ entry }) => entry.md5 }),
      url: t.string({
        description: 'Path on this server, without host.',
        resolve: ({ artifactId, entry }) => urlOf(artifactId, entry),
      }),
    }),
  });
}

function urlOf(artifactId: string, entry: SlotEntry): string {
  return blobUrl(artifactId, entry.slot, entry.key === '' ? 'one' : 'map', entry.path);
}
