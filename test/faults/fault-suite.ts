/** Strikes failpoints one after another, and judges after each what is left. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { FaultMode } from '#base/failpoint.ts';
import { NotYet } from './fault-errors.ts';
import { createPublished, remove, runJob } from './fault-steps.ts';
import { type FaultCase, faultTable, isReachedOn, scenarios } from './fault-table.ts';
import { type FaultWorld, openWorld, persist, revive } from './fault-world.ts';
import { judge, settle } from './judge-world.ts';
import type { OutsideStore } from './outside-store.ts';
import { scanFailpoints } from './scan-failpoints.ts';

/** All modes at each point, not only the worst. */
export const isMatrix = process.env['VITRINE_TEST_FAULT_MATRIX'] === '1';

export interface SuiteOptions {
  readonly kind: 'filesystem' | 's3';
  readonly open: () => Promise<OutsideStore>;
  /** Of the points that this store reaches. */
  readonly isMeant: (name: string) => boolean;
}

/** Whether the point is one of what clients do; the others are of maintenance, and of the drivers. */
export function isOfClients(name: string): boolean {
  return ['upload', 'pack', 'blobs', 'negotiate', 'publish', 'delete', 'restore'].includes(name.split(':')[0] ?? '');
}

/** One `it` for each point and mode. */
export function strikeFailpoints({ kind, open, isMeant }: SuiteOptions): void {
  let world: FaultWorld | undefined;
  beforeAll(async () => {
    world = await openWorld(open);
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  const points = scanFailpoints().filter(({ name }) => isReachedOn(name, kind) && isMeant(name));
  const cases = points.flatMap(({ name, tears }) => {
    const fault = faultTable.get(name);
    // What the table lacks is told by its own test.
    if (fault === undefined) return [];
    return modesOf(fault, tears).map((mode) => ({ name, mode, fault }));
  });
  it.each(cases)(
    '$mode at $name in $fault.scenario',
    async ({ name, mode, fault }) => {
      world ??= await openWorld(open);
      try {
        await strike(world, name, mode, fault);
      } catch (error) {
        const output = world.server.output().slice(-4000);
        // Whatever went wrong is not to be seen again in what comes after.
        await world[Symbol.asyncDispose]();
        world = undefined;
        throw new Error(`${error instanceof Error ? error.message : String(error)}\n${output}`, { cause: error });
      }
    },
    120_000,
  );
}

function modesOf({ worst }: FaultCase, tears: boolean): readonly FaultMode[] {
  if (!isMatrix) return [worst];
  return tears ? ['truncate'] : ['fail', 'delay', 'kill'];
}

async function strike(world: FaultWorld, name: string, mode: FaultMode, fault: FaultCase): Promise<void> {
  if (world.witnesses.size === 0) world.witnesses.add(await createPublished(world));
  const act = await scenarios[fault.scenario](world);
  world.failures.length = 0;
  await world.server.arm(`${name}=${mode}@${fault.hit}`);
  const disturbed = mode === 'delay' ? disturb(world) : undefined;
  await act();
  await disturbed;
  const struck = await world.server.struck();
  if (world.server.isDead()) await revive(world);
  await world.server.arm('');
  await settle(world);
  expect({ struck, wrong: await judge(world) }).toEqual({ struck: [`${name}=${mode}`], wrong: [] });
  // The one that was struck may say so; nothing else fails.
  const isInjected = mode === 'fail' || mode === 'truncate';
  expect(isInjected ? world.failures.slice(1) : world.failures).toEqual([]);
  await clear(world, fault);
}

/** What waits there meets the maintenance of somebody who is in a hurry. */
async function disturb(world: FaultWorld): Promise<void> {
  await persist(world, async () => {
    if ((await world.server.struck()).length === 0) throw new NotYet('nothing waits yet');
  });
  await runJob(world, 'stores:reconcile', { repair: true, strayAgeMs: 0 });
  await runJob(world, 'blobs:collect', { graceMs: 0 });
}

/** Takes away what the scenario made, but for the witnesses; the next one's maintenance collects it. */
async function clear(world: FaultWorld, fault: FaultCase): Promise<void> {
  if (['purge', 'schedule', 'restoreDeleted'].includes(fault.scenario)) await revive(world);
  for (const id of [...world.ledger.blobs.keys()].filter((made) => !world.witnesses.has(made))) await remove(world, id);
}
