/**
 * Failpoints: named places where a test makes a running server fail, wait, tear a write or die. Without a plan they cost one
 * comparison; a plan comes from the environment of a test's process only (`armFailpoints`), never from configuration.
 */
import { setTimeout as sleep } from 'node:timers/promises';

/** `truncate` counts at places that write bytes only: half of the piece is written, then it fails. */
export type FaultMode = 'fail' | 'delay' | 'truncate' | 'kill';

export interface Fault {
  readonly mode: FaultMode;
  /** Strikes at this hit and no other, counted from 1. */
  readonly hit: number;
}

const delayMs = 1500;

let plan: Map<string, Fault & { hits: number }> | undefined;

/** @param text `name=mode[@hit]`, separated by commas. */
export function armFailpoints(text: string): void {
  plan = new Map(
    text.split(',').map((part) => {
      const match = /^([a-z0-9:.-]+)=(fail|delay|truncate|kill)(?:@(\d+))?$/.exec(part.trim());
      const [, name, mode, hit] = match ?? [];
      if (name === undefined) throw new TypeError(`no failpoint: ${part}`);
      return [name, { mode: mode as FaultMode, hit: Number(hit ?? 1), hits: 0 }];
    }),
  );
}

/** `await failpoint('upload:after-durable')`. @throws Error with the point's name, where a test wants it to fail */
export function failpoint(name: string): Promise<void> | undefined {
  if (plan === undefined) return undefined;
  return strike(name);
}

/** The bytes that are to be written: all of them, or their first half where a test tears this write, which must fail then. */
export function tornWrite<Bytes extends Uint8Array>(
  name: string,
  bytes: Bytes,
): { readonly bytes: Uint8Array; readonly isTorn: boolean } {
  const fault = plan === undefined ? undefined : count(name);
  if (fault?.mode !== 'truncate') return { bytes, isTorn: false };
  return { bytes: bytes.subarray(0, bytes.length >> 1), isTorn: true };
}

async function strike(name: string): Promise<void> {
  const fault = count(name);
  if (fault === undefined) return;
  if (fault.mode === 'kill') process.kill(process.pid, 'SIGKILL');
  if (fault.mode === 'delay') await sleep(delayMs);
  if (fault.mode === 'fail' || fault.mode === 'truncate') throw new Error(`failpoint ${name}`);
}

function count(name: string): Fault | undefined {
  const fault = plan?.get(name);
  if (fault === undefined) return undefined;
  fault.hits += 1;
  return fault.hits === fault.hit ? fault : undefined;
}
