/** What one write to an S3 store remembers, and what all writes to it share. */
import { abortable } from '../abortable.ts';
import type { S3Connection } from './s3-connection.ts';
import type { UploadedPart } from './s3-multipart.ts';
import type { PartBody, PartMemory, SpoolFile } from './s3-part-body.ts';
import type { PartPlan } from './s3-parts.ts';

/** What the uploads to one store share. */
export interface S3Uploads {
  readonly connection: S3Connection;
  readonly storeName: string;
  readonly memory: PartMemory;
  readonly spoolDir: string;
  /** Parts on their way beyond the first of each upload; bounds what many uploads hold together. */
  extraParts: number;
}

export interface S3WriterOptions {
  readonly object: string;
  readonly plan: PartPlan;
  readonly expectedBytes: number | undefined;
  readonly signal: AbortSignal;
}

export interface WriterState {
  readonly parts: UploadedPart[];
  /** Parts on their way. */
  readonly running: Set<Promise<void>>;
  /** Calls of `write` and `finish` that are not over, also where their caller was told that its signal has aborted. */
  readonly calls: Set<Promise<void>>;
  /** Cuts off what runs. */
  readonly stop: AbortController;
  current: PartBody | undefined;
  spool: SpoolFile | undefined;
  uploadId: Promise<string> | undefined;
  nextNumber: number;
  sizeBytes: number;
  /** What the first part that failed met, or that the write was given up. */
  failure: Error | undefined;
  /** The object may be there by our doing. */
  mayExist: boolean;
  isFinished: boolean;
}

export function beginWrite(): WriterState {
  return {
    parts: [],
    running: new Set(),
    calls: new Set(),
    stop: new AbortController(),
    current: undefined,
    spool: undefined,
    uploadId: undefined,
    nextNumber: 1,
    sizeBytes: 0,
    failure: undefined,
    mayExist: false,
    isFinished: false,
  };
}

/** Runs one call of a writer's method, which stays on record until it is over, also where the signal aborts before. */
export async function callOnRecord<T>({ calls }: WriterState, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const call = work();
  const settled = call.then(
    () => undefined,
    () => undefined,
  );
  calls.add(settled);
  void settled.then(() => calls.delete(settled));
  try {
    return await abortable(call, signal);
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  }
}
