/** What a failed system call or network request means to the caller of a store. */
import { AppError, isAppError } from '#base/app-error.ts';

const fullCodes = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** The `code` of a Node system error, or undefined. */
export function systemCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** Errors that no driver rewrites: typed ones, aborts, and programming mistakes (TypeError). */
export function passesAsItIs(error: unknown): boolean {
  if (isAppError(error) || error instanceof TypeError) return true;
  return error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError');
}

/** For a failed write: STORE_FULL or STORE_UNAVAILABLE; aborts and typed errors pass as they are. */
export function toWriteError(error: unknown, storeName: string): unknown {
  if (passesAsItIs(error)) return error;
  const code = systemCode(error);
  if (code !== undefined && fullCodes.has(code))
    return new AppError('STORE_FULL', `The store '${storeName}' has no room.`, { cause: error });
  return new AppError('STORE_UNAVAILABLE', `The store '${storeName}' could not be written${suffix(code)}.`, { cause: error });
}

/** For a failed read: BLOB_UNAVAILABLE; aborts and typed errors pass as they are. */
export function toReadError(error: unknown, storeName: string): unknown {
  if (passesAsItIs(error)) return error;
  const detail = `The bytes could not be read from the store '${storeName}'${suffix(systemCode(error))}.`;
  return new AppError('BLOB_UNAVAILABLE', detail, { cause: error });
}

/** For a store that cannot be looked at or changed: STORE_UNAVAILABLE. */
export function toStoreError(error: unknown, storeName: string): unknown {
  if (passesAsItIs(error)) return error;
  const detail = `The store '${storeName}' does not answer${suffix(systemCode(error))}.`;
  return new AppError('STORE_UNAVAILABLE', detail, { cause: error });
}

/** For `send`: the reader went away, by closing or by an error. Nobody is left to answer, so this is not in the catalogue. */
export function prematureClose(cause?: unknown): Error {
  const error = new Error('the destination closed before the last byte', cause === undefined ? undefined : { cause });
  return Object.assign(error, { code: 'ERR_STREAM_PREMATURE_CLOSE' });
}

function suffix(code: string | undefined): string {
  return code === undefined ? '' : ` (${code})`;
}
