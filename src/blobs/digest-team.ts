/** Three hash threads that read the same rings: lanes in, digests out, and what happens when one of them dies. */
import { Worker } from 'node:worker_threads';
import { AppError } from '#base/app-error.ts';
import type { DigestRing } from './digest-ring.ts';
import type { WorkerAnswer, WorkerOrder } from './digest-worker.ts';

export const digestAlgorithms = ['sha256', 'sha512', 'md5'] as const;
type DigestAlgorithm = (typeof digestAlgorithms)[number];
/** Lower-case hex by algorithm. */
export type Digests = { readonly [algorithm in DigestAlgorithm]: string };

/** Of one request's bytes, where its sender names one. */
export type ChecksumAlgorithm = 'sha1' | 'md5' | 'sha256' | 'sha512';

/** One transfer's share of a team. */
export interface DigestLane {
  /** @throws Error while paused */
  readonly ring: DigestRing;
  /** Settles after `finish`, or rejects with INTERNAL as soon as a thread dies. */
  readonly digests: Promise<Digests>;
  /** Hands bytes of a slot, from `start` on, to the threads; resolves when all have read it. @throws AppError INTERNAL when a thread died */
  hash(slot: number, length: number, start?: number): Promise<void>;
  /** Gives the ring back once the threads have read what they were handed. What they know stays. */
  pause(): void;
  /** Takes a ring again, perhaps another one. */
  resume(): void;
  /** From here on the bytes have a checksum of their own, and may be taken back. */
  mark(checksum: ChecksumAlgorithm): void;
  /** The checksum of what was handed over since the mark, as lower-case hex. @throws AppError INTERNAL */
  check(): Promise<string>;
  /** Ends what the mark began: keeps the bytes since then, or forgets them. */
  settle(isKept: boolean): void;
  /** After the last `hash`. @throws AppError INTERNAL */
  finish(): Promise<Digests>;
  /** Ends the lane; its ring is used again by others once no thread reads it. */
  release(): void;
}

/** Where lanes get their memory from. */
export interface RingSource {
  take(): DigestRing;
  giveBack(ring: DigestRing, isClean: boolean): void;
}

export interface DigestTeam extends AsyncDisposable {
  /** Lanes that hold a ring now. */
  readonly busyCount: number;
  begin(rings: RingSource): DigestLane;
}

/** A ring in the hands of a lane, until the lane has left it and the last thread has read it. */
interface RingUse {
  readonly ring: DigestRing;
  unread: number;
  isLeft: boolean;
}

interface LaneState {
  readonly reading: Map<number, { readonly read: PromiseWithResolvers<void>; readonly use: RingUse }>;
  readonly uses: Set<RingUse>;
  readonly digests: Partial<Record<DigestAlgorithm, string>>;
  readonly finished: PromiseWithResolvers<Digests>;
  checksum: PromiseWithResolvers<string> | undefined;
  /** Gives back the ring if nobody needs it. */
  settleUse(use: RingUse): void;
}

interface TeamState {
  readonly lanes: Map<number, LaneState>;
  readonly threads: readonly { readonly algorithm: DigestAlgorithm; readonly worker: Worker }[];
  busyCount: number;
  failure: AppError | undefined;
}

// Types are stripped when the source runs as it is; the packed program has JavaScript beside it.
const workerUrl = new URL(import.meta.url.endsWith('.ts') ? './digest-worker.ts' : './digest-worker.js', import.meta.url);
let lastTransfer = 0;

