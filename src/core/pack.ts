/** What a pack is: many small blobs of one artifact in one request, as a plain tar. Its limits, and what its headers may say. */

export const packMediaType = 'application/x-tar';

export interface PackLimits {
  /** Members of one pack. */
  readonly blobs: number;
  /** Of the whole request. */
  readonly bytes: number;
  /** Of one member. */
  readonly blobBytes: number;
}

export const packLimits: PackLimits = { blobs: 1000, bytes: 64 * 1024 * 1024, blobBytes: 1024 * 1024 };

/** PAX records of a member: its media type, and the SHA-256 (lower-case hex) its bytes must have. */
export const packRecords = { mediaType: 'VITRINE.mediaType', sha256: 'VITRINE.sha256' } as const;
