/** Three hash threads that read the same rings: lanes in, digests out, and what happens when one of them dies. */
import { Worker } from 'node:worker_threads';
import { AppError } from '#base/app-error.ts';
import type { DigestRing } from './digest-ring.ts';
import type { WorkerAnswer, WorkerOrder } from './digest-worker.ts';

export const digestAlgorithms = ['sha256', 'sha512', 'md5'] as const;
type DigestAlgorithm = (typeof digestAlgorithms)[number];
/** Lower-case hex by algorithm. */
export type Digests = { readonly [algorithm in DigestAlgorithm]: string };

/** One transfer's share of a team. */
export interface DigestLane {
  readonly ring: DigestRing;
  /** Settles after `finish`, or rejects with INTERNAL as soon as a thread dies. */
  readonly digests: Promise<Digests>;
  /** Hands a filled slot to the threads; resolves when all have read it. @throws AppError INTERNAL when a thread died */
  hash(slot: number, length: number): Promise<void>;
  /** After the last `hash` resolved. @throws AppError INTERNAL */
  finish(): Promise<Digests>;
  /** Ends the lane; its ring is used again by others once no thread reads it. */
  release(): void;
}

export interface DigestTeam extends AsyncDisposable {
  readonly laneCount: number;
  begin(ring: DigestRing, onRelease: (ring: DigestRing, isClean: boolean) => void): DigestLane;
}

interface LaneState {
  readonly reading: Map<number, PromiseWithResolvers<void>>;
  readonly digests: Partial<Record<DigestAlgorithm, string>>;
  readonly finished: PromiseWithResolvers<Digests>;
  onIdle: (() => void) | undefined;
}

interface TeamState {
  readonly lanes: Map<number, LaneState>;
  readonly threads: readonly { readonly algorithm: DigestAlgorithm; readonly worker: Worker }[];
  failure: AppError | undefined;
}

// Types are stripped when the source runs as it is; the packed program has JavaScript beside it.
const workerUrl = new URL(import.meta.url.endsWith('.ts') ? './digest-worker.ts' : './digest-worker.js', import.meta.url);
let lastTransfer = 0;

/** Starts the threads. @param options.onEnd called once, when the team takes no more lanes */
export function createDigestTeam(options: { readonly idleMs: number; readonly onEnd: () => void }): DigestTeam {
  const lanes = new Map<number, LaneState>();
  const threads = digestAlgorithms.map((algorithm) => ({ algorithm, worker: startWorker(algorithm) }));
  const team: TeamState = { lanes, threads, failure: undefined };
  let idleTimer: NodeJS.Timeout | undefined;
  let isEnded = false;

  function end(failure: AppError): Promise<unknown> {
    if (!isEnded) {
      isEnded = true;
      clearTimeout(idleTimer);
      options.onEnd();
      failLanes(team, failure);
    }
    return Promise.all(threads.map(({ worker }) => worker.terminate()));
  }

  for (const { algorithm, worker } of threads) {
    worker.on('message', (message: WorkerAnswer) => takeAnswer(team, algorithm, message));
    worker.on('error', (cause) => void end(new AppError('INTERNAL', 'A hash thread failed.', { cause })));
    worker.on('exit', () => void end(new AppError('INTERNAL', 'A hash thread ended.')));
  }

  return {
    get laneCount() {
      return lanes.size;
    },
    begin(ring, onRelease) {
      clearTimeout(idleTimer);
      for (const { worker } of threads) worker.ref();
      return beginLane(team, ring, (isClean) => {
        onRelease(ring, isClean);
        if (lanes.size > 0 || isEnded) return;
        // Idle threads must not keep a process alive that has nothing else to do.
        for (const { worker } of threads) worker.unref();
        idleTimer = setTimeout(() => void end(new AppError('INTERNAL', 'The hash threads ended.')), options.idleMs).unref();
      });
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

function beginLane(team: TeamState, ring: DigestRing, onRelease: (isClean: boolean) => void): DigestLane {
  lastTransfer += 1;
  const transfer = lastTransfer;
  const lane: LaneState = { reading: new Map(), digests: {}, finished: Promise.withResolvers(), onIdle: undefined };
  let isReleased = false;
  // Nobody may be waiting for it yet when the team fails.
  lane.finished.promise.catch(() => undefined);
  team.lanes.set(transfer, lane);
  const send = (order: WorkerOrder): void => {
    for (const { worker } of team.threads) worker.postMessage(order);
  };
  send({ kind: 'begin', transfer, ring: ring.memory });

  return {
    ring,
    digests: lane.finished.promise,
    hash(slot, length) {
      if (team.failure !== undefined) return Promise.reject(team.failure);
      const read = Promise.withResolvers<void>();
      lane.reading.set(slot, read);
      Atomics.store(ring.counters, slot, team.threads.length);
      send({ kind: 'piece', transfer, offset: ring.byteOffset + slot * ring.slotBytes, length, counter: slot });
      return read.promise;
    },
    finish() {
      if (team.failure !== undefined) return Promise.reject(team.failure);
      send({ kind: 'finish', transfer });
      return lane.finished.promise;
    },
    release() {
      if (isReleased) return;
      isReleased = true;
      send({ kind: 'drop', transfer });
      const leave = (): void => {
        team.lanes.delete(transfer);
        onRelease(team.failure === undefined);
      };
      if (lane.reading.size === 0 || team.failure !== undefined) leave();
      else lane.onIdle = leave;
    },
  };
}

function takeAnswer(team: TeamState, algorithm: DigestAlgorithm, message: WorkerAnswer): void {
  const lane = team.lanes.get(message.transfer);
  if (lane === undefined) return;
  if (message.kind === 'read') {
    const read = lane.reading.get(message.counter);
    lane.reading.delete(message.counter);
    read?.resolve();
    if (lane.reading.size === 0) lane.onIdle?.();
    return;
  }
  lane.digests[algorithm] = message.digest;
  const { sha256, sha512, md5 } = lane.digests;
  if (sha256 !== undefined && sha512 !== undefined && md5 !== undefined) lane.finished.resolve({ sha256, sha512, md5 });
}

function failLanes(team: TeamState, failure: AppError): void {
  team.failure = failure;
  for (const lane of team.lanes.values()) {
    for (const read of lane.reading.values()) read.reject(failure);
    lane.reading.clear();
    lane.finished.reject(failure);
    lane.onIdle?.();
  }
}
