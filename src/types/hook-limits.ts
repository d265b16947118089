/** What bounds one call of a hook. */

export interface HookLimits {
  /** Time of one call, not counting the start of the thread and the waits for blob bytes. */
  readonly deadlineMs: number;
  /** Of a call about several blobs no other one begins after this; the caller asks again. */
  readonly sliceMs: number;
  /** Time for the hooks file to load. */
  readonly startMs: number;
  readonly idleMs: number;
  /** Of one `read`. */
  readonly readBytes: number;
  /** Of all reads of one call; where it is about several blobs, of those for each. */
  readonly callBytes: number;
  readonly heapMb: number;
}

export const hookLimits: HookLimits = {
  deadlineMs: 10_000,
  sliceMs: 200,
  startMs: 30_000,
  idleMs: 60_000,
  readBytes: 1024 * 1024,
  callBytes: 64 * 1024 * 1024,
  heapMb: 192,
};
