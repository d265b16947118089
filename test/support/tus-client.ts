/** The real tus client, as a promise. */
import { createHash } from 'node:crypto';
import { DetailedError, Upload, type UploadOptions } from 'tus-js-client';

export interface TusUpload {
  /** Resolves with the upload's URL. */
  readonly done: Promise<string>;
  readonly upload: Upload;
  /** Offsets the server has confirmed. */
  readonly confirmed: readonly number[];
  /** Failures the client got over, or not. */
  readonly troubles: readonly string[];
}

/** Goes on for as long as there is no refusal that trying again does not change. */
export function tusUpload(endpoint: string, bytes: Buffer, options: Partial<UploadOptions> = {}): TusUpload {
  const { promise: done, resolve, reject } = Promise.withResolvers<string>();
  const confirmed: number[] = [];
  const troubles: string[] = [];
  const upload = new Upload(bytes, {
    endpoint,
    retryDelays: Array.from({ length: 60 }, (_, index) => Math.min(20 * (index + 1), 500)),
    storeFingerprintForResuming: false,
    ...options,
    onChunkComplete: (_size, accepted) => void confirmed.push(accepted),
    onShouldRetry: (error) => {
      const status = error instanceof DetailedError ? (error.originalResponse?.getStatus() ?? 0) : 0;
      troubles.push(`${status} ${error.message.slice(0, 200)}`);
      return status === 0 || status === 409 || status === 423 || status >= 500;
    },
    onSuccess: () => resolve(upload.url ?? ''),
    onError: (error) => reject(error),
  });
  upload.start();
  return { done, upload, confirmed, troubles };
}

export const hexSha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
