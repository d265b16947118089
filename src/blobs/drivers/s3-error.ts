/** What an S3 server's refusal means. Carries status and code only: bodies and URLs of S3 name keys and signatures. */
import { AppError } from '#base/app-error.ts';
import { passesAsItIs, systemCode } from '../store-error.ts';

/** The server answered, but not what was asked for. */
export class S3ResponseError extends Error {
  override readonly name = 'S3ResponseError';
  readonly status: number;
  /** S3's own code (`NoSuchKey`, `SlowDown` …), or '' where the answer had none. */
  readonly code: string;

  constructor(status: number, code: string) {
    super(`the store answered ${status}${code === '' ? '' : ` ${code}`}`);
    this.status = status;
    this.code = code;
  }
}

/** No byte and no answer for too long. */
export class S3TimeoutError extends Error {
  override readonly name = 'S3TimeoutError';
  readonly code = 'ETIMEDOUT';

  constructor() {
    super('the store did not answer in time');
  }
}

/** This node's clock and the server's are too far apart for a signature. */
export class S3SkewError extends Error {
  override readonly name = 'S3SkewError';

  constructor() {
    super('the clock of the store and that of this node differ too much');
  }
}

const fullCodes = new Set(['XMinioStorageFull', 'StorageFull', 'QuotaExceeded', 'XMinioAdminBucketQuotaExceeded']);
const passingStatuses = new Set([408, 425, 429, 500, 502, 503, 504]);
const passingSystemCodes = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EAI_AGAIN',
]);

/** True where the same request may well succeed in a moment. */
export function isPassing(error: unknown): boolean {
  if (error instanceof S3SkewError) return true;
  if (error instanceof S3ResponseError) return passingStatuses.has(error.status) && !fullCodes.has(error.code);
  const code = systemCode(error);
  return code !== undefined && passingSystemCodes.has(code);
}

export function isStatus(error: unknown, ...statuses: readonly number[]): boolean {
  return error instanceof S3ResponseError && statuses.includes(error.status);
}

/** STORE_FULL or STORE_UNAVAILABLE; aborts and typed errors pass as they are. */
export function toS3StoreError(error: unknown, storeName: string): unknown {
  if (passesAsItIs(error)) return error;
  if (error instanceof S3ResponseError && (fullCodes.has(error.code) || error.status === 507)) {
    return new AppError('STORE_FULL', `The store '${storeName}' has no room.`, { cause: error });
  }
  return new AppError('STORE_UNAVAILABLE', `The store '${storeName}' failed: ${reason(error)}.`, { cause: error });
}

/** RANGE_NOT_SATISFIABLE or BLOB_UNAVAILABLE; aborts and typed errors pass as they are. */
export function toS3ReadError(error: unknown, storeName: string): unknown {
  if (passesAsItIs(error)) return error;
  if (isStatus(error, 416)) return new AppError('RANGE_NOT_SATISFIABLE', undefined, { cause: error });
  const detail = `The bytes could not be read from the store '${storeName}': ${reason(error)}.`;
  return new AppError('BLOB_UNAVAILABLE', detail, { cause: error });
}

/** BLOB_UNAVAILABLE, for what was acknowledged and is not there. */
export function bytesGone(cause: unknown): AppError {
  return new AppError('BLOB_UNAVAILABLE', `Bytes of the unfinished upload are gone from the store: ${reason(cause)}.`, { cause });
}

function reason(error: unknown): string {
  if (error instanceof S3ResponseError || error instanceof S3TimeoutError || error instanceof S3SkewError) return error.message;
  return systemCode(error) ?? 'the connection failed';
}
