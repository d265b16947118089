/** Records what an append has made durable: now and then while bytes flow, without stopping them, and at the end. */
import { failpoint } from '#base/failpoint.ts';
import type { Checkpoint, ResumableWriter } from './blob-store.ts';

const everyBytes = 16 * 1024 * 1024;

export interface PassingCheckpointsOptions {
  readonly writer: ResumableWriter;
  readonly recorded: Checkpoint;
  readonly onCheckpoint: (checkpoint: Checkpoint) => Promise<void>;
  readonly onFailure: (error: unknown) => void;
}

export interface PassingCheckpoints {
  /** So many bytes more are written; may begin a checkpoint. */
  note(bytes: number): void;
  /** When none runs. @throws what the last one threw */
  settled(): Promise<void>;
  /** Everything up to `offset` is written: makes and records the last checkpoint unless it is recorded already. */
  finish(offset: number): Promise<Checkpoint>;
  /** Nothing is begun or recorded any more, but for what is being recorded now. */
  stop(): void;
}

export function createPassingCheckpoints(options: PassingCheckpointsOptions): PassingCheckpoints {
  const { writer, onCheckpoint, onFailure } = options;
  let { recorded } = options;
  let running: Promise<void> | undefined;
  let failure: Promise<void> = Promise.resolve();
  let uncounted = 0;
  let isStopped = false;

  async function take(isPassing: boolean): Promise<void> {
    const reached = await writer.checkpoint({ isPassing });
    if (isStopped || reached.offset === recorded.offset) return;
    await failpoint('blobs:durable');
    await onCheckpoint(reached);
    recorded = reached;
    await failpoint('blobs:recorded');
  }

  return {
    note(bytes) {
      uncounted += bytes;
      if (uncounted < everyBytes || running !== undefined || isStopped) return;
      uncounted = 0;
      const begun = take(true);
      running = begun.finally(() => {
        running = undefined;
      });
      failure = running;
      running.catch(onFailure);
    },
    settled: () => running ?? failure,
    async finish(offset) {
      if (recorded.offset !== offset) await take(false);
      return recorded;
    },
    stop() {
      isStopped = true;
    },
  };
}
