/**
 * Failpoints: named places where a test makes a running server fail, wait, tear a write or die. Without a plan they cost one
 * comparison; a plan comes from the environment of a test's process only, never from configuration.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** `truncate` counts at places that write bytes only: half of the piece is written, then it fails. */
export type FaultMode = 'fail' | 'delay' | 'truncate' | 'kill';

interface Fault {
  readonly mode: FaultMode;
  /** Strikes at this hit and no other, counted from 1. */
  readonly hit: number;
}

type Plan = Map<string, Fault & { hits: number }>;

const delayMs = 1500;
const variable = 'VITRINE_TEST_FAILPOINTS';

let plan: Plan | undefined;
/** Where a test changes the plan while the process runs. */
let control: { readonly folder: string; text: string } | undefined;

/** @param text `name=mode[@hit]`, separated by commas; nothing at all: none strikes. */
export function armFailpoints(text: string): void {
  plan = parsePlan(text);
  control = undefined;
}

/**
 * By VITRINE_TEST_FAILPOINTS: a plan; or the path of a folder, whose file `plan` is looked at whenever a failpoint is passed, and
 * to whose file `struck` each that strikes is written, before it does. Says so on standard error: nobody shall run such a server
 * without knowing.
 */
export function armFromEnvironment(environment: Readonly<Record<string, string | undefined>>): void {
  const text = environment[variable];
  if (text === undefined || text === '') return;
  if (text.startsWith('/')) {
    plan = new Map();
    control = { folder: text, text: '' };
  } else armFailpoints(text);
  process.stderr.write(`vitrine: ${variable} is set: this process fails, waits or dies where a test tells it to.\n`);
}

function parsePlan(text: string): Plan {
  const parts = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  return new Map(
    parts.map((part) => {
      const match = /^([a-z0-9:.-]+)=(fail|delay|truncate|kill)(?:@(\d+))?$/.exec(part);
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
  if (control !== undefined) followControl(control);
  const fault = plan?.get(name);
  if (fault === undefined) return undefined;
  fault.hits += 1;
  if (fault.hits !== fault.hit) return undefined;
  if (control !== undefined) appendFileSync(join(control.folder, 'struck'), `${name}=${fault.mode}\n`);
  return fault;
}

function followControl(followed: { readonly folder: string; text: string }): void {
  const text = readFileSync(join(followed.folder, 'plan'), 'utf8');
  if (text === followed.text) return;
  followed.text = text;
  plan = parsePlan(text);
}