/** Starts the threads. @param options.onEnd called once, when the team takes no more lanes */
export function createDigestTeam(options: { readonly idleMs: number; readonly onEnd: () => void }): DigestTeam {
  const lanes = new Map<number, LaneState>();
  const threads = digestAlgorithms.map((algorithm) => ({ algorithm, worker: startWorker(algorithm) }));
  const team: TeamState = { lanes, threads, busyCount: 0, failure: undefined };
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

  function onUse(change: 1 | -1): void {
    team.busyCount += change;
    // Idle threads must not keep a process alive that has nothing else to do.
    for (const { worker } of threads) team.busyCount > 0 ? worker.ref() : worker.unref();
  }

  return {
    get busyCount() {
      return team.busyCount;
    },
    begin(rings) {
      clearTimeout(idleTimer);
      return beginLane(team, rings, onUse, () => {
        if (lanes.size > 0 || isEnded) return;
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

function beginLane(team: TeamState, rings: RingSource, onUse: (change: 1 | -1) => void, onEnd: () => void): DigestLane {
  lastTransfer += 1;
  const transfer = lastTransfer;
  let lastPiece = 0;
  let current: RingUse | undefined;
  let isReleased = false;
  const lane: LaneState = {
    reading: new Map(),
    uses: new Set(),
    digests: {},
    finished: Promise.withResolvers(),
    checksum: undefined,
    settleUse(use) {
      if (!use.isLeft || (use.unread > 0 && team.failure === undefined) || !lane.uses.delete(use)) return;
      rings.giveBack(use.ring, team.failure === undefined);
      onUse(-1);
      leaveIfOver();
    },
  };
  // Nobody may be waiting for it yet when the team fails.
  lane.finished.promise.catch(() => undefined);
  team.lanes.set(transfer, lane);

  const send = (order: WorkerOrder): void => {
    for (const { worker } of team.threads) worker.postMessage(order);
  };
  const leaveIfOver = (): void => {
    if (isReleased && lane.uses.size === 0 && team.lanes.delete(transfer)) onEnd();
  };
  const resume = (): void => {
    current = { ring: rings.take(), unread: 0, isLeft: false };
    lane.uses.add(current);
    onUse(1);
    send({ kind: 'ring', transfer, ring: current.ring.memory });
  };
  const pause = (): void => {
    if (current === undefined) return;
    current.isLeft = true;
    send({ kind: 'ring', transfer, ring: undefined });
    lane.settleUse(current);
    current = undefined;
  };
  send({ kind: 'begin', transfer });
  resume();

  return {
    get ring() {
      if (current === undefined) throw new Error('the lane is paused');
      return current.ring;
    },
    digests: lane.finished.promise,
    hash(slot, length, start = 0) {
      if (team.failure !== undefined) return Promise.reject(team.failure);
      if (current === undefined) return Promise.reject(new Error('the lane is paused'));
      const { ring } = current;
      lastPiece += 1;
      const read = Promise.withResolvers<void>();
      lane.reading.set(lastPiece, { read, use: current });
      current.unread += 1;
      Atomics.store(ring.counters, slot, team.threads.length);
      const offset = ring.byteOffset + slot * ring.slotBytes + start;
      send({ kind: 'piece', transfer, piece: lastPiece, offset, length, counter: slot });
      return read.promise;
    },
    pause,
    resume,
    mark(checksum) {
      lane.checksum = Promise.withResolvers();
      lane.checksum.promise.catch(() => undefined);
      send({ kind: 'mark', transfer, checksum });
    },
    check() {
      if (team.failure !== undefined) return Promise.reject(team.failure);
      if (lane.checksum === undefined) return Promise.reject(new Error('nothing is marked'));
      send({ kind: 'check', transfer });
      return lane.checksum.promise;
    },
    settle: (isKept) => send({ kind: 'settle', transfer, isKept }),
    finish() {
      if (team.failure !== undefined) return Promise.reject(team.failure);
      // Also while paused, waiting for the answer keeps the process alive.
      onUse(1);
      send({ kind: 'finish', transfer });
      return lane.finished.promise.finally(() => onUse(-1));
    },
    release() {
      if (isReleased) return;
      isReleased = true;
      pause();
      send({ kind: 'drop', transfer });
      leaveIfOver();
    },
  };
}

function takeAnswer(team: TeamState, algorithm: DigestAlgorithm, message: WorkerAnswer): void {
  const lane = team.lanes.get(message.transfer);
  if (lane === undefined) return;
  switch (message.kind) {
    case 'read': {
      const piece = lane.reading.get(message.piece);
      if (piece === undefined) return;
      lane.reading.delete(message.piece);
      piece.use.unread -= 1;
      piece.read.resolve();
      lane.settleUse(piece.use);
      return;
    }
    case 'checksum':
      lane.checksum?.resolve(message.checksum);
      return;
    case 'digest': {
      lane.digests[algorithm] = message.digest;
      const { sha256, sha512, md5 } = lane.digests;
      if (sha256 !== undefined && sha512 !== undefined && md5 !== undefined) lane.finished.resolve({ sha256, sha512, md5 });
    }
  }
}

function failLanes(team: TeamState, failure: AppError): void {
  team.failure = failure;
  for (const lane of team.lanes.values()) {
    for (const { read } of lane.reading.values()) read.reject(failure);
    lane.reading.clear();
    lane.finished.reject(failure);
    lane.checksum?.reject(failure);
    for (const use of lane.uses) lane.settleUse(use);
  }
}
