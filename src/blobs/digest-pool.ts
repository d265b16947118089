/** The hash threads: teams of three (one per algorithm) that start with the first large upload, are shared, and end when idle. */
import { availableParallelism } from 'node:os';
import { AppError } from '#base/app-error.ts';
import type { DigestLane, RingSource } from './digest-lane.ts';
import { createDigestRing, type DigestRing } from './digest-ring.ts';
import { createDigestTeam, type DigestTeam } from './digest-team.ts';

const mebibyte = 1024 * 1024;
// Enough slots to keep three threads, the disk and the source busy at once. When many uploads run at once, each is slow
// anyway, and what counts is what they hold together.
const largeRing = { slotBytes: mebibyte, slotCount: 8 };
const smallRing = { slotBytes: mebibyte / 4, slotCount: 4 };
const largeRingsMax = 8;

export interface DigestPoolOptions {
  /** Default: one team per three processors, at least one, at most four. */
  readonly teamsMax?: number;
  /** A team without work ends after this. Default 30 s. */
  readonly idleMs?: number;
}

export interface DigestPool extends AsyncDisposable {
  /** A lane of the team with the least to do. Give it back by `release`, whatever happens. */
  begin(): DigestLane;
  /** A ring for bytes that nobody hashes. Give it back when the last of them has been written. */
  takeRing(): DigestRing;
  giveBack(ring: DigestRing): void;
  /** Teams whose threads run now. */
  readonly teamCount: number;
}

export function createDigestPool(options: DigestPoolOptions = {}): DigestPool {
  const teamsMax = options.teamsMax ?? Math.min(4, Math.max(1, Math.floor(availableParallelism() / 3)));
  const idleMs = options.idleMs ?? 30_000;
  const teams = new Set<DigestTeam>();
  const rings = createRings(idleMs);
  let isClosed = false;

  function takeTeam(): DigestTeam {
    const [idlest] = [...teams].sort((a, b) => a.busyCount - b.busyCount);
    if (idlest !== undefined && (idlest.busyCount === 0 || teams.size >= teamsMax)) return idlest;
    const team = createDigestTeam({ idleMs, onEnd: () => void teams.delete(team) });
    teams.add(team);
    return team;
  }

  return {
    begin() {
      if (isClosed) throw new AppError('STORE_UNAVAILABLE', 'The server is stopping.');
      return takeTeam().begin(rings);
    },
    takeRing() {
      if (isClosed) throw new AppError('STORE_UNAVAILABLE', 'The server is stopping.');
      return rings.take();
    },
    giveBack: (ring) => rings.giveBack(ring, true),
    get teamCount() {
      return teams.size;
    },
    async [Symbol.asyncDispose]() {
      isClosed = true;
      await Promise.all([...teams].map((team) => team[Symbol.asyncDispose]()));
      rings.clear();
    },
  };
}

/** Rings in use and a few beside them, which go when nobody has taken one for `idleMs`. */
function createRings(idleMs: number): RingSource & { clear(): void } {
  const spare: DigestRing[] = [];
  let largeRings = 0;
  let timer: NodeJS.Timeout | undefined;

  const clear = (): void => {
    clearTimeout(timer);
    largeRings -= spare.length;
    spare.length = 0;
  };

  return {
    clear,
    take() {
      const kept = spare.pop();
      if (kept !== undefined) return kept;
      if (largeRings >= largeRingsMax) return createDigestRing(smallRing.slotBytes, smallRing.slotCount);
      largeRings += 1;
      return createDigestRing(largeRing.slotBytes, largeRing.slotCount);
    },
    giveBack(ring, isClean) {
      if (ring.slotBytes !== largeRing.slotBytes) return;
      // After a crash a thread may still be reading: that memory is not used again.
      if (isClean) spare.push(ring);
      else largeRings -= 1;
      clearTimeout(timer);
      timer = setTimeout(clear, idleMs).unref();
    },
  };
}
