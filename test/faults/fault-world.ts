/** What a scenario plays in: one database, one store, a server that may die, and a log of all that the server acknowledged. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '#metadata/database.ts';
import { createTestDatabase } from '#test/support/database.ts';
import { LostConnection, NotYet, Refused } from './fault-errors.ts';
import { type FaultyServer, type MortalServer, startFaultyServer } from './faulty-server.ts';
import type { OutsideStore } from './outside-store.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly json: Readonly<Record<string, unknown>>;
}

/** What the server acknowledged, and must be true from then on. */
export interface Ledger {
  /** By artifact, then by path in its slot `files`: the SHA-256. */
  readonly blobs: Map<string, Map<string, string>>;
  readonly published: Set<string>;
  readonly deleted: Set<string>;
}

export interface World {
  readonly server: MortalServer;
  readonly store: OutsideStore;
  readonly sql: Database;
  readonly ledger: Ledger;
  /** Answers that a server in order does not give. */
  readonly failures: string[];
}

/** One in which failpoints strike. */
export interface FaultWorld extends World, AsyncDisposable {
  readonly server: FaultyServer;
  /** Artifacts that stay over all scenarios. */
  readonly witnesses: Set<string>;
}

export function emptyLedger(): Ledger {
  return { blobs: new Map(), published: new Set(), deleted: new Set() };
}

export async function openWorld(openStore: () => Promise<OutsideStore>): Promise<FaultWorld> {
  await using stack = new AsyncDisposableStack();
  const store = stack.use(await openStore());
  const database = stack.use(await createTestDatabase({ poolSize: 2 }));
  const server = stack.use(await startFaultyServer({ databaseUrl: database.url, store: store.config }));
  const kept = stack.move();
  return {
    ...{ server, store, sql: database.db },
    ledger: emptyLedger(),
    ...{ failures: [], witnesses: new Set<string>() },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Longer than a silent worker keeps its job. */
const patienceMs = 40_000;
const worthAnotherTry = new Set([
  ...['INTERNAL', 'STORE_UNAVAILABLE', 'UPLOAD_BUSY', 'UPLOAD_LOCKED', 'UPLOAD_OFFSET_MISMATCH'],
  ...['UPLOAD_INTERRUPTED', 'UPLOAD_NOT_FOUND', 'UPLOAD_GONE', 'JOB_NOT_FOUND'],
]);

/** Tries a step again as a client would: what is lost, and what was refused for a while. @throws what no second try changes */
export async function persist<T>(world: World, step: () => Promise<T>): Promise<T> {
  const until = performance.now() + patienceMs;
  for (;;) {
    try {
      return await step();
    } catch (error) {
      const isPassing = error instanceof Refused && worthAnotherTry.has(error.code);
      if (!isPassing && !(error instanceof LostConnection) && !(error instanceof NotYet)) throw error;
      if (performance.now() > until) throw new Error('a step did not succeed however often it was tried', { cause: error });
      if (error instanceof LostConnection) await untilDeadOrFine(world);
    }
    if (world.server.isDead()) await revive(world);
    else await sleep(50);
  }
}

/** A connection that broke is the first sign of a death; the process's end is seen a little later. */
async function untilDeadOrFine({ server }: World): Promise<void> {
  for (let waited = 0; waited < 300 && !server.isDead(); waited += 20) await sleep(20);
}

/** Starts the server again; what the dead one held runs out, which else takes up to a minute. */
export async function revive(world: World, env?: Readonly<Record<string, string>>): Promise<void> {
  await world.server.restart(env);
  await world.sql.query({
    text: `UPDATE upload_session SET writer_expires_at = clock_timestamp() - interval '1 second' WHERE writer IS NOT NULL`,
  });
  await world.sql.query({
    text: `UPDATE vitrine_jobs.job SET heartbeat_on = now() - interval '1 minute' WHERE state = 'active'`,
  });
}

export function acknowledge({ ledger }: World, artifact: string, path: string, sha256: string): void {
  const paths = ledger.blobs.get(artifact) ?? new Map<string, string>();
  ledger.blobs.set(artifact, paths.set(path, sha256));
}
