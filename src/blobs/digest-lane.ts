/** One transfer's share of a team of hash threads: a ring while bytes come, a state in each thread until its digests are known. */
import type { AppError } from '#base/app-error.ts';
import type { DigestRing } from './digest-ring.ts';
import type { WorkerAnswer, WorkerOrder } from './digest-worker.ts';

export const digestAlgorithms = ['sha256', 'sha512', 'md5'] as const;
export type DigestAlgorithm = (typeof digestAlgorithms)[number];
/** Lower-case hex by algorithm. */
export type Digests = { readonly [algorithm in DigestAlgorithm]: string };

/** Of one request's bytes, where its sender names one. */
type ChecksumAlgorithm = 'sha1' | 'md5' | 'sha256' | 'sha512';

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

/** What a lane has of its team. */
export interface LaneTeam {
  readonly threadCount: number;
  readonly failure: AppError | undefined;
  send(order: WorkerOrder): void;
  /** A ring or an answer more, or fewer, that the threads work for. */
  onUse(change: 1 | -1): void;
}

export interface OpenLane {
  readonly lane: DigestLane;
  take(algorithm: DigestAlgorithm, answer: WorkerAnswer): void;
  fail(failure: AppError): void;
}

/** A ring in the hands of a lane, until the lane has left it and the last thread has read it. */
interface RingUse {
  readonly ring: DigestRing;
  unread: number;
  isLeft: boolean;
}

interface RingUses {
  readonly current: RingUse | undefined;
  readonly isEmpty: boolean;
  begin(): RingUse;
  /** The lane needs it no more; the threads may. */
  leave(): void;
  /** Gives the ring back if nobody needs it. */
  settle(use: RingUse): void;
  settleAll(): void;
}

function createRingUses(team: LaneTeam, rings: RingSource, onGone: () => void): RingUses {
  const uses = new Set<RingUse>();
  let current: RingUse | undefined;
  const settle = (use: RingUse): void => {
    if (!use.isLeft || (use.unread > 0 && team.failure === undefined) || !uses.delete(use)) return;
    rings.giveBack(use.ring, team.failure === undefined);
    team.onUse(-1);
    onGone();
  };
  return {
    get current() {
      return current;
    },
    get isEmpty() {
      return uses.size === 0;
    },
    begin() {
      current = { ring: rings.take(), unread: 0, isLeft: false };
      uses.add(current);
      team.onUse(1);
      return current;
    },
    leave() {
      const left = current;
      current = undefined;
      if (left === undefined) return;
      left.isLeft = true;
      settle(left);
    },
    settle,
    settleAll() {
      for (const use of uses) settle(use);
    },
  };
}

/** @param onEnd called once, after the release, when no thread reads for it any more */
export function openLane(team: LaneTeam, transfer: number, rings: RingSource, onEnd: () => void): OpenLane {
  const reading = new Map<number, { readonly read: PromiseWithResolvers<void>; readonly use: RingUse }>();
  const digests: Partial<Record<DigestAlgorithm, string>> = {};
  const finished = Promise.withResolvers<Digests>();
  // Nobody may be waiting for it yet when the team fails.
  finished.promise.catch(() => undefined);
  let checksum: PromiseWithResolvers<string> | undefined;
  let lastPiece = 0;
  let isReleased = false;
  let answersAwaited = 0;
  let isEnded = false;
  const leaveIfOver = (): void => {
    if (!isReleased || isEnded || !uses.isEmpty) return;
    isEnded = true;
    onEnd();
  };
  const uses = createRingUses(team, rings, leaveIfOver);
  const endWait = (): void => {
    for (; answersAwaited > 0; answersAwaited -= 1) team.onUse(-1);
  };

  const resume = (): void => team.send({ kind: 'ring', transfer, ring: uses.begin().ring.memory });
  const pause = (): void => {
    if (uses.current === undefined) return;
    team.send({ kind: 'ring', transfer, ring: undefined });
    uses.leave();
  };

  function hash(slot: number, length: number, start = 0): Promise<void> {
    const use = uses.current;
    if (team.failure !== undefined) return Promise.reject(team.failure);
    if (use === undefined) return Promise.reject(new Error('the lane is paused'));
    lastPiece += 1;
    const read = Promise.withResolvers<void>();
    reading.set(lastPiece, { read, use });
    use.unread += 1;
    Atomics.store(use.ring.counters, slot, team.threadCount);
    const offset = use.ring.byteOffset + slot * use.ring.slotBytes + start;
    team.send({ kind: 'piece', transfer, piece: lastPiece, offset, length, counter: slot });
    return read.promise;
  }

  function take(algorithm: DigestAlgorithm, answer: WorkerAnswer): void {
    if (answer.kind === 'checksum') checksum?.resolve(answer.checksum);
    else if (answer.kind === 'digest') {
      digests[algorithm] = answer.digest;
      const { sha256, sha512, md5 } = digests;
      if (sha256 !== undefined && sha512 !== undefined && md5 !== undefined) finished.resolve({ sha256, sha512, md5 });
    } else {
      const piece = reading.get(answer.piece);
      if (piece === undefined) return;
      reading.delete(answer.piece);
      piece.use.unread -= 1;
      piece.read.resolve();
      uses.settle(piece.use);
    }
  }

  function fail(failure: AppError): void {
    for (const { read } of reading.values()) read.reject(failure);
    reading.clear();
    finished.reject(failure);
    checksum?.reject(failure);
    uses.settleAll();
  }

  const lane: DigestLane = {
    get ring() {
      if (uses.current === undefined) throw new Error('the lane is paused');
      return uses.current.ring;
    },
    digests: finished.promise,
    hash,
    pause,
    resume,
    mark(algorithm) {
      checksum = Promise.withResolvers();
      checksum.promise.catch(() => undefined);
      team.send({ kind: 'mark', transfer, checksum: algorithm });
    },
    check() {
      if (team.failure !== undefined) return Promise.reject(team.failure);
      if (checksum === undefined) return Promise.reject(new Error('nothing is marked'));
      team.send({ kind: 'check', transfer });
      return checksum.promise;
    },
    settle: (isKept) => team.send({ kind: 'settle', transfer, isKept }),
    finish() {
      if (team.failure !== undefined) return Promise.reject(team.failure);
      // Also while paused, waiting for the answer keeps the process alive.
      team.onUse(1);
      answersAwaited += 1;
      team.send({ kind: 'finish', transfer });
      return finished.promise.finally(endWait);
    },
    release() {
      if (isReleased) return;
      isReleased = true;
      endWait(); // Of a lane that is gone no answer is heard.
      pause();
      team.send({ kind: 'drop', transfer });
      leaveIfOver();
    },
  };
  team.send({ kind: 'begin', transfer });
  resume();
  return { lane, take, fail };
}
