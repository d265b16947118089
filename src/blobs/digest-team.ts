/** Three hash threads that read the same rings: lanes in, digests out, and what happens when one of them dies. */
import { Worker } from 'node:worker_threads';
import { AppError } from '#base/app-error.ts';
import {
  type DigestAlgorithm,
  type DigestLane,
  digestAlgorithms,
  type LaneTeam,
  type OpenLane,
  openLane,
  type RingSource,
} from './digest-lane.ts';
import type { WorkerAnswer } from './digest-worker.ts';

export interface DigestTeam extends AsyncDisposable {
  /** Rings that its lanes hold now, and answers they wait for. */
  readonly busyCount: number;
  begin(rings: RingSource): DigestLane;
}

// Types are stripped when the source runs as it is; the packed program has JavaScript beside it.
const workerUrl = new URL(import.meta.url.endsWith('.ts') ? './digest-worker.ts' : './digest-worker.js', import.meta.url);
let lastTransfer = 0;

/** Starts the threads. @param options.onEnd called once, when the team takes no more lanes */
export function createDigestTeam(options: { readonly idleMs: number; readonly onEnd: () => void }): DigestTeam {
  const lanes = new Map<number, OpenLane>();
  const threads = digestAlgorithms.map((algorithm) => ({ algorithm, worker: startWorker(algorithm) }));
  let failure: AppError | undefined;
  let busyCount = 0;
  let idleTimer: NodeJS.Timeout | undefined;

  function end(reason: AppError): Promise<unknown> {
    if (failure === undefined) {
      failure = reason;
      clearTimeout(idleTimer);
      options.onEnd();
      for (const lane of lanes.values()) lane.fail(reason);
    }
    return Promise.all(threads.map(({ worker }) => worker.terminate()));
  }

  for (const { algorithm, worker } of threads) {
    worker.on('message', (answer: WorkerAnswer) => lanes.get(answer.transfer)?.take(algorithm, answer));
    worker.on('error', (cause) => void end(new AppError('INTERNAL', 'A hash thread failed.', { cause })));
    worker.on('exit', () => void end(new AppError('INTERNAL', 'A hash thread ended.')));
  }

  const team: LaneTeam = {
    threadCount: threads.length,
    get failure() {
      return failure;
    },
    send(order) {
      for (const { worker } of threads) worker.postMessage(order);
    },
    onUse(change) {
      busyCount += change;
      // Idle threads must not keep a process alive that has nothing else to do.
      for (const { worker } of threads) {
        if (busyCount > 0) worker.ref();
        else worker.unref();
      }
    },
  };

  return {
    get busyCount() {
      return busyCount;
    },
    begin(rings) {
      clearTimeout(idleTimer);
      lastTransfer += 1;
      const transfer = lastTransfer;
      const open = openLane(team, transfer, rings, () => {
        lanes.delete(transfer);
        if (lanes.size > 0 || failure !== undefined) return;
        idleTimer = setTimeout(() => void end(new AppError('INTERNAL', 'The hash threads ended.')), options.idleMs).unref();
      });
      lanes.set(transfer, open);
      return open.lane;
    },
    async [Symbol.asyncDispose]() {
      await end(new AppError('STORE_UNAVAILABLE', 'The server is stopping.'));
    },
  };
}

function startWorker(algorithm: DigestAlgorithm): Worker {
  return new Worker(workerUrl, {
    name: `vitrine-${algorithm}`,
    workerData: algorithm,
    // A hash thread holds a few hundred bytes of state: a small heap keeps it at its own size.
    resourceLimits: { maxOldGenerationSizeMb: 24, maxYoungGenerationSizeMb: 2 },
    env: {},
    execArgv: [],
  });
}
