/** The one error that crosses rooms: a catalogue code, the sentence for this occurrence, and what a caller can act on. */
import { type ErrorCode, errorCatalogue } from './error-catalogue.ts';
import type { JsonObject } from './json.ts';

/** One thing wrong with an input. `pointer` is an RFC 6901 JSON Pointer into that input, '' for the whole. */
export interface Fault {
  readonly pointer: string;
  readonly message: string;
  /** Which kind of fault, where settings tell kinds apart: kebab-case. */
  readonly reason?: string;
}

export interface AppErrorOptions {
  /** Every fault found, not only the first. */
  readonly faults?: readonly Fault[];
  /** Machine-readable facts a caller acts on (currentRevision, candidates …). Never a secret, never a stranger's id. */
  readonly details?: JsonObject;
  readonly cause?: unknown;
}

export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly faults: readonly Fault[];
  readonly details: JsonObject;

  /** @param detail one sentence about this occurrence; the catalogue's text where left out */
  constructor(code: ErrorCode, detail?: string, options: AppErrorOptions = {}) {
    super(detail ?? errorCatalogue[code].text, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.faults = options.faults ?? [];
    this.details = options.details ?? {};
  }

  /** HTTP status on the native planes. */
  get status(): number {
    return errorCatalogue[this.code].status;
  }

  /** What the reader can do about it. */
  get remedy(): string {
    return errorCatalogue[this.code].remedy;
  }
}

/** Narrows an unknown thrown value to an AppError, optionally of one code. */
export function isAppError(error: unknown, code?: ErrorCode): error is AppError {
  return error instanceof AppError && (code === undefined || error.code === code);
}
